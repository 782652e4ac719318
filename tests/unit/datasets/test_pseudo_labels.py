from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.pseudo_labels import (
    DEVIATIONS,
    count_object_classes,
    feature_difference,
    motion_source,
    object_source,
)
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import specs, write_pack

RNG = np.random.default_rng(3)


def _dataset(tmp_path: Path, motion: float | None = None, objects: bool = False) -> Dataset:
    pack = tmp_path / "pack"
    write_pack(pack, "ucf", "ten-crop")
    for video in specs("ucf"):
        if motion is not None:
            (pack / "motion").mkdir(exist_ok=True)
            np.save(pack / "motion" / f"{video.name}.npy", RNG.uniform(0, motion, size=(video.rows, 1)))
        if objects:
            (pack / "objects").mkdir(exist_ok=True)
            np.save(pack / "objects" / f"{video.name}.npy", RNG.uniform(-0.2, 1.2, size=(video.rows, 4)))
    import_dataset(ImportRequest("small", pack / "features", pack), tmp_path / "data")
    return Dataset(tmp_path / "data" / "small")


def _difference_by_loop(features: NDArray[np.float16]) -> list[float]:
    x = features.astype(np.float64)
    rows, crops, _ = x.shape
    change = [0.0] * rows
    for t in range(1, rows):
        for c in range(crops):
            total = np.sqrt((x[t, c] ** 2).sum()) + np.sqrt((x[t - 1, c] ** 2).sum())
            change[t] += np.sqrt(((x[t, c] - x[t - 1, c]) ** 2).sum()) / total / crops if total else 0.0
    if rows > 1:
        change[0] = change[1]
    return change


@pytest.mark.parametrize("shape", [(1, 3, 4), (2, 1, 4), (30, 5, 8)])
def test_feature_difference_equals_a_plain_loop(shape: tuple[int, int, int]) -> None:
    features = RNG.normal(size=shape).astype(np.float16)
    features[shape[0] // 2 :, 0] = 0  # zero rows have no direction to change from
    np.testing.assert_allclose(feature_difference(features), _difference_by_loop(features), atol=1e-5)


def test_feature_difference_is_scaled_by_the_99th_percentile_of_training(tmp_path: Path) -> None:
    dataset = _dataset(tmp_path)
    train = [_difference_by_loop(dataset.features(video)) for video in dataset.manifest.split("train")]
    scale = np.percentile(np.concatenate(train), 99)
    motion = motion_source(dataset, "feature-difference")
    for video in dataset.manifest.videos:
        expected = np.clip(np.array(_difference_by_loop(dataset.features(video))) / scale, 0, 1)
        np.testing.assert_allclose(motion(video), expected, atol=1e-4)
        assert motion(video).dtype == np.float32


@pytest.mark.parametrize("greatest", [0.5, 1.0, 30.0])
def test_given_motion_is_scaled_only_if_it_exceeds_one_in_training(tmp_path: Path, greatest: float) -> None:
    dataset = _dataset(tmp_path, motion=greatest)
    stored = {video.name: np.array(dataset.motion(video)) for video in dataset.manifest.videos}
    train = np.concatenate([stored[video.name] for video in dataset.manifest.split("train")])
    scale = np.percentile(train, 99) if greatest > 1 else 1
    motion = motion_source(dataset, "given")
    for video in dataset.manifest.videos:
        np.testing.assert_allclose(motion(video), np.clip(stored[video.name] / scale, 0, 1), rtol=1e-5)


def test_given_objects_are_clipped(tmp_path: Path) -> None:
    dataset = _dataset(tmp_path, objects=True)
    video = dataset.manifest.videos[0]
    found = object_source(dataset, "given")(video)
    np.testing.assert_array_equal(found, np.clip(np.array(dataset.objects(video), np.float32), 0, 1))
    assert count_object_classes(dataset, "given") == 4


def test_what_the_dataset_does_not_have_or_nobody_knows_is_refused(tmp_path: Path) -> None:
    dataset = _dataset(tmp_path)
    with pytest.raises(InputError, match="small: no motion intensities"):
        motion_source(dataset, "given")
    with pytest.raises(InputError, match="small: no object scores"):
        object_source(dataset, "given")
    for source in (motion_source, object_source):
        with pytest.raises(InputError, match="'flow' is not a source"):
            source(dataset, "flow")


def test_every_source_but_the_measured_one_is_a_named_deviation() -> None:
    assert DEVIATIONS[("motion", "feature-difference")] == "DEV-INT-DIFF"
    assert ("motion", "given") not in DEVIATIONS
    assert count_object_classes(None, "none") == 0  # type: ignore[arg-type]
