import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.datasets.check import check_dataset
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest, read_manifest
from benchmark.importing import packing
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import (
    DIM,
    NAMES,
    Spec,
    changed,
    specs,
    write_annotations,
    write_features,
    write_frames,
    write_pack,
)


def _import(pack: Path, **options: object) -> Manifest:
    request = ImportRequest(**{"name": "small", "features": pack / "features", "annotations": pack, **options})  # type: ignore[arg-type]
    return import_dataset(request, pack.parent / "data")


@pytest.mark.parametrize("form", ["ucf", "xd", "shanghaitech", "json"])
@pytest.mark.parametrize("layout", ["ten-crop", "crop-files", "plain", "plain-3d"])
@pytest.mark.parametrize("suffix", ["", "_i3d"])
def test_a_dataset_comes_back_as_it_lay_on_disk(tmp_path: Path, form: str, layout: str, suffix: str) -> None:
    pack = tmp_path / "pack"
    if layout.startswith("plain"):
        made = write_features(pack / "features", specs(form), layout, suffix, nested="class")
    else:
        made = write_features(pack / "features", specs(form), layout, suffix)
    write_annotations(pack, specs(form), form)
    write_frames(pack, specs(form))

    manifest = _import(pack)
    dataset = Dataset(tmp_path / "data" / "small")

    assert dataset.manifest == manifest
    assert [video.name for video in manifest.videos] == [
        *sorted(NAMES[form][:2]),
        *sorted(NAMES[form][2:]),
    ]
    for spec in specs(form):
        (video,) = (video for video in manifest.videos if video.name == spec.name)
        np.testing.assert_array_equal(dataset.features(video), made[spec.name])
        assert (video.split, video.label, video.frames) == (spec.split, spec.label, spec.frames)
        assert video.intervals == spec.intervals
        assert video.unit == "snippets"
    assert (manifest.crops, manifest.dim) == (made[spec.name].shape[1], DIM)
    assert check_dataset(dataset).sound
    assert any(suffix in note for note in manifest.notes if "carry" in note) or not suffix
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["small"]


@st.composite
def _videos(draw: st.DrawFn) -> list[Spec]:
    videos = []
    for i in range(draw(st.integers(1, 6))):
        rows = draw(st.integers(1, 40))
        frames = max(1, 16 * rows - draw(st.integers(-31, 15)))
        split, label = draw(st.sampled_from(["train", "test"])), draw(st.integers(0, 1))
        edges = sorted(draw(st.sets(st.integers(0, frames), min_size=2, max_size=6)))
        intervals = tuple(zip(edges[::2], edges[1::2], strict=False)) if label and split == "test" else ()
        videos.append(Spec(f"v{i}", split, label, rows, frames, intervals))
    return videos


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(videos=_videos(), layout=st.sampled_from(["ten-crop", "crop-files", "plain"]))
def test_any_dataset_comes_back(tmp_path_factory: pytest.TempPathFactory, videos: list[Spec], layout: str) -> None:
    pack = tmp_path_factory.mktemp("any") / "pack"
    made = write_features(pack / "features", videos, layout)
    write_annotations(pack, videos, "json")
    write_frames(pack, videos)
    manifest = _import(pack, train_unit="snippets", layout=layout)
    dataset = Dataset(pack.parent / "data" / "small")
    assert {v.name: (v.split, v.label, v.frames, v.intervals) for v in manifest.videos} == {
        v.name: (v.split, v.label, v.frames, v.intervals) for v in videos
    }
    for video in manifest.videos:
        np.testing.assert_array_equal(dataset.features(video), made[video.name])


def test_blocks_of_rows_do_not_change_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path / "pack", "ucf", "crop-files")
    whole = _import(tmp_path / "pack")
    content = (tmp_path / "data" / "small" / "features.npy").read_bytes()
    monkeypatch.setattr(packing, "_BLOCK_VALUES", 1)
    assert _import(tmp_path / "pack", replace=True) == whole
    assert (tmp_path / "data" / "small" / "features.npy").read_bytes() == content


def test_memory_does_not_grow_with_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, dim = 20_000, 64
    (tmp_path / "pack" / "features").mkdir(parents=True)
    np.save(tmp_path / "pack" / "features" / "a.npy", np.ones((rows, dim), np.float32))
    write_annotations(tmp_path / "pack", [Spec("a", "train", 0, rows, 16 * rows)], "json")
    monkeypatch.setattr(packing, "_BLOCK_VALUES", 100 * dim)
    tracemalloc.start()
    _import(tmp_path / "pack")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < rows * dim * 4 / 5


