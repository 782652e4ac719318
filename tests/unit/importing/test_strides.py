"""Features of which a row stands for another number of frames than 16."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmark.datasets.check import check_dataset
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.feature_sets import FILE
from benchmark.datasets.labels import pair_with_labels
from benchmark.datasets.manifest import Manifest, read_manifest
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.importing.strides import fits, fitting_strides
from benchmark.metrics.frame import roc_auc
from benchmark.system.errors import InputError
from benchmark.training.elsewhere.score_files import read_scores
from tests.unit.importing.small_packs import Spec, write_annotations, write_features, write_frames

STATED = {"id": "mine", "extractor": "Net", "checkpoint": "abc", "dim": 6, "normalisation": "none"}


def _videos(stride: int) -> list[Spec]:
    frames = (960, 1060, 1160, 1260)
    return [
        Spec("a", "train", 0, 0, frames[0]),
        Spec("b", "train", 1, 0, frames[1]),
        Spec("c", "test", 0, 0, frames[2]),
        Spec("d", "test", 1, 0, frames[3], ((100, 333), (700, 1260))),
    ]


def _pack(folder: Path, stride: int, with_frames: bool = True) -> None:
    videos = [Spec(v.name, v.split, v.label, v.frames // stride, v.frames, v.intervals) for v in _videos(stride)]
    write_features(folder / "features", videos, "plain")
    write_annotations(folder, videos, "json")
    if with_frames:
        write_frames(folder, videos)
    else:
        content = json.loads((folder / "annotations.json").read_text())
        for entry in content["videos"]:
            entry.pop("frames", None)
            if entry.get("intervals"):
                entry["intervals"] = [[100, 333]]
        (folder / "annotations.json").write_text(json.dumps(content))


def _import(pack: Path, **options: object) -> Manifest:
    request = ImportRequest(**{"name": "small", "features": pack / "features", "annotations": pack, **options})  # type: ignore[arg-type]
    return import_dataset(request, pack.parent / "data")


@pytest.mark.parametrize("stride", [1, 4, 8, 24, 32, 64])
def test_another_stride_is_recognised_said_and_importable(tmp_path: Path, stride: int) -> None:
    _pack(tmp_path / "pack", stride)
    with pytest.raises(InputError, match=f"frames fall on a row in all 4 videos.*import with --stride {stride}, else"):
        _import(tmp_path / "pack")
    manifest = _import(tmp_path / "pack", stride=stride)
    assert manifest.stride == stride
    assert f"A row stands for {stride} frames." in manifest.notes
    assert read_manifest(tmp_path / "data" / "small") == manifest
    report = check_dataset(Dataset(tmp_path / "data" / "small"))
    assert report.splits[1].unscored_frames == 1160 % stride + 1260 % stride
    assert f", every {stride} frames" in report.lines()[1]


def test_one_wrong_frame_count_is_not_taken_for_a_stride(tmp_path: Path) -> None:
    _pack(tmp_path / "pack", 16)
    csv = tmp_path / "pack" / "frames.csv"
    csv.write_text(csv.read_text().replace("c,1160", "c,2000"))
    with pytest.raises(InputError, match="which make 125; correct the features or the frame count"):
        _import(tmp_path / "pack")


def test_an_evaluation_on_such_a_dataset_is_that_of_its_frames(tmp_path: Path) -> None:
    _pack(tmp_path / "pack", 24)
    manifest = _import(tmp_path / "pack", stride=24)
    rng = np.random.default_rng(0)
    scores = {v.name: rng.uniform(size=v.rows).astype(np.float32).round(1) for v in manifest.split("test")}
    paired = pair_with_labels(manifest, scores)
    labels, by_frame = [], []
    for video in manifest.split("test"):
        for frame in range(min(video.frames or 0, 24 * video.rows)):
            labels.append(any(start <= frame < end for start, end in video.intervals))
            by_frame.append(float(scores[video.name][frame // 24]))
    assert roc_auc(paired.scores, paired.positive, paired.negative) == pytest.approx(roc_auc_score(labels, by_frame))
    assert paired.positive.sum() == sum(labels)


def test_scores_of_frames_are_averaged_over_such_rows(tmp_path: Path) -> None:
    _pack(tmp_path / "pack", 24)
    manifest = _import(tmp_path / "pack", stride=24)
    folder = tmp_path / "scores"
    folder.mkdir()
    for video in manifest.split("test"):
        np.save(folder / f"{video.name}.npy", np.arange(video.frames or 0) / 2000)
    scores, units, _ = read_scores(folder, manifest)
    assert units == {"frame": 2}
    np.testing.assert_allclose(scores["c"], [(24 * k + 11.5) / 2000 for k in range(1160 // 24)], rtol=1e-6)


def test_unknown_frame_counts_are_the_stride_times_the_rows(tmp_path: Path) -> None:
    _pack(tmp_path / "pack", 24, with_frames=False)
    manifest = _import(tmp_path / "pack", stride=24)
    assert [video.frames for video in manifest.split("test")] == [48 * 24, 52 * 24]
    assert any("24 x their snippets is taken" in note for note in manifest.notes)
    assumed = _import(tmp_path / "pack", name="assumed")
    assert any("16 x their snippets is taken. If another number of frames" in note for note in assumed.notes)


def test_a_stated_stride_is_used_and_not_contradicted(tmp_path: Path) -> None:
    _pack(tmp_path / "pack", 24)
    (tmp_path / "pack" / FILE).write_text(json.dumps(STATED | {"stride": 24}))
    manifest = _import(tmp_path / "pack")
    assert manifest.stride == 24
    assert any("every 24 frames" in note for note in manifest.notes)
    with pytest.raises(InputError, match="mine: one feature every 24 frames, but --stride 16; correct one"):
        _import(tmp_path / "pack", name="other", stride=16)
    (tmp_path / "pack" / FILE).write_text(json.dumps(STATED))
    manifest = _import(tmp_path / "pack", name="unstated", stride=24)
    assert manifest.identity is not None
    assert (manifest.stride, manifest.identity.stride) == (24, 24)


def test_the_usual_stride_leaves_no_trace_in_the_manifest_and_another_changes_what_it_is_hashed_to(
    tmp_path: Path,
) -> None:
    _pack(tmp_path / "pack", 16)
    manifest = _import(tmp_path / "pack")
    assert "stride" not in json.loads((tmp_path / "data" / "small" / "manifest.json").read_text())
    other = manifest.model_copy(update={"stride": 15})
    assert other.test_hash() != manifest.test_hash()


@given(st.integers(1, 512), st.lists(st.integers(1, 40), min_size=1, max_size=5), st.sampled_from(["floor", "ceil"]))
def test_the_stride_that_features_were_made_with_fits_them(stride: int, counts: list[int], rounding: str) -> None:
    frames = [stride * count + count % stride for count in counts]
    rows = [n // stride if rounding == "floor" else -(-n // stride) for n in frames]
    found = fitting_strides(list(zip(rows, frames, strict=True)))
    assert stride in found
    assert all(fits(n, count, one) for one in found for n, count in zip(rows, frames, strict=True))
