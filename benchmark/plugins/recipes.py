"""Recipes: a method's settings for each benchmark and profile, every value with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import Field, PydanticUserError, ValidationError, field_validator

from benchmark.plugins.about import About
from benchmark.plugins.pipelines import Pipeline
from benchmark.plugins.registry import AddOnPlugin, RecipePlugin
from benchmark.plugins.settings import Setting, known_settings, set_setting
from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel
from benchmark.system.names import Name
from benchmark.system.text_files import read_text
from benchmark.system.yaml_text import YamlTextError, parse_yaml
from benchmark.terms import Benchmark, Profile, Range, Source, Training

if TYPE_CHECKING:
    from benchmark.api import AddOn, Method

QUICK = {"steps": 200, "batch_size": 12, "looks": 5}
"""What the quick profile allows at most."""


class Value(FrozenModel):
    """A recipe's leaf: a value, where it comes from, and a remark where that needs one."""

    value: Any
    source: Source
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

    def published(self) -> Block:
        """Return the block without what a search has found."""

        def kept(section: dict[str, Value]) -> dict[str, Value]:
            return {key: leaf for key, leaf in section.items() if leaf.source != "search"}

        return Block(config=kept(self.config), training=kept(self.training), inputs=kept(self.inputs))


class Preset(Block):
    """A named variant of a recipe, such as what a paper prints where its code does otherwise."""

    description: str
    benchmarks: dict[Benchmark, Block] = Field(default_factory=dict)


class RecipeFile(FrozenModel):
    """A recipe as written in YAML: a default block, then what differs for a benchmark, a preset or a profile.

    What it says `about` the method is for people: no run depends on it.

    Attributes
    ----------
    search
        What `wvad tune` draws from, by settings as `--set` names them; null for one that is never searched.
    """

    method: Name
    about: About | None = None
    default: Block = Block()
    benchmarks: dict[Benchmark, Block] = Field(default_factory=dict)
    presets: dict[Name, Preset] = Field(default_factory=dict)
    profiles: dict[Profile, Block] = Field(default_factory=dict)
    search: dict[str, Range | None] = Field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A recipe resolved for one benchmark and profile: section -> key -> value with its source.

    Sections are `config`, `training`, `inputs`, and one for each add-on, called by its name.
    """

    sections: Mapping[str, Mapping[str, Setting]]

    def values(self, section: str) -> dict[str, Any]:
        """Return the plain values of one section."""
        return {key: leaf.value for key, leaf in self.sections[section].items()}

    def training(self) -> Training:
        """Return the training settings, validated."""
        return Training.model_validate(self.values("training"))


def read_recipe(plugin: RecipePlugin) -> RecipeFile:
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
        recipe = _parse(read_text(path))
    except (YamlTextError, ValidationError) as error:
        raise InputError(f"{path}: not a recipe: {first_error(error)}") from None
    if recipe.method != path.stem:
        raise InputError(f"{path}: says that it is the recipe of {recipe.method}, not of {path.stem}")
    return recipe


def read_about(plugin: RecipePlugin) -> About | None:
    """Return what a plug-in's recipe says about it, importing nothing; None if it says nothing.

    Raises
    ------
    InputError
        If the file is not a recipe.
    """
    about = read_recipe(plugin).about
    return about if about is not None and about.only in (None, plugin.attribute) else None


@lru_cache
def _parse(text: str) -> RecipeFile:
    """Read a recipe's text; a table resolves the same few again for each row and dataset."""
    return RecipeFile.model_validate(parse_yaml(text))


