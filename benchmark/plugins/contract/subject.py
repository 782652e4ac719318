"""What is checked: a method with its settings and add-ons, made as the engine makes it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmark.api import AddOn, AddOnConfig, Method, MethodConfig
from benchmark.plugins.add_ons import assemble
from benchmark.plugins.contract.probes import DIM, NotCheckedError, Sources, tell_features, train
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from benchmark.system.errors import NOT_THEIRS
from benchmark.system.seeding import seed_everything


@dataclass(frozen=True)
class Subject:
    """A method with settings and add-ons.

    Attributes
    ----------
    name
        What the user calls it.
    config
        Settings of the method; None if its `Config` cannot be made without values.
    add_ons
        Add-ons in front of it, with their settings.
    """

    name: str
    method: type[Method]
    config: MethodConfig | None
    add_ons: tuple[tuple[type[AddOn], AddOnConfig], ...] = ()

    def settings(self) -> MethodConfig:
        """Return the settings of the method.

        Raises
        ------
        NotCheckedError
            If there are none.
        """
        if self.config is None:
            raise NotCheckedError("each field of Config has to have a default first.")
        return self.config

    def sources(self) -> list[dict[str, str]]:
        """Return every combination of sources that the method accepts for what it asks for, and that there is."""
        inputs = self.method.inputs_for(self.settings())
        found = [dict(zip(inputs, choice, strict=True)) for choice in product(*inputs.values())]
        return [one for one in found if one.get("classes") != "none" or one.get("class_vectors", "none") == "none"]

    def build(self, sources: Sources, seed: int = 0, dim: int = DIM) -> Method:
        """Make the method as the engine does: after seeding."""
        config = self.settings()
        seed_everything(seed)
        return assemble(self.method, config, self.add_ons, tell_features(self.method, config, sources, dim))

    def trained(self, sources: Sources) -> Method:
        """Make a method whose statistics and weights are no longer the initial ones, in evaluation mode."""
        method = self.build(sources)
        try:
            train(method, crops=self.method.fewest_crops)
        except NOT_THEIRS:
            raise
        except BaseException:  # the checks of training say so; those of scores go on
            method = self.build(sources)
        return method.eval()

    def folders(self) -> set[Path]:
        """Return the folders with the code of the method and its add-ons."""
        classes: list[type] = [self.method, *(add_on for add_on, _ in self.add_ons)]
        files = [getattr(sys.modules.get(found.__module__), "__file__", None) for found in classes]
        return {Path(file).parent for file in files if file}


def find_subject(reference: str) -> Subject:
    """Find ``METHOD[@PRESET][+ADD-ON...]``, by registered names or as ``path/to/file.py:Class``, with its recipe.

    Raises
    ------
    InputError
        If there is no such method, or its recipe is wrong.
    """
    pipeline = find_pipeline(reference)
    method, classes = pipeline.load()
    if fields_without_default(method):
        return Subject(pipeline.name, method, None)
    return _with_recipe(pipeline, method, classes)


def fields_without_default(method: type[Method]) -> list[str]:
    """Return the fields of a method's `Config` that have no default."""
    return [name for name, field in method.Config.model_fields.items() if field.is_required()]


def _with_recipe(pipeline: Pipeline, method: type[Method], classes: list[type[AddOn]]) -> Subject:
    recipe, _ = resolve_recipe(pipeline, "other", "paper")
    add_ons = tuple(
        (add_on, add_on.Config.model_validate(recipe.values(plugin.name)))
        for plugin, add_on in zip(pipeline.add_ons, classes, strict=True)
    )
    return Subject(pipeline.name, method, method.Config.model_validate(recipe.values("config")), add_ons)
