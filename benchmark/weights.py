"""Weights from elsewhere: read as tensors and nothing else, and scored with a method of ours."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from benchmark.api import Method
from benchmark.datasets.pseudo_labels import count_object_classes
from benchmark.datasets.store import Dataset
from benchmark.errors import InputError
from benchmark.evaluation import pair_with_labels, score_videos, test_metrics
from benchmark.pipelines import Pipeline
from benchmark.planning import Options, check_overrides, describe_run
from benchmark.training import build_method, use_float32


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of a network, saved by PyTorch or as safetensors.

    Only tensors and plain containers are admitted, whatever the file: no code in it is run.

    Raises
    ------
    InputError
        If there is no such file, or it is not a set of named tensors with finite values.
    """
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _load_tensors(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except pickle.UnpicklingError:
        raise InputError(
            f"{path}: holds more than tensors, or is no file of torch.save; save the model's state_dict() alone"
        ) from None
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as weights: {_first_line(error)}") from None
    weights = _find_weights(content)
    if weights is None:
        raise InputError(f"{path}: holds no named tensors; save the model's state_dict()")
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise InputError(f"{path}: {name} holds values that are not finite")
    return weights


def evaluate_weights(
    path: Path, pipeline: Pipeline, dataset: Dataset, device: str, overrides: Sequence[str]
) -> dict[str, float | None]:
    """Score a dataset's test videos, all crops, with given weights; return the metrics.

    Parameters
    ----------
    overrides
        Settings in place of the recipe's, where the weights were trained with others.

    Raises
    ------
    InputError
        If the weights cannot be read or do not fit the method at these settings.
    """
    spec, used = describe_run(pipeline, dataset, Options(profile="paper", overrides=tuple(overrides)))
    check_overrides(overrides, used)
    classes = count_object_classes(dataset, spec.inputs.get("objects", "none"))
    model = build_method(spec, pipeline, dataset.manifest.dim, classes)
    load_weights(model, path)
    use_float32()
    where = torch.device(device)
    scores = score_videos(model.to(where), dataset, dataset.manifest.split("test"), spec.training.crops, where)
    return test_metrics(pair_with_labels(dataset.manifest, scores))


def load_weights(model: Method, path: Path) -> None:
    """Load weights into a method: its own, or its authors' where it knows their names.

    Raises
    ------
    InputError
        If they cannot be read, or do not fit the method.
    """
    state = model.adopt_weights(read_weights(path))
    expected = model.state_dict()
    missing, surplus = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    title = type(model).title or type(model).__name__
    if missing:
        raise InputError(f"{path}: not the weights of {title}: {len(missing)} are missing, such as {missing[0]}")
    if surplus:
        raise InputError(f"{path}: not the weights of {title}: {len(surplus)} are unknown, such as {surplus[0]}")
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(tensor.shape)}; {title} at these settings on features of size "
                f"{model.features.dim} has {tuple(expected[name].shape)}"
            )
    model.load_state_dict(state)


def _load_tensors(path: Path) -> object:
    return torch.load(path, map_location="cpu", weights_only=True)


def _find_weights(content: object) -> dict[str, Tensor] | None:
    """Find the named tensors: the whole content, or the one entry of it that is such a mapping."""
    if not isinstance(content, Mapping) or not content:
        return None
    if all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()):
        return dict(content)
    nested = [found for value in content.values() if (found := _find_weights(value)) is not None]
    return nested[0] if len(nested) == 1 else None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
