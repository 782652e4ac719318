"""How large a method or an add-on is and how much it computes, without running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark.api import FeatureSpec, Method
from benchmark.plugins.add_ons import assemble
from benchmark.plugins.assumed import assume_features
from benchmark.plugins.pipelines import Pipeline
from benchmark.plugins.recipes import Recipe, add_on_settings
from benchmark.plugins.registry import AddOnPlugin
from benchmark.terms import Benchmark

SNIPPETS = 32
OBJECT_CLASSES = 80
CLASSES = ("normal", *(f"class {number}" for number in range(1, 14)))
CLASS_VECTOR_DIM = 512
"""As many classes as UCF-Crime has, and vectors as large as those of CLIP ViT-B/16."""


@dataclass(frozen=True)
class Size:
    """Size of a method with its add-ons, or of an add-on.

    Attributes
    ----------
    parameters
        Number of trained parameters.
    multiply_adds
        Multiplications with addition per snippet and crop when a video of 32 snippets is scored: those of linear and
        convolutional layers and of matrix products.
    """

    parameters: int
    multiply_adds: int


def measure_pipeline(pipeline: Pipeline, recipe: Recipe, dim: int) -> Size:
    """Measure a method with its add-ons on features of size `dim`.

    It learns from all that it accepts (80 object classes, 14 classes of videos). Nothing is allocated for its weights.
    """
    model = build_empty(pipeline, recipe, dim)
    return _measure(model, model.score, dim)


def build_empty(pipeline: Pipeline, recipe: Recipe, dim: int) -> Method:
    """Construct a method with its add-ons on no device: shapes and operations can be told, values cannot."""
    method, classes = pipeline.load()
    config = method.Config.model_validate(recipe.values("config"))
    add_ons = [
        (add_on, add_on.Config.model_validate(recipe.values(plugin.name)))
        for plugin, add_on in zip(pipeline.add_ons, classes, strict=True)
    ]
    sources = {name: accepted[0] for name, accepted in method.inputs_for(config).items()}
    features = assume_features(method, config, dim, sources, OBJECT_CLASSES, CLASSES, CLASS_VECTOR_DIM)
    with torch.device("meta"):
        return assemble(method, config, add_ons, features).to("meta")  # class vectors were given with values


def measure_add_on(plugin: AddOnPlugin, benchmark: Benchmark, dim: int) -> Size:
    """Measure an add-on with its recipe's settings on features of size `dim`."""
    add_on = plugin.load()
    settings = {key: leaf.value for key, leaf in add_on_settings(plugin, add_on, benchmark).items()}
    with torch.device("meta"):
        module = add_on(add_on.Config.model_validate(settings), FeatureSpec(dim, {}))
    return _measure(module, module, dim)


def _measure(module: nn.Module, run: Callable[[Tensor], Tensor], dim: int) -> Size:
    module.eval()
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        run(torch.empty(1, 1, SNIPPETS, dim))
    parameters = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return Size(parameters, round(counter.get_total_flops() / 2 / SNIPPETS))
