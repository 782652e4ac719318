"""A dataset with patches of the frame behind its crops, from its files to runs, beside the same one without them."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import run
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.pseudo_labels import motion_source, object_source
from benchmark.datasets.untrained_scores import feature_norm
from benchmark.runs.store import RunStore
from tests.unit.importing.small_packs import DIM, Spec, write_pack

STATED = {"id": "mine", "extractor": "Net", "checkpoint": "a", "dim": DIM, "normalisation": "none"}
VIDEOS = [
    Spec(f"{split}{number}", split, number % 2, 5, 80, ((16, 48),) if split == "test" and number % 2 else ())
    for split in ("train", "test")
    for number in range(8)
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`frames`, of one crop, and `patches`, of the same crop with a grid of 1 x 2 behind it."""
    root = tmp_path_factory.mktemp("packs")
    write_pack(root / "patches", "json", "ten-crop", VIDEOS)
    write_pack(root / "frames", "json", "ten-crop", VIDEOS)
    for path in (root / "frames").rglob("*.npy"):
        np.save(path, np.load(path)[:, 0])
    layout = {"crop_layout": {"crops": 1, "grids": [[1, 2]]}}
    for name, stated in (("frames", STATED), ("patches", {**STATED, **layout})):
        (root / name / "feature_set.json").write_text(json.dumps(stated))
        assert run(["data", "import", name, "--features", str(root / name), "--data", str(root / "data")]) == 0
    return root / "data"


def test_what_needs_no_training_is_of_the_frame_alone(data: Path) -> None:
    frames, patches = Dataset(data / "frames"), Dataset(data / "patches")
    assert (frames.manifest.crops, patches.manifest.crops) == (1, 3)
    for one, other in zip(frames.manifest.videos, patches.manifest.videos, strict=True):
        assert np.array_equal(feature_norm(frames, one), feature_norm(patches, other))
        for source, name in ((motion_source, "feature-difference"), (object_source, "soft-kmeans")):
            assert np.array_equal(source(frames, name)(one), source(patches, name)(other))


def test_ssrl_trains_on_patches_and_other_methods_on_the_frame(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--set", "steps=3", "--seeds", "1", "--tracking", "none", "--results", str(tmp_path), "--data", str(data)]
    for words in (["rtfm", "frames"], ["rtfm", "patches"], ["ssrl", "patches"]):
        assert run(["train", *words, "--executor", "serial", *few]) == 0
    records = RunStore(tmp_path / "runs").records()
    used = {(record.spec.method, record.spec.dataset): record.spec.training.crops for record in records}
    assert used == {("rtfm", "frames"): 1, ("rtfm", "patches"): 1, ("ssrl", "patches"): None}
    capsys.readouterr()
    assert run(["train", "ssrl", "frames", *few]) != 0
    assert "needs patches of the frame behind the crops; without them it is RTFM" in " ".join(
        capsys.readouterr().err.split()
    )
