"""What a search found, as a recipe says it."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterator

from benchmark.terms import HELD_OUT
from benchmark.tuning.planning import TRIAL_SEEDS, MethodSearch, as_settings
from benchmark.tuning.trials import Trials


def has_recipe(search: MethodSearch) -> bool:
    """Return whether what was found belongs into a recipe that is there, and not to a preset or add-ons."""
    pipeline = search.pipeline
    return not pipeline.preset and not pipeline.add_ons and pipeline.method.recipe_path() is not None


def to_options(found: Trials) -> str:
    """Return the best settings as options of a command."""
    settings = as_settings(found.best.settings) if found.best else ()
    return shlex.join(part for setting in settings for part in ("--set", setting))


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
    lines = [
        f"# Held-out AUC {100 * best.held_out:.2f}, the best of {len(found.drawn)}.",
        *([f"method: {method}"] if method else []),
        "profiles:",
        f"  {search.choices.profile}:",
        *_sections(search, found),
    ]
    return "\n".join(lines) + "\n"


def repeat_command(search: MethodSearch) -> str:
    """Return the command that finds the same again, given the datasets and the method; defaults go without saying."""
    choices, wanted = search.choices, search.search
    searched = ",".join(name.partition(".")[2] for name in search.ranges)
    parts = ["wvad", "tune", search.pipeline.name, "--dataset", ",".join(dataset.name for dataset in search.datasets)]
    parts += ["--trials", str(wanted.trials)]
    parts += ["--search", searched] if wanted.names else []
    parts += ["--sampler", wanted.sampler] if wanted.sampler != "random" else []
    if wanted.folds is not None:
        parts += ["--folds", str(wanted.folds)]
    else:
        parts += ["--seeds", str(choices.seeds)] if choices.seeds != TRIAL_SEEDS else []
        parts += ["--holdout", f"{choices.holdout:g}"] if choices.holdout != HELD_OUT else []
    parts += ["--profile", choices.profile] if choices.profile != "quick" else []
    parts += [part for setting in (*choices.overrides, *search.settings) for part in ("--set", setting)]
    return shlex.join(parts)


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
