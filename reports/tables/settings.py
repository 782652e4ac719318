"""Settings of a search in words: without their sections where these say nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from benchmark.terms import Range


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Return ``SECTION.KEY`` -> ``KEY``, or the whole where several sections have that key."""
    keys = {name: name.partition(".")[2] for name in names}
    taken = Counter(keys.values())
    return {name: key if taken[key] == 1 else name for name, key in keys.items()}


def shown_value(value: object) -> str:
    """Show a value as `--set` takes it, numbers with six digits."""
    if isinstance(value, str):
        return value
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else json.dumps(value)


def said_settings(settings: Mapping[str, object]) -> str:
    """List settings with their values: ``learning_rate 0.00031, dropout 0.45``."""
    return ", ".join(f"{short} {shown_value(settings[name])}" for name, short in short_names(settings).items())


def said_ranges(ranges: Mapping[str, Range]) -> str:
    """List settings with the values that a search draws from."""
    return ", ".join(f"{short} {said_range(ranges[name])}" for name, short in short_names(ranges).items())


def said_range(values: Range) -> str:
    """Say what a search draws from: ``1e-5 to 0.01 (log)``, or a few values."""
    if values.choices:
        return "/".join(map(shown_value, values.choices))
    return f"{shown_value(values.low)} to {shown_value(values.high)}{' (log)' if values.log else ''}"
