import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.datasets.appearance import _find, appearance_classes
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.pseudo_labels import count_object_classes, is_informative, object_source
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from benchmark.training.specification import choose_source
from tests.unit.importing.small_packs import specs, write_pack


def _dataset(tmp_path: Path) -> Dataset:
    pack = tmp_path / "pack"
    write_pack(pack, "ucf", "ten-crop")
    import_dataset(ImportRequest("small", pack / "features", pack), tmp_path / "data")
    return Dataset(tmp_path / "data" / "small")


def _all_alike(tmp_path: Path) -> Dataset:
    pack = tmp_path / "pack"
    write_pack(pack, "ucf", "ten-crop")
    row = np.random.default_rng(5).normal(size=1000)
    for video in specs("ucf"):
        for path in (pack / "features").rglob(f"{video.name}*.npy"):
            features = np.load(path)
            np.save(path, np.broadcast_to(row[: features.shape[-1]], features.shape).astype(features.dtype))
    import_dataset(ImportRequest("alike", pack / "features", pack), tmp_path / "data")
    return Dataset(tmp_path / "data" / "alike")


def _unit(row: NDArray[np.float64]) -> NDArray[np.float64]:
    return row / math.sqrt(sum(x * x for x in row))


def _looks(features: NDArray[np.float16]) -> list[NDArray[np.float64]]:
    return [_unit(sum(row.astype(np.float64)) / len(row)) for row in features]


def test_scores_are_a_softmax_of_squared_distances_scaled_by_the_median_gap_of_the_nearest_two(tmp_path: Path) -> None:
    dataset = _dataset(tmp_path)
    train = dataset.manifest.split("train")
    assert count_object_classes(dataset, "soft-kmeans") == len(train) == 2

    # As many clusters as training videos: every centre is one video's mean at unit length.
    seen = []
    for video in train:
        looks = _looks(dataset.features(video))
        rows = sorted({round(i * (len(looks) - 1) / (min(8, len(looks)) - 1)) for i in range(min(8, len(looks)))})
        seen.append([looks[i] for i in rows])
    centres = [_unit(sum(looks) / len(looks)) for looks in seen]

    def squared(row: NDArray[np.float64]) -> list[float]:
        return [sum((a - b) ** 2 for a, b in zip(row, centre, strict=True)) for centre in centres]

    gaps = sorted(abs(np.diff(squared(row))[0]) for looks in seen for row in looks)
    middle = len(gaps) // 2
    scale = gaps[middle] if len(gaps) % 2 else (gaps[middle - 1] + gaps[middle]) / 2

    def scores(row: NDArray[np.float64]) -> list[float]:
        near = [math.exp(-distance / scale) for distance in squared(row)]
        return [value / sum(near) for value in near]

    objects = object_source(dataset, "soft-kmeans")
    for video in dataset.manifest.videos:
        for found, row in zip(objects(video), _looks(dataset.features(video)), strict=True):
            np.testing.assert_allclose(sorted(found), sorted(scores(row)), rtol=1e-4)

    # I(row; class) / log(classes), by the mean of log(p / mean p) under p.
    known = [scores(row) for looks in seen for row in looks]
    mean = [sum(column) / len(known) for column in zip(*known, strict=True)]
    told = sum(p * math.log(p / m) for row in known for p, m in zip(row, mean, strict=True)) / len(known)
    assert appearance_classes(dataset).information == pytest.approx(told / math.log(2), rel=1e-6)


def test_rows_that_are_all_alike_say_nothing(tmp_path: Path) -> None:
    dataset = _all_alike(tmp_path)
    found = appearance_classes(dataset)
    assert (len(found.centres), found.scale, found.information) == (1, 0, 0)
    assert not is_informative(dataset, "soft-kmeans")
    assert is_informative(dataset, "given")
    np.testing.assert_allclose(object_source(dataset, "soft-kmeans")(dataset.manifest.videos[0]), 1)


def test_simulated_rows_say_what_they_look_like_and_so_again_in_another_call(tiny_scenes: Path) -> None:
    dataset = Dataset(tiny_scenes / "scenes-ucf-crime")
    video = dataset.manifest.split("test")[0]
    first = object_source(dataset, "soft-kmeans")(video)
    assert is_informative(dataset, "soft-kmeans")
    assert first.shape == (video.rows, count_object_classes(dataset, "soft-kmeans"))
    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-5)
    _find.cache_clear()
    np.testing.assert_array_equal(object_source(dataset, "soft-kmeans")(video), first)


def test_scores_that_say_nothing_are_only_taken_if_they_are_wanted(tmp_path: Path, tiny_scenes: Path) -> None:
    accepted, alike = ("given", "soft-kmeans", "none"), _all_alike(tmp_path)
    assert choose_source("clav", "objects", accepted, "auto", alike) == "none"
    assert choose_source("clav", "objects", accepted, "soft-kmeans", alike) == "soft-kmeans"
    without_none = accepted[:2]
    with pytest.raises(InputError, match=r"needs objects, and dataset alike has none: .*or --set objects=soft-kmeans"):
        choose_source("m", "objects", without_none, "auto", alike)
    scenes = Dataset(tiny_scenes / "scenes-ucf-crime")
    assert choose_source("clav", "objects", accepted[1:], "auto", scenes) == "soft-kmeans"


def test_nothing_is_measured_where_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    dataset = _dataset(tmp_path)
    dataset.manifest = dataset.manifest.model_copy(update={"videos": dataset.manifest.split("test")})
    assert choose_source("clav", "objects", ("given", "soft-kmeans", "none"), "auto", dataset) == "soft-kmeans"