def resolve_recipe(
    pipeline: Pipeline, benchmark: Benchmark, profile: Profile, overrides: Sequence[str] = ()
) -> tuple[Recipe, set[str]]:
    """Resolve the recipes of a method and its add-ons for a benchmark and a profile.

    Later wins: suite defaults, recipe default, benchmark, profile, preset, suite-wide quick limits, overrides. What a
    search has found for the profile is not for a preset with values of its own.

    Parameters
    ----------
    overrides
        ``[METHOD.][SECTION.]KEY=VALUE`` settings from the command line. One whose key the method does not know is left
        alone, since it may be meant for another method of the table; the caller checks that each was used by one.

    Returns
    -------
    The recipe, and those of the overrides that it took.

    Raises
    ------
    InputError
        If a recipe or an override is wrong, or there is no such preset.
    """
    source = read_recipe(pipeline.method)
    method, add_ons = pipeline.load()
    sections = _defaults(method)
    preset = _preset(source, pipeline.preset)
    of_profile = source.profiles.get(profile, Block())
    if preset.config or preset.training or preset.benchmarks:
        of_profile = of_profile.published()  # the search was for other settings than the preset's
    _merge(sections, source.default, source.benchmarks.get(benchmark, Block()), of_profile)
    _merge(sections, preset, preset.benchmarks.get(benchmark, Block()))
    if profile == "quick":
        _limit_to_quick(sections["training"], None if method.takes_patches else method.fewest_crops)
    for plugin, add_on in zip(pipeline.add_ons, add_ons, strict=True):
        if plugin.name in sections:
            raise InputError(f"add-on {plugin.name}: its name is that of a section of every recipe; rename it")
        sections[plugin.name] = add_on_settings(plugin, add_on, benchmark)
    known = known_settings(pipeline)
    used = {text for text in overrides if set_setting(sections, known, pipeline, text)}
    recipe = Recipe(sections)
    _validate(recipe, pipeline, method, add_ons)
    return recipe, used


def first_error(error: Exception) -> str:
    """Say the first thing that is wrong, in one line."""
    if isinstance(error, ValidationError):
        detail = error.errors()[0]
        place = ".".join(str(part) for part in detail["loc"])
        return f"{place}: {detail['msg']}" if place else str(detail["msg"])
    return " ".join(str(error).split())


def _validate(recipe: Recipe, pipeline: Pipeline, method: type[Method], add_ons: Sequence[type[AddOn]]) -> None:
    try:
        recipe.training()
        method.Config.model_validate(recipe.values("config"))
    except (ValidationError, PydanticUserError) as error:
        raise InputError(f"recipe of {pipeline.method_name}: {first_error(error)}") from None
    for key, wanted in recipe.values("inputs").items():
        if key not in method.inputs:
            raise InputError(
                f"recipe of {pipeline.method_name}: it has no input {key}; it has {', '.join(method.inputs) or 'none'}"
            )
        if wanted not in ("auto", *method.inputs[key]):
            raise InputError(
                f"method {pipeline.method.name} cannot use {key}={wanted}; it accepts {', '.join(method.inputs[key])}"
            )
    for plugin, add_on in zip(pipeline.add_ons, add_ons, strict=True):
        try:
            add_on.Config.model_validate(recipe.values(plugin.name))
        except (ValidationError, PydanticUserError) as error:
            raise InputError(f"add-on {plugin.name}: {first_error(error)}") from None


def _preset(source: RecipeFile, name: str | None) -> Preset:
    if name is None:
        return Preset(description="none")
    if name not in source.presets:
        raise InputError(f"method {source.method} has no preset {name}; it has {', '.join(source.presets) or 'none'}")
    return source.presets[name]


def _defaults(method: type[Method]) -> dict[str, dict[str, Setting]]:
    return {
        "config": _default_settings(method.Config),
        "training": _default_settings(Training),
        "inputs": dict.fromkeys(method.inputs, Setting("auto", "estimate", "Default: the first that the dataset has.")),
    }


def _default_settings(model: type[FrozenModel]) -> dict[str, Setting]:
    return {
        key: Setting(field.get_default(call_default_factory=True), "estimate", "Default.")
        for key, field in model.model_fields.items()
        if not field.is_required()
    }


def add_on_settings(plugin: AddOnPlugin, add_on: type[AddOn], benchmark: Benchmark) -> dict[str, Setting]:
    """Resolve an add-on's recipe for a benchmark: key -> value with its source."""
    source, settings = read_recipe(plugin), {"config": _default_settings(add_on.Config)}
    _merge(settings, source.default, source.benchmarks.get(benchmark, Block()))
    return settings["config"]


def _merge(sections: dict[str, dict[str, Setting]], *blocks: Block) -> None:
    for block in blocks:
        for name, section in sections.items():
            leaves: dict[str, Value] = getattr(block, name)
            section.update({key: Setting(leaf.value, leaf.source, leaf.note) for key, leaf in leaves.items()})


def _limit_to_quick(training: dict[str, Setting], crops: int | None) -> None:
    for key, limit in QUICK.items():
        if training[key].value > limit:
            training[key] = Setting(limit, "estimate", f"Profile quick: at most {limit}.")
    if crops is not None:
        training["crops"] = Setting(
            crops, "estimate", f"Profile quick: {'one crop' if crops == 1 else f'{crops} crops'}."
        )