def test_benchmark_metric_and_feature_set_have_defaults(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    manifest = _import(tmp_path / "pack", name="mine")
    assert (manifest.benchmark, manifest.metric, manifest.feature_set) == ("other", "auc_frame", "mine")
    assert any("No feature set was named" in note for note in manifest.notes)
    manifest = _import(tmp_path / "pack", name="xd-violence", feature_set="i3d")
    assert (manifest.benchmark, manifest.metric, manifest.feature_set) == ("xd-violence", "ap_frame", "i3d")
    assert not any("No feature set was named" in note for note in manifest.notes)
    manifest = _import(tmp_path / "pack", name="a", benchmark="xd-violence", metric="auc_frame")
    assert (manifest.benchmark, manifest.metric) == ("xd-violence", "auc_frame")


@pytest.mark.parametrize("beside", [True, False])
def test_motion_and_objects_are_found_beside_the_features_or_given(tmp_path: Path, beside: bool) -> None:
    pack = tmp_path / "pack"
    write_pack(pack)
    rng, folder = np.random.default_rng(0), pack if beside else tmp_path / "else"
    for what, width in (("motion", 1), ("objects", 5)):
        (folder / what).mkdir(parents=True)
        for spec in specs("ucf"):
            np.save(folder / what / f"{spec.name}.npy", rng.uniform(size=(spec.rows, width)))
    options = {} if beside else {what: folder / what for what in ("motion", "objects")}
    manifest = _import(pack, **options)
    dataset = Dataset(tmp_path / "data" / "small")
    assert manifest.motion
    assert manifest.object_classes == 5
    for video in manifest.videos:
        motion = np.load(folder / "motion" / f"{video.name}.npy")[:, 0].astype(np.float32)
        np.testing.assert_array_equal(dataset.motion(video), motion)
        objects = np.load(folder / "objects" / f"{video.name}.npy").astype(np.float16)
        np.testing.assert_array_equal(dataset.objects(video), objects)
    assert check_dataset(dataset).sound
    assert sum("beside the features" in note for note in manifest.notes) == (2 if beside else 0)


def test_frames_are_snippets_times_16_where_nothing_says_otherwise(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    (tmp_path / "pack" / "frames.csv").unlink()
    manifest = _import(tmp_path / "pack")
    assert [video.frames for video in manifest.split("train")] == [None, None]
    assert {video.name: video.frames for video in manifest.split("test")} == {
        NAMES["ucf"][2]: 16,
        NAMES["ucf"][3]: 64,
    }
    assert any(note.startswith("WARNING: no frame count for 2 of the test videos") for note in manifest.notes)


def test_frames_of_a_shanghaitech_test_video_are_those_of_its_mask(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", "shanghaitech")
    (tmp_path / "pack" / "frames.csv").unlink()
    assert {v.name: v.frames for v in _import(tmp_path / "pack").split("test")} == {"02_003": 16, "02_0128": 60}


def test_an_interval_up_to_a_snippet_beyond_the_video_is_clipped_and_said(tmp_path: Path) -> None:
    videos = changed(specs("ucf"), 3, intervals=((3, 20), (40, 76)))
    write_pack(tmp_path / "pack", videos=videos)
    manifest = _import(tmp_path / "pack")
    (video,) = (video for video in manifest.videos if video.intervals)
    assert video.intervals == ((3, 20), (40, 60))
    assert any(f"16 frames in all: {video.name}." in note for note in manifest.notes)


def test_a_video_one_snippet_short_is_said(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", videos=changed(specs("ucf"), 2, frames=35))
    assert "1 videos are one snippet short." in _import(tmp_path / "pack").notes


def test_missing_videos_are_kept_by_name(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    write_pack(pack)
    absent = NAMES["ucf"][1]
    (pack / "features" / "train" / f"{absent}.npy").unlink()
    (pack / "missing.txt").write_text(f"{absent}\n\n")
    manifest = _import(pack, missing=pack / "missing.txt")
    assert manifest.missing == (absent,)
    assert absent not in {video.name for video in manifest.videos}
    assert "No features of 1 annotated videos, as listed: 1 train." in manifest.notes


def test_training_videos_of_32_rows_against_their_frames_are_segments(tmp_path: Path) -> None:
    videos = [
        Spec("Normal_Videos001_x264", "train", 0, rows=32, frames=900),
        Spec("Fight002_x264", "train", 1, rows=32, frames=4000),
        *specs("ucf")[2:],
    ]
    write_pack(tmp_path / "pack", videos=videos)
    manifest = _import(tmp_path / "pack")
    assert {video.unit for video in manifest.split("train")} == {"segments"}
    assert {video.unit for video in manifest.split("test")} == {"snippets"}
    assert any("32 segments each" in note for note in manifest.notes)
    with pytest.raises(InputError, match="Fight002_x264: 32 snippets"):
        _import(tmp_path / "pack", name="other", train_unit="snippets")


def test_training_videos_may_be_declared_segments(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    manifest = _import(tmp_path / "pack", train_unit="segments")
    assert {video.unit for video in manifest.split("train")} == {"segments"}
    assert any("3 to 5 segments each" in note for note in manifest.notes)


def test_a_video_in_the_other_splits_folder_follows_its_annotation(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    write_pack(pack)
    name = NAMES["ucf"][0]
    (pack / "features" / "train" / f"{name}.npy").rename(pack / "features" / "test" / f"{name}.npy")
    manifest = _import(pack)
    assert name in {video.name for video in manifest.split("train")}
    assert "1 videos lie in the other split's folder; the annotation decides." in manifest.notes


def test_intervals_of_training_videos_are_not_kept(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", "json", videos=changed(specs("json"), 1, intervals=((0, 9),)))
    manifest = _import(tmp_path / "pack")
    assert not any(video.intervals for video in manifest.split("train"))
    assert "Intervals of 1 training videos were not used." in manifest.notes


def test_a_dataset_is_replaced_only_when_asked(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    _import(tmp_path / "pack")
    with pytest.raises(InputError, match="small: this dataset exists already"):
        _import(tmp_path / "pack")
    _import(tmp_path / "pack", replace=True, feature_set="other")
    assert read_manifest(tmp_path / "data" / "small").feature_set == "other"
    (tmp_path / "data" / "small" / "manifest.json").unlink()
    with pytest.raises(InputError, match="small: not a dataset"):
        _import(tmp_path / "pack", replace=True)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["small"]


def test_progress_is_told_in_bytes_after_each_video(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    told: list[tuple[int, int]] = []
    request = ImportRequest("small", tmp_path / "pack" / "features", tmp_path / "pack")
    import_dataset(request, tmp_path / "data", lambda done, total: told.append((done, total)))
    row = 2 * DIM
    assert told == [(rows * row, 13 * row) for rows in (0, 3, 8, 12, 13)]


def test_the_manifest_is_plain_json(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    manifest = _import(tmp_path / "pack")
    assert json.loads((tmp_path / "data" / "small" / "manifest.json").read_text())["name"] == "small"
    assert read_manifest(tmp_path / "data" / "small") == manifest


def test_test_videos_that_look_like_segments_are_warned_of(tmp_path: Path) -> None:
    videos = [*specs("json")[:2], Spec("d", "test", 0, 32, 512), Spec("e", "test", 1, 32, 512, ((3, 20),))]
    write_pack(tmp_path / "pack", "json", videos=videos)
    assert not any("WARNING" in note for note in _import(tmp_path / "pack").notes)
    (tmp_path / "pack" / "frames.csv").unlink()
    (tmp_path / "pack" / "annotations.json").write_text(
        (tmp_path / "pack" / "annotations.json").read_text().replace('"frames": 512, ', "")
    )
    notes = _import(tmp_path / "pack", replace=True).notes
    assert any(note.startswith("WARNING: every test video has 32 rows. If these are segments") for note in notes)


@pytest.mark.parametrize(("frames", "padded"), [(60, 1), (64, 0), (70, 0)])
def test_padding_is_said_of_the_videos_that_it_changes(tmp_path: Path, frames: int, padded: int) -> None:
    videos = changed(changed(specs("ucf"), 2, frames=16), 3, frames=frames, intervals=((3, 20), (40, frames)))
    write_pack(tmp_path / "pack", videos=videos)
    manifest = _import(tmp_path / "pack", tail="pad")
    (video,) = (video for video in manifest.videos if video.intervals)
    assert (video.frames, video.intervals[-1]) == ((64, (40, 64)) if padded else (frames, (40, frames)))
    said = [note for note in manifest.notes if "last label repeated" in note]
    assert len(said) == padded
    assert any("6 frames after a test video's last snippet" in note for note in manifest.notes) == (frames == 70)


def test_a_stated_identity_of_another_size_is_refused_and_a_known_one_not_kept(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    assert _import(tmp_path / "pack", feature_set="rtfm-i3d-r50-10crop").identity is None
    stated = {"id": "mine", "extractor": "Net", "checkpoint": "a", "dim": DIM + 1, "normalisation": "none"}
    (tmp_path / "pack" / "feature_set.json").write_text(json.dumps(stated))
    with pytest.raises(InputError, match="mine: stated with 7 dimensions, but the features have 6"):
        _import(tmp_path / "pack", name="b")


def test_a_layout_of_patches_is_kept_where_it_fits_the_crops_and_refused_elsewhere(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", layout="ten-crop")
    stated = {"id": "mine", "extractor": "Net", "checkpoint": "a", "dim": DIM, "normalisation": "none"}
    for name, layout in (("a", {"crops": 3, "grids": [[2, 3]]}), ("b", {"crops": 1, "grids": [[1, 2]]})):
        (tmp_path / "pack" / "feature_set.json").write_text(json.dumps({**stated, "crop_layout": layout}))
        if name == "a":
            with pytest.raises(InputError, match=r"mine: its crop_layout has 9 crops .* the features have 3; correct"):
                _import(tmp_path / "pack", name=name)
    manifest = _import(tmp_path / "pack", name="b")
    assert (manifest.crops, manifest.patch_grids, manifest.frame_crops) == (3, ((1, 2),), 1)
