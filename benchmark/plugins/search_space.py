"""What a search draws a method's settings from: ranges of the suite, of the recipe, or the bounds of the settings."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from benchmark.plugins.pipelines import Pipeline
from benchmark.plugins.recipes import QUICK, Recipe, first_error, read_recipe, resolve_recipe
from benchmark.plugins.settings import find_setting, known_settings
from benchmark.system.errors import InputError
from benchmark.system.near_names import did_you_mean
from benchmark.terms import Profile, Range, Training

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

TRAINING: Mapping[str, Range] = {
    "learning_rate": Range(
        low=1e-5,
        high=1e-2,
        log=True,
        source="estimate",
        note="The same for all methods; published ones lie in it.",
    ),
    "weight_decay": Range(
        low=1e-6,
        high=1e-2,
        log=True,
        source="estimate",
        note="The same for all methods; published ones above 0 lie in it.",
    ),
}
"""What is searched of every training, so that no method has the better range."""
QUICK_TRAINING: Mapping[str, Range] = {
    "steps": Range(
        choices=(QUICK["steps"] // 4, QUICK["steps"] // 2, QUICK["steps"]),
        source="estimate",
        note="A quarter, half and all of what the profile allows.",
    ),
}
"""And in profile quick, where some methods are done before the budget is spent."""

SEARCHED = ("config", "training")
"""Sections whose settings can be searched: none of an add-on."""
MOST_WHOLE = 64
"""Whole numbers between the bounds of a setting that is searched without being asked for."""
FACTOR = 100
"""From this ratio of its ends on, a range of numbers above 0 is searched by factors."""


def resolve_space(pipeline: Pipeline, profile: Profile) -> dict[str, Range]:
    """Return what is searched of a method: ``SECTION.KEY`` -> what is drawn from; training settings come first.

    The recipe's `search` comes over the suite's ranges of a training. Where it names no setting of the method's Config,
    numbers of that which have bounds are searched between these. Settings of add-ons are not searched.

    Raises
    ------
    InputError
        If the recipe searches what is no setting, or values that a setting cannot have.
    """
    training = {**TRAINING, **(QUICK_TRAINING if profile == "quick" else {})}
    space: dict[str, Range | None] = {f"training.{key}": range_ for key, range_ in training.items()}
    written = _written(pipeline, profile)
    space |= written
    if not any(name.startswith("config.") for name in written):
        method, _ = pipeline.load()
        space |= {f"config.{key}": range_ for key, range_ in _bounded(method.Config.model_fields)}
    names = sorted(space, key=lambda name: not name.startswith("training."))
    return {name: range_ for name in names if (range_ := space[name]) is not None}


def named_settings(texts: Iterable[str], pipeline: Pipeline, sections: Collection[str] | None = None) -> dict[str, str]:
    """Return the ``SECTION.KEY`` of each text that names a setting of a method, as ``[METHOD.][SECTION.]KEY[=VALUE]``.

    Parameters
    ----------
    sections
        Those that are meant; all unless given.

    Raises
    ------
    InputError
        If several settings are called so.
    """
    known = {name: keys for name, keys in known_settings(pipeline).items() if sections is None or name in sections}
    found = {text: find_setting(text.partition("=")[0], known, pipeline, text) for text in texts}
    return {text: ".".join(place) for text, place in found.items() if place is not None}


def _written(pipeline: Pipeline, profile: Profile) -> dict[str, Range | None]:
    """Return what the recipe says: ``SECTION.KEY`` -> a range that the setting accepts, or None for no search."""
    source, ranges = read_recipe(pipeline.method), dict[str, Range | None]()
    if not source.search:
        return ranges
    known = {section: known_settings(pipeline)[section] for section in SEARCHED}
    recipe, _ = resolve_recipe(pipeline, "other", profile)
    for path, range_ in source.search.items():
        where = f"{pipeline.method.recipe_path()}: search: {path}"
        found = find_setting(path, known, pipeline, where)
        if found is None:
            near = did_you_mean(path.rpartition(".")[2], [key for keys in known.values() for key in keys])
            lists = f"; `wvad methods {pipeline.method.name}` lists them"
            raise InputError(f"{where}: the method has no such setting{near or lists}")
        name = ".".join(found)
        if name in ranges:
            raise InputError(f"{where}: {name} is named twice; leave one")
        if range_ is not None and profile == "quick" and found in {("training", key) for key in QUICK}:
            continue  # no method gets a longer training there than the others
        ranges[name] = range_ and _accepted(range_, *found, pipeline, recipe, where)
    return ranges


def _accepted(range_: Range, section: str, key: str, pipeline: Pipeline, recipe: Recipe, where: str) -> Range:
    """Return a range whose ends are of the setting's kind: 0 and 1 of a float are no whole numbers."""
    method, _ = pipeline.load()
    model, settings = Training if section == "training" else method.Config, recipe.values(section)

    def accept(value: object) -> Any:
        try:
            return getattr(model.model_validate({**settings, key: value}), key)
        except ValidationError as error:
            raise InputError(f"{where}: {json.dumps(value)} cannot be set: {first_error(error)}") from None

    if range_.choices:
        for choice in range_.choices:
            accept(choice)
        return range_
    low, high = accept(range_.low), accept(range_.high)
    if not {type(low), type(high)} <= {int, float}:
        raise InputError(f"{where}: {key} is no number; write choices")
    return range_.model_copy(update={"low": low, "high": high})


def _bounded(fields: Mapping[str, FieldInfo]) -> Iterator[tuple[str, Range]]:
    """Iterate over the numbers that have a lower and an upper bound, and no rule beside them."""
    for name, field in fields.items():
        ends = _ends(field) if field.annotation in (int, float) else None
        if ends is None or not ends[0] < ends[1] or (field.annotation is int and ends[1] - ends[0] > MOST_WHOLE):
            continue
        low, high = ends
        log = low > 0 and round(high / low, 6) >= FACTOR
        yield name, Range(low=low, high=high, log=log, source="estimate", note="From the bounds of the setting.")


def _ends(field: FieldInfo) -> tuple[float, float] | None:
    """Return the least and the most that a number may be: a bound that it may not reach is stepped inside.

    By a hundredth of what lies between the bounds, but no more than a tenth of the way to the default.
    """
    bounds = [
        {sign: bound for sign in ("ge", "gt", "le", "lt") if (bound := getattr(rule, sign, None)) is not None}
        for rule in field.metadata
    ]
    marks = {sign: bound for rule in bounds for sign, bound in rule.items()}
    low, high = marks.get("ge", marks.get("gt")), marks.get("le", marks.get("lt"))
    if not all(bounds) or low is None or high is None or not math.isfinite(high - low):
        return None
    kind = int if field.annotation is int else float
    low, high = kind(low), kind(high)

    def step(bound: float) -> float:
        return 1 if kind is int else min((high - low) / 100, abs(field.default - bound) / 10)

    return low + step(low) * ("ge" not in marks), high - step(high) * ("le" not in marks)
