"""Weights from elsewhere: read as tensors and nothing else, and scored with a method of ours."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmark.api import Method
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import pair_with_labels
from benchmark.metrics.frame import test_metrics
from benchmark.plugins.pipelines import Pipeline
from benchmark.runs.run_spec import RunSpec
from benchmark.system.errors import NOT_THEIRS, InputError, describe
from benchmark.system.files import open_regular
from benchmark.system.tensor_files import check_plain, load_tensors
from benchmark.terms import Benchmark
from benchmark.training.choices import Choices
from benchmark.training.feature_spec import features_to_train
from benchmark.training.loop import build_method
from benchmark.training.numerics import use_float32
from benchmark.training.requirements import check_features, check_overrides
from benchmark.training.scoring import score_videos
from benchmark.training.specification import describe_run

CHECKPOINT_DEPTH = 2
"""How deep in a checkpoint weights are looked for; what an optimiser keeps lies deeper."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of a network, saved by PyTorch or as safetensors.

    Only tensors and plain containers are admitted, whatever the file: no code in it is run.

    Raises
    ------
    InputError
        If there is no such file, or it is not one set of named tensors with finite real values.
    """
    try:
        open_regular(path).close()  # who reads a pipe waits for ever
        content = load_file(path) if path.suffix == ".safetensors" else load_tensors(path)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read as weights ({error.strerror or error})") from None
    except pickle.UnpicklingError:
        raise InputError(
            f"{path}: holds more than tensors, or is no file of torch.save; save the model's state_dict() alone"
        ) from None
    except Exception as error:  # a damaged file fails in many ways
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path}: cannot be read as weights: {type(error).__name__}: {reason}") from None
    weights = _find_weights(path, content)
    for name, tensor in weights.items():
        check_plain(path, name, tensor)
        if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
            raise InputError(f"{path}: {name} holds values that are not finite in float32")
    return weights


@dataclass(frozen=True)
class EvaluatedWeights:
    """What came of weights from elsewhere: the settings they were scored with, and the metrics."""

    spec: RunSpec
    metrics: dict[str, float | None]


def evaluate_weights(
    path: Path,
    pipeline: Pipeline,
    dataset: Dataset,
    device: str,
    overrides: Sequence[str],
    benchmark: Benchmark | None = None,
) -> EvaluatedWeights:
    """Score a dataset's test videos, all crops, with given weights.

    Parameters
    ----------
    overrides
        Settings in place of the recipe's, where the weights were trained with others.
    benchmark
        What the weights were trained on: whose recipe counts. The dataset's by default.

    Raises
    ------
    InputError
        If the weights cannot be read, do not fit the method at these settings, or give no scores.
    """
    spec, model = build_with_weights(path, pipeline, dataset, overrides, benchmark)
    where, videos = torch.device(device), dataset.manifest.split("test")
    try:
        scores = score_videos(model.to(where), dataset, videos, spec.training, where)
    except (InputError, *NOT_THEIRS):
        raise
    except BaseException as error:  # of somebody else's plug-in, or of scores that are none
        raise InputError(f"{path}: {spec.title} gives no scores: {describe(error)}") from None
    return EvaluatedWeights(spec, test_metrics(pair_with_labels(dataset.manifest, scores)))


def build_with_weights(
    path: Path,
    pipeline: Pipeline,
    dataset: Dataset,
    overrides: Sequence[str],
    benchmark: Benchmark | None = None,
) -> tuple[RunSpec, Method]:
    """Build a method with given weights, for features like a dataset's; see `evaluate_weights`.

    Raises
    ------
    InputError
        If the weights cannot be read, or do not fit the method at these settings.
    """
    choices = Choices(profile="paper", settings=overrides)
    spec, used = describe_run(pipeline, dataset, choices, benchmark=benchmark)
    check_overrides(overrides, used, [pipeline])
    check_features(pipeline, spec, dataset)
    use_float32()
    try:
        model = build_method(spec, pipeline, features_to_train(spec, dataset, dataset.manifest.benchmark))
        load_weights(model, path, spec.title)
    except (InputError, *NOT_THEIRS):
        raise
    except BaseException as error:  # of somebody else's plug-in
        raise InputError(f"{path}: {spec.title} gives no scores: {describe(error)}") from None
    return spec, model


def load_weights(model: Method, path: Path, title: str) -> None:
    """Load weights into a method: its own, or its authors' where it knows their names.

    Weights that only training uses are left as they are.

    Parameters
    ----------
    title
        What to call the method if they do not fit.

    Raises
    ------
    InputError
        If they cannot be read, or do not fit the method.
    """
    expected = _for_scoring(model, model.state_dict())
    state = _for_scoring(model, model.adopt_weights(read_weights(path)))
    missing, surplus = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing:
        raise InputError(f"{path}: not the weights of {title}: {len(missing)} are missing, such as {missing[0]}")
    if surplus:
        raise InputError(f"{path}: not the weights of {title}: {len(surplus)} are unknown, such as {surplus[0]}")
    sized = dict(model.named_parameters())  # a buffer may take the shape that it comes in
    for name, tensor in state.items():
        if name in sized and tensor.shape != expected[name].shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(tensor.shape)}; {title} at these settings on features of size "
                f"{model.features.dim} has {tuple(expected[name].shape)}"
            )
    model.load_state_dict(state, strict=False)


def _for_scoring(model: Method, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if not name.startswith(model.training_only)}


def _find_weights(path: Path, content: object) -> dict[str, Tensor]:
    """Find the one set of named tensors in a file: its whole content, or an entry of a checkpoint."""
    found = dict(_sets_of_weights("the file", content, depth=CHECKPOINT_DEPTH))
    if len(found) > 1:
        raise InputError(
            f"{path}: holds several sets of weights ({', '.join(found)}); save the state_dict() of one model"
        )
    if not found:
        raise InputError(f"{path}: holds no named tensors; save the model's state_dict()")
    return next(iter(found.values()))


def _sets_of_weights(name: str, content: object, depth: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
    if not isinstance(content, Mapping) or not content:
        return
    if all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()):
        yield name, dict(content)
    elif depth:
        for key, value in content.items():
            yield from _sets_of_weights(str(key), value, depth - 1)
