from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset
from benchmark.importing.feature_comparison import FeatureComparison, compare_features
from benchmark.importing.feature_comparison.similarity import SHIFTS, Similarities, rows_there
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import Spec, write_annotations, write_frames

VIDEOS = [
    Spec("Normal_Videos001_x264", "train", 0, rows=9, frames=144),
    Spec("Fight002_x264", "train", 1, rows=12, frames=192),
    Spec("Normal_Videos_003_x264", "test", 0, rows=7, frames=112),
    Spec("Normal_Videos_005_x264", "test", 0, rows=1, frames=16),
    Spec("Fight004_x264", "test", 1, rows=20, frames=320, intervals=((3, 20), (40, 60))),
]
CROPS, DIM = 3, 64
Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def _features(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Features as networks give them: not negative, with a part that all snippets have in common."""
    rng = np.random.default_rng(seed)
    common = rng.random(DIM)
    made = {
        v.name: common + 0.3 * rng.random((v.rows, 1, DIM)) + 0.1 * rng.random((v.rows, CROPS, DIM)) for v in VIDEOS
    }
    return {name: values.astype(np.float16).astype(np.float32) for name, values in made.items()}


def _save(folder: Path, features: dict[str, NDArray[np.float32]]) -> Path:
    folder.mkdir(parents=True)
    for name, values in features.items():
        np.save(folder / f"{name}.npy", values)
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    pack = tmp_path_factory.mktemp("pack")
    _save(pack / "features", _features())
    write_annotations(pack, VIDEOS, "ucf")
    write_frames(pack, VIDEOS)
    import_dataset(ImportRequest(name="small", features=pack / "features", annotations=pack), pack / "data")
    return Dataset(pack / "data" / "small")


def _compare(dataset: Dataset, folder: Path, change: Change, seed: int = 0) -> FeatureComparison:
    made = {name: change(values) for name, values in _features(seed).items()}
    return compare_features(dataset, _save(folder, made), lambda done, total: None)


def _said(found: FeatureComparison) -> str:
    return "\n".join(found.lines())


def test_a_set_against_itself_is_the_same(dataset: Dataset, tmp_path: Path) -> None:
    found = _compare(dataset, tmp_path / "f", lambda values: values)
    assert (found.verdict.kind, found.verdict.more) == ("same", "")
    assert "cosine similarity: 1.0000" in _said(found)
    assert "rows: equal in 5 of 5 videos" in _said(found)
    assert "Fight004_x264: 20 20; " in _said(found)


def test_shuffled_crops_are_found_and_named(dataset: Dataset, tmp_path: Path) -> None:
    found = _compare(dataset, tmp_path / "f", lambda values: values[:, [2, 0, 1]])
    assert found.verdict.kind == "order"
    assert "crops here = there: 1 = 2, 2 = 3, 3 = 1; as they stand, the cosine is 0.9" in _said(found)
    assert "the same features, but crops in another order" in _said(found)


def test_fewer_crops_are_compared_with_those_that_they_are(dataset: Dataset, tmp_path: Path) -> None:
    found = _compare(dataset, tmp_path / "f", lambda values: values[:, 2:])
    assert found.verdict.kind == "order"
    assert "crops here = there: 3 = 1" in _said(found)


def test_a_factor_is_said(dataset: Dataset, tmp_path: Path) -> None:
    found = _compare(dataset, tmp_path / "f", lambda values: 2.5 * values)
    assert found.verdict.kind == "same"
    assert "vectors are 2.5 times as long there" in found.verdict.more


@pytest.mark.parametrize(("shift", "words"), [(1, "1 snippet later there"), (-2, "2 snippets earlier there")])
def test_a_shift_is_said(dataset: Dataset, tmp_path: Path, shift: int, words: str) -> None:
    found = _compare(dataset, tmp_path / "f", lambda values: np.roll(values, shift, axis=0))
    assert (found.verdict.kind, found.verdict.more) == ("same", words)


def test_a_lost_last_row_is_another_rule_for_the_tail(dataset: Dataset, tmp_path: Path) -> None:
    found = _compare(dataset, tmp_path / "f", lambda values: values[: max(1, len(values) - 1)])
    assert (found.verdict.kind, found.verdict.more) == ("same", "")
    assert "one apart in 4 (another rule for the last frames)" in _said(found)


def test_small_noise_is_another_resize(dataset: Dataset, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    found = _compare(dataset, tmp_path / "f", lambda v: (v + 0.1 * rng.random(v.shape)).astype(np.float32))
    assert found.verdict.kind == "same"  # to a tenth of what differs, nobody sees it
    found = _compare(dataset, tmp_path / "g", lambda v: (v + 0.5 * rng.random(v.shape)).astype(np.float32))
    assert found.verdict.kind == "pictures"
    assert "another resize or frame rate is likely" in _said(found)


def test_other_rows_are_another_frame_rate(dataset: Dataset, tmp_path: Path) -> None:
    found = _compare(dataset, tmp_path / "f", lambda v: np.repeat(v, 2, axis=0))
    assert found.verdict.kind == "pictures"
    assert "there are 2.00 times as many rows there" in found.verdict.more
    assert "cosine similarity: 1.0000" in _said(found)  # the same share of the video is compared


def test_an_unrelated_network_is_told_though_its_cosine_is_high(dataset: Dataset, tmp_path: Path) -> None:
    found = _compare(dataset, tmp_path / "f", lambda values: values, seed=7)
    assert found.verdict.kind == "network"
    assert "cosine similarity: 0.8" in _said(found)


def test_another_size_is_another_network(dataset: Dataset, tmp_path: Path) -> None:
    found = _compare(dataset, tmp_path / "f", lambda values: values[:, :, :32])
    assert (found.verdict.kind, found.verdict.more) == ("network", "vectors of 64 dimensions here and 32 there")


def test_videos_of_either_alone_are_counted_or_passed_over(dataset: Dataset, tmp_path: Path) -> None:
    made = _features()
    made["Other_x264"] = made.pop("Fight002_x264")
    found = compare_features(dataset, _save(tmp_path / "f", made), lambda done, total: None)
    assert found.verdict.kind == "same"
    assert "videos of the dataset that are not there: 1" in _said(found)


def test_segments_and_strangers_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="every video there has 32 rows: these are segments"):
        _compare(dataset, tmp_path / "f", lambda v: v[np.arange(32) % len(v)])
    folder = _save(tmp_path / "g", {"Stranger": _features()["Fight004_x264"]})
    with pytest.raises(InputError, match="no file there is named as a video of small"):
        compare_features(dataset, folder, lambda done, total: None)


def test_values_that_are_no_numbers_are_named(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Fight002_x264\.npy: holds NaN"):
        _compare(dataset, tmp_path / "f", lambda v: np.full_like(v, np.nan))


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 3), st.integers(1, 3), st.integers(0, 1000))
def test_similarities_are_those_of_plain_loops(rows: int, here: int, there: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = rng.random((rows, here, 5)).astype(np.float32), rng.random((rows, there, 5)).astype(np.float32)
    shifted = np.full((len(SHIFTS), rows, there, 5), np.nan, np.float32)
    for place, shift in enumerate(SHIFTS):
        for row in range(rows):
            if 0 <= row + shift < rows:
                shifted[place, row] = theirs[row + shift]
    found = Similarities(here, there, 5)
    found.add("v", (rows, rows), ours, shifted)
    for place, shift in enumerate(SHIFTS):
        for i in range(here):
            for j in range(there):
                values = []
                for row in range(max(0, -shift), min(rows, rows - shift)):
                    a, b = ours[row, i].tolist(), theirs[row + shift, j].tolist()
                    dot = sum(x * y for x, y in zip(a, b, strict=True))
                    values.append(dot / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5)
                mean, least = found.videos[0].mean[place, i, j], found.videos[0].least[place, i, j]
                assert (mean, least) == (
                    pytest.approx((sum(values) / len(values), min(values)), abs=1e-6)
                    if values
                    else (pytest.approx(np.nan, nan_ok=True),) * 2
                )
    match = found.best_match()
    pairs = list(zip(match.here, match.there, strict=True))
    one, other = (
        values / np.linalg.norm(values.astype(np.float64), axis=-1, keepdims=True) for values in (ours, theirs)
    )
    a = np.concatenate([one[:, i] - one[:, i].mean(axis=0) for i, _ in pairs])
    b = np.concatenate([other[:, j] - other[:, j].mean(axis=0) for _, j in pairs])
    if SHIFTS[match.shift] == 0 and rows > 1:
        assert found.correlation(match) == pytest.approx((a * b).sum() / ((a**2).sum() * (b**2).sum()) ** 0.5, abs=1e-4)


@given(st.integers(1, 50), st.integers(1, 50))
def test_every_row_has_a_time_in_the_other_set(here: int, there: int) -> None:
    rows = rows_there(np.arange(here), here, there)
    assert (np.diff(rows) >= 0).all()
    assert rows[-1] < max(there, here)
    if abs(here - there) > 2:
        assert 0 <= rows[0] <= rows[-1] < there
    else:
        assert rows.tolist() == list(range(here))
