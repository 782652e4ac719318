"""Recipes: a method's settings for each benchmark and profile, every value with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import Field, PydanticUserError, ValidationError, field_validator

from benchmark.datasets.manifest import Benchmark
from benchmark.errors import InputError
from benchmark.frozen import FrozenModel
from benchmark.records import Profile, Training
from benchmark.registry import Plugin

if TYPE_CHECKING:
    from benchmark.api import Method

QUICK = {"steps": 200, "batch_size": 12, "looks": 5}
"""What the quick profile allows at most."""


class Value(FrozenModel):
    """A recipe's leaf: a value, where it comes from, and a remark where that needs one."""

    value: Any
    source: Literal["paper", "official-code", "estimate"]
    note: str = ""


class Block(FrozenModel):
    """Settings of the method (`config`), of the training, and the sources of pseudo-labels (`inputs`)."""

    config: dict[str, Value] = Field(default_factory=dict)
    training: dict[str, Value] = Field(default_factory=dict)
    inputs: dict[str, Value] = Field(default_factory=dict)

    @field_validator("training")
    @classmethod
    def _are_training_settings(cls, settings: dict[str, Value]) -> dict[str, Value]:
        Training.model_validate({key: leaf.value for key, leaf in settings.items()})
        return settings


class Preset(Block):
    """A named variant of a recipe, such as what a paper prints where its code does otherwise."""

    description: str


class RecipeFile(FrozenModel):
    """A recipe as written in YAML: a default block, then what differs for a benchmark, a preset or a profile."""

    method: str
    default: Block = Block()
    benchmarks: dict[Benchmark, Block] = Field(default_factory=dict)
    presets: dict[str, Preset] = Field(default_factory=dict)
    profiles: dict[Profile, Block] = Field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """A resolved value with its source: a recipe's, the suite's default, or the command line."""

    value: Any
    source: str
    note: str = ""


@dataclass(frozen=True)
class Recipe:
    """A recipe resolved for one benchmark and profile: section -> key -> value with its source."""

    sections: Mapping[str, Mapping[str, Setting]]

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
        recipe = RecipeFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a recipe: {first_error(error)}") from None
    if recipe.method != path.stem:
        raise InputError(f"{path}: says that it is the recipe of {recipe.method}, not of {path.stem}")
    return recipe


def resolve_recipe(
    plugin: Plugin, benchmark: Benchmark, profile: Profile, overrides: Sequence[str] = ()
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
    source, method = read_recipe(plugin), plugin.load()
    known = {
        "config": set(method.Config.model_fields),
        "training": set(Training.model_fields),
        "inputs": {*method.inputs},
    }
    sections = _defaults(method)
    for block in (source.default, source.benchmarks.get(benchmark, Block())):
        _merge(sections, block)
    if profile == "quick":
        _limit_to_quick(sections["training"])
    _merge(sections, source.profiles.get(profile, Block()))
    used = {text for text in overrides if _apply(sections, known, plugin.name, text)}
    recipe = Recipe(sections)
    try:
        recipe.training()
        method.Config.model_validate(recipe.values("config"))
    except (ValidationError, PydanticUserError) as error:
        raise InputError(f"recipe of {plugin.name}: {first_error(error)}") from None
    for key in sections["inputs"].keys() - known["inputs"]:
        raise InputError(
            f"recipe of {plugin.name}: it has no input {key}; it has {', '.join(known['inputs']) or 'none'}"
        )
    return recipe, used


def first_error(error: Exception) -> str:
    """Say the first thing that is wrong, in one line."""
    if isinstance(error, ValidationError):
        detail = error.errors()[0]
        place = ".".join(str(part) for part in detail["loc"])
        return f"{place}: {detail['msg']}" if place else str(detail["msg"])
    return " ".join(str(error).split())


def _defaults(method: type[Method]) -> dict[str, dict[str, Setting]]:
    fields = method.Config.model_fields.items()
    config = {key: f.get_default(call_default_factory=True) for key, f in fields if not f.is_required()}
    blocks = {"config": config, "training": Training().model_dump(), "inputs": dict.fromkeys(method.inputs, "auto")}
    return {name: {key: Setting(value, "suite") for key, value in block.items()} for name, block in blocks.items()}


def _merge(sections: dict[str, dict[str, Setting]], block: Block) -> None:
    for name, section in sections.items():
        leaves: dict[str, Value] = getattr(block, name)
        section.update({key: Setting(leaf.value, leaf.source, leaf.note) for key, leaf in leaves.items()})


def _limit_to_quick(training: dict[str, Setting]) -> None:
    for key, limit in QUICK.items():
        if training[key].value > limit:
            training[key] = Setting(limit, "suite", "quick profile")
    training["crops"] = Setting(1, "suite", "quick profile")


def _apply(sections: dict[str, dict[str, Setting]], known: Mapping[str, set[str]], method: str, text: str) -> bool:
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
        sections[matches[0]][key] = Setting(yaml.safe_load(value), "command line")
    except yaml.YAMLError:
        raise InputError(f"--set {text}: the value cannot be read") from None
    return True
