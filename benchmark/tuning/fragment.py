"""What a search found, as a recipe says it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from benchmark.tuning.planning import HELD_OUT, TRIAL_SEEDS, MethodSearch
from benchmark.tuning.trials import Trials


def to_recipe(search: MethodSearch, found: Trials, method: str | None = None) -> str:
    """Return the best settings as a block of a recipe in YAML; empty where there are none.

    Each value has the command that finds it again: without the folders and machines of this call.

    Parameters
    ----------
    method
        Whose recipe it is, where the text is to be one by itself.
    """
    best = found.best
    if best is None or best.held_out is None:
        return ""
    preset, profile = search.pipeline.preset, search.choices.profile
    head = ["presets", preset] if preset else ["profiles", profile]
    lines = [
        f"# Held-out AUC {100 * best.held_out:.2f}, best of {len(found.drawn)} trials.",
        *([f"method: {method}"] if method else []),
        f"{head[0]}:",
        f"  {head[1]}:",
        *_sections(search, found),
    ]
    return "\n".join(lines) + "\n"


def repeat_command(search: MethodSearch) -> str:
    """Return the command that finds the same again on any machine with the datasets; defaults go without saying."""
    choices, wanted = search.choices, search.search
    parts = [
        f"wvad tune {search.pipeline.name}",
        f"--dataset {','.join(dataset.name for dataset in search.datasets)}",
        f"--trials {wanted.trials}",
        *([f"--search {','.join(name.partition('.')[2] for name in search.ranges)}"] if wanted.names else []),
        *(["--sampler tpe"] if wanted.sampler == "tpe" else []),
        *([f"--folds {wanted.folds}"] if wanted.folds else []),
        *([f"--seeds {choices.seeds}"] if choices.seeds != TRIAL_SEEDS and not wanted.folds else []),
        *([f"--holdout {choices.holdout:g}"] if choices.holdout != HELD_OUT and not wanted.folds else []),
        *([f"--profile {choices.profile}"] if choices.profile != "quick" else []),
        *(f"--set {setting}" for setting in (*choices.overrides, *search.settings)),
    ]
    return " ".join(parts)


def _sections(search: MethodSearch, found: Trials) -> Iterator[str]:
    sections: dict[str, dict[str, object]] = defaultdict(dict)
    for name, value in found.best.settings.items() if found.best else ():
        section, _, key = name.partition(".")
        sections[section][key] = value
    note = json.dumps(repeat_command(search), ensure_ascii=False)
    for section, settings in sections.items():
        yield f"    {section}:"
        for key, value in settings.items():
            yield f"      {key}: {{value: {_value(value)}, source: search, note: {note}}}"


def _value(value: object) -> str:
    """Write a value so that readers of YAML 1.1 and 1.2 agree on it."""
    text = json.dumps(value)
    return text.replace("e", ".0e", 1) if isinstance(value, float) and "e" in text and "." not in text else text
