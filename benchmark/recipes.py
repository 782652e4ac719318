"""Recipes: a method's settings for each benchmark and profile, every value with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.errors import InputError
from benchmark.records import Profile, Training
from benchmark.registry import Plugin

Source = Literal["paper", "official-code", "estimate", "suite", "command line"]

QUICK = {"steps": 200, "batch_size": 16, "looks": 5}
"""What the quick profile allows at most."""


class Value(BaseModel):
    """A recipe's leaf: a value, where it comes from, and a remark where that needs one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Any
    source: Source
    note: str = ""


class Block(BaseModel):
    """Settings of the method (`config`), of the training, and the sources of pseudo-labels (`inputs`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: dict[str, Value] = {}
    training: dict[str, Value] = {}
    inputs: dict[str, Value] = {}


class RecipeFile(BaseModel):
    """A recipe as written in YAML: a default block, then what differs for a benchmark or a profile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    default: Block = Block()
    benchmarks: dict[str, Block] = {}
    profiles: dict[Profile, Block] = {}


@dataclass(frozen=True)
class Recipe:
    """A recipe resolved for one benchmark and profile: section -> key -> value with its source."""

    sections: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def values(self, section: str) -> dict[str, Any]:
        """Return the plain values of one section (`config`, `training` or `inputs`)."""
        return {key: leaf.value for key, leaf in self.sections[section].items()}

    def training(self) -> Training:
        """Return the training settings, validated."""
        return Training.model_validate(self.values("training"))


def read_recipe(plugin: Plugin) -> RecipeFile:
    """Read a method's recipe; an empty one if it brings none.

    Raises
    ------
    InputError
        If the file is not a recipe.
    """
    path = plugin.recipe_path()
    if path is None:
        return RecipeFile(method=plugin.name)
    try:
        return RecipeFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a recipe: {first_error(error)}") from None


def resolve_recipe(
    plugin: Plugin, benchmark: str, profile: Profile, overrides: Sequence[str] = ()
) -> tuple[Recipe, set[str]]:
    """Resolve a method's recipe for a benchmark and a profile.

    Later wins: suite defaults, recipe default, benchmark, suite-wide quick limits, the recipe's profile, overrides.

    Parameters
    ----------
    overrides
        ``[METHOD.][SECTION.]KEY=VALUE`` settings from the command line. One whose key the method does not know is left
        alone, since it may be meant for another method of the table; the caller checks that each was used by one.

    Returns
    -------
    The recipe, and those of the overrides that it took.
    """
    source = read_recipe(plugin)
    config_fields = plugin.load().Config.model_fields
    sections: dict[str, dict[str, Value]] = {
        "config": {
            key: Value(value=field.get_default(call_default_factory=True), source="suite")
            for key, field in config_fields.items()
            if not field.is_required()
        },
        "training": {key: Value(value=value, source="suite") for key, value in Training().model_dump().items()},
        "inputs": {key: Value(value="auto", source="suite") for key in plugin.load().inputs},
    }
    for block in (source.default, source.benchmarks.get(benchmark, Block())):
        _merge(sections, block)
    if profile == "quick":
        _limit_to_quick(sections["training"])
    _merge(sections, source.profiles.get(profile, Block()))
    known = {
        "config": set(config_fields),
        "training": set(Training.model_fields),
        "inputs": set(plugin.load().inputs),
    }
    used = {text for text in overrides if _apply(sections, known, plugin.name, text)}
    recipe = Recipe(sections)
    try:
        recipe.training()
        plugin.load().Config.model_validate(recipe.values("config"))
    except ValidationError as error:
        raise InputError(f"recipe of {plugin.name}: {first_error(error)}") from None
    return recipe, used


def first_error(error: Exception) -> str:
    """Say the first thing that is wrong, in one line."""
    if isinstance(error, ValidationError):
        detail = error.errors()[0]
        place = ".".join(str(part) for part in detail["loc"])
        return f"{place}: {detail['msg']}" if place else str(detail["msg"])
    return " ".join(str(error).split())


def _merge(sections: dict[str, dict[str, Value]], block: Block) -> None:
    for name in sections:
        sections[name].update(getattr(block, name))


def _limit_to_quick(training: dict[str, Value]) -> None:
    for key, limit in QUICK.items():
        if training[key].value > limit:
            training[key] = Value(value=limit, source="suite", note="quick profile")
    training["crops"] = Value(value=1, source="suite", note="quick profile")


def _apply(sections: dict[str, dict[str, Value]], known: Mapping[str, set[str]], method: str, text: str) -> bool:
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set {text}: write KEY=VALUE")
    *section, key = path.removeprefix(f"{method}.").split(".")
    matches = [name for name in known if key in known[name] and section in ([], [name])]
    if not matches:
        return False
    if len(matches) > 1:
        raise InputError(f"--set {text}: {key} is in {' and '.join(matches)}; write {matches[0]}.{key}=…")
    try:
        sections[matches[0]][key] = Value(value=yaml.safe_load(value), source="command line")
    except yaml.YAMLError:
        raise InputError(f"--set {text}: the value cannot be read") from None
    return True
