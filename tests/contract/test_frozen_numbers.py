"""A method or an add-on whose numbers change must raise its version, or stored runs would be taken for its own."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.api import Method
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.feature_sets import CropLayout, FeatureSet
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
from benchmark.system.entry_points import list_plugins
from benchmark.training.choices import Choices
from benchmark.training.loop import build_method, train
from benchmark.training.requirements import check_overrides
from benchmark.training.scoring import score_videos
from benchmark.training.specification import plan_runs

FROZEN = json.loads((Path(__file__).parent / "frozen_numbers.json").read_text())
METHODS, ADD_ONS = (
    [name for name, plugin in list_plugins(kind).items() if plugin.distribution == "wvad-bench"]
    for kind in (MethodPlugin, AddOnPlugin)
)
# At a higher rate their first steps are so large that rounding grows to what a change of the method would be.
STEADY = dict.fromkeys(("hl-net", "mgfn", "msl", "vadclip", "wstr"), ("learning_rate=1e-05",))
# Its last layer makes all magnitudes equal at first, so that rounding alone would choose a few of the 8 segments.
STEADY["mgfn"] += ("top_k=8",)
CASES = [
    *((name, STEADY.get(name, ())) for name in METHODS),
    *((f"mmil+{name}", ()) for name in ADD_ONS),
    *(("clav", (f"relation={name}",)) for name in ("rn", "none")),
]


def versions_of(pipeline: Pipeline, settings: tuple[str, ...]) -> str:
    """Name and version of everything that decides the numbers, such as ``mmil 1 + ica 1``."""
    method, add_ons = pipeline.load()
    parts = [(pipeline.method.name, method.version)]
    parts += [(plugin.name, add_on.version) for plugin, add_on in zip(pipeline.add_ons, add_ons, strict=True)]
    return ", ".join([" + ".join(f"{name} {version}" for name, version in parts), *settings])


class Stated(Dataset):
    """A dataset that is said to have the parts or the patches that a method needs."""

    def __init__(self, path: Path, method: type[Method]) -> None:
        super().__init__(path)
        size, rest = divmod(self.manifest.dim, max(1, len(method.parts)))
        parts = {name: size + (place < rest) for place, name in enumerate(method.parts)}
        layout = CropLayout(crops=self.manifest.crops - 1, grids=((1, 1),)) if method.takes_patches else None
        common = {"id": "stated", "extractor": "none", "checkpoint": "none", "normalisation": "none"}
        stated = FeatureSet(**common, dim=self.manifest.dim, parts=parts, crop_layout=layout)
        self.manifest = self.manifest.model_copy(update={"identity": stated if parts or layout else None})


def numbers_of(pipeline: Pipeline, settings: tuple[str, ...], data: Path) -> list[float]:
    """Losses of three steps without dropout, then the mean and the deviation of the scores that they lead to."""
    torch.set_num_threads(1)
    dataset = Stated(data / "scenes-ucf-crime", pipeline.load()[0])
    dropouts = [key for key in pipeline.load()[0].Config.model_fields if "dropout" in key]
    overrides = ("steps=3", "batch_size=4", "segments=8", "looks=0", "learning_rate=0.001", *settings)
    overrides += tuple(f"{key}=0" for key in dropouts)
    (spec,), used = plan_runs(pipeline, dataset, Choices(profile="paper", seeds=1, settings=overrides))
    check_overrides(overrides, used, [pipeline])
    trained = train(spec, pipeline, dataset, torch.device("cpu"), lambda step, loss: None)
    model = build_method(spec, pipeline, trained.features)
    model.load_state_dict(trained.weights[3])
    scores = score_videos(model, dataset, dataset.manifest.split("test"), spec.training, torch.device("cpu"))
    pooled = np.concatenate(list(scores.values())).astype(np.float64)
    return [*trained.losses["loss"].tolist(), float(pooled.mean()), float(pooled.std())]


@pytest.mark.parametrize(("reference", "settings"), CASES, ids=[" ".join([name, *more]) for name, more in CASES])
def test_numbers_change_only_with_the_version(reference: str, settings: tuple[str, ...], tiny_scenes: Path) -> None:
    pipeline = find_pipeline(reference)
    versions, numbers = versions_of(pipeline, settings), numbers_of(pipeline, settings, tiny_scenes)
    assert versions in FROZEN, f"add to frozen_numbers.json: {json.dumps({versions: numbers})}"
    # Processors round differently; a change of the method shows far above this.
    assert numbers == pytest.approx(FROZEN[versions], rel=2e-3), f"{versions} gives other numbers: raise the version"


def test_no_frozen_number_is_of_a_version_gone_by() -> None:
    assert set(FROZEN) == {versions_of(find_pipeline(reference), settings) for reference, settings in CASES}
