"""A method whose numbers change must raise its version, or stored runs would be taken for its own."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets.store import Dataset
from benchmark.evaluation import score_videos
from benchmark.planning import Options, plan_runs
from benchmark.registry import list_methods
from benchmark.training import build_method, train

FROZEN = json.loads((Path(__file__).parent / "frozen_numbers.json").read_text())
OURS = sorted(name for name, plugin in list_methods().items() if plugin.distribution == "wvad-bench")


def numbers_of(name: str, data: Path) -> list[float]:
    """Losses of three steps without dropout, then the mean and the deviation of the scores that they lead to."""
    torch.set_num_threads(1)
    plugin, dataset = list_methods()[name], Dataset(data / "scenes-ucf-crime")
    overrides = ("steps=3", "batch_size=4", "segments=8", "looks=0", "dropout=0", "learning_rate=0.001")
    (spec,), _ = plan_runs(plugin, dataset, Options(profile="paper", seeds=1, overrides=overrides))
    trained = train(spec, plugin.load(), dataset, torch.device("cpu"), lambda step, loss: None)
    model = build_method(spec, plugin.load(), dataset.manifest.dim, trained.object_classes)
    model.load_state_dict(trained.weights[3])
    scores = score_videos(model, dataset, dataset.manifest.split("test"), None, torch.device("cpu"))
    pooled = np.concatenate(list(scores.values())).astype(np.float64)
    return [*trained.losses["loss"].tolist(), float(pooled.mean()), float(pooled.std())]


@pytest.mark.parametrize("name", OURS)
def test_numbers_change_only_with_the_version(name: str, tiny_scenes: Path) -> None:
    version = f"{name} {list_methods()[name].load().version}"
    numbers = numbers_of(name, tiny_scenes)
    assert version in FROZEN, f"add to frozen_numbers.json: {json.dumps({version: numbers})}"
    # Processors round differently; a change of the method shows far above this.
    assert numbers == pytest.approx(FROZEN[version], rel=2e-3), f"{name} gives other numbers: raise its version"
