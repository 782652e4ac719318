from pathlib import Path
from typing import Any

import pytest

from benchmark.datasets.check import check_dataset, describe_rounding
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest, Video
from benchmark.datasets.official import OFFICIAL, FrameRate, frame_rate, official_notes, official_totals
from benchmark.importing.annotations import AnnotatedVideo
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.terms import Benchmark
from tests.unit.importing.small_packs import specs, write_pack


def _official_videos(benchmark: Benchmark) -> list[AnnotatedVideo]:
    splits = OFFICIAL[benchmark].splits or {"train": OFFICIAL[benchmark].videos}
    return [
        AnnotatedVideo(f"{split}{label}{i}", split, label)
        for split, counts in splits.items()
        for label, count in enumerate((counts.normal, counts.abnormal))
        for i in range(count)
    ]


def _video(frames: int | None, rows: int, name: str = "a", **more: object) -> Video:
    fields = {"name": name, "split": "test", "label": 0, "first_row": 0, "rows": rows, "frames": frames, "sha256": ""}
    return Video.model_validate(fields | more)


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_official_numbers_agree_among_themselves(name: Benchmark) -> None:
    official = OFFICIAL[name]
    assert 0 < official.positive_frames < official.test_frames
    if official.splits:
        assert sum(counts.normal for counts in official.splits.values()) == official.videos.normal
        assert sum(counts.abnormal for counts in official.splits.values()) == official.videos.abnormal


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ucf-crime", "1,610 training (800 normal + 810 abnormal) and 290 test videos (150 + 140)"),
        ("xd-violence", "3,954 training (2,049 normal + 1,905 abnormal) and 800 test videos (300 + 500)"),
        ("shanghaitech", "238 training (175 normal + 63 abnormal) and 199 test videos (155 + 44)"),
        ("avenue", "37 videos (16 normal + 21 abnormal), without an official weakly-supervised split"),
    ],
)
def test_counts_are_compared(name: Benchmark, text: str) -> None:
    videos = _official_videos(name)
    title = OFFICIAL[name].title
    assert official_notes(name, videos) == [f"Official counts of {title}: {text}: all annotated."]
    (note,) = official_notes(name, videos, [videos[0].name])
    assert note.endswith("all annotated, 1 of them without features, as listed.")
    (warning,) = official_notes(name, videos[1:])
    assert warning.startswith(f"WARNING: official counts of {title} are {text}; annotated here are ")


def test_classes_that_the_benchmark_does_not_have_are_named() -> None:
    videos = [*_official_videos("ucf-crime")[1:], AnnotatedVideo("x", "train", 0, ("Riot",))]
    assert official_notes("ucf-crime", videos)[1] == "WARNING: these are no classes of UCF-Crime: Riot (1 videos)."
    videos[-1] = AnnotatedVideo("x", "train", 0, ("RoadAccidents",))
    assert len(official_notes("ucf-crime", videos)) == 1


def test_other_datasets_have_no_official_counts() -> None:
    assert official_notes("other", _official_videos("avenue")) == []
    assert official_totals(Manifest.model_validate(_manifest("other", _video(16, 1)))) == []


def _manifest(benchmark: str, *videos: Video) -> dict[str, Any]:
    fields = {"name": "n", "metric": "auc_frame", "feature_set": "f", "dim": 1, "crops": 1}
    return fields | {"benchmark": benchmark, "videos": videos}


def test_totals_are_compared_and_known_ones_named() -> None:
    video = _video(1_111_808, 1_109_680 // 16, label=1, intervals=((0, 84_338),))
    # One video in the place of all, longer than any that an import admits.
    first, second = official_totals(Manifest.model_construct(**_manifest("ucf-crime", video)))
    assert first == (
        "Official frames of the 290 test videos of UCF-Crime: 1,111,808, 84,338 of them positive; "
        "here, of 1: 1,111,808, 84,338 of them positive."
    )
    assert second.startswith("16 x snippets of these videos are 1,109,680, a known total: Roc-Ng's features")


def test_avenues_totals_are_those_of_its_abnormal_videos_of_both_splits() -> None:
    videos = (
        _video(15_000, 937, label=1, split="train"),
        _video(324, 20, "b", label=1, first_row=937, intervals=[(10, 20)]),
        _video(50, 3, "c", first_row=957),
    )
    (note,) = official_totals(Manifest.model_validate(_manifest("avenue", *videos)))
    assert note.endswith("15,324, 3,712 of them positive; here, of 2: 15,324.")


@pytest.mark.parametrize(
    ("shapes", "verdict"),
    [
        ([(32, 2), (48, 3)], "cannot be told"),
        ([(33, 3), (48, 3)], "up (ceil)"),
        ([(33, 2), (48, 3)], "down (floor)"),
        ([(33, 2), (48, 2)], "down, and a multiple of 16 loses a snippet"),
        ([(33, 1), (48, 2)], "down, and every video is a snippet short"),
        ([(33, 2), (47, 3)], "mixed"),
        ([(33, 2), (48, 3), (64, 3)], "mixed"),
    ],
)
def test_the_rounding_is_told_from_frames_and_rows(shapes: list[tuple[int, int]], verdict: str) -> None:
    text = describe_rounding((_video(frames, rows) for frames, rows in shapes), 16)
    assert text.startswith(f"Rounding of frames to snippets: {verdict}")


def test_segments_and_unknown_lengths_tell_nothing() -> None:
    assert describe_rounding([_video(None, 3, split="train"), _video(333, 32, unit="segments")], 16) == ""


@pytest.mark.parametrize(
    ("of", "fps"), [("ucf-crime", 30), ("xd-violence", 24), ("shanghaitech", 24), ("avenue", 25), ("other", 30)]
)
def test_a_rate_is_stated_or_assumed(of: str, fps: float) -> None:
    manifest = Manifest.model_validate(_manifest(of, _video(16, 1)))
    assert frame_rate(manifest) == FrameRate(fps, assumed=True)
    assert frame_rate(manifest.model_copy(update={"fps": 12.5})) == FrameRate(12.5, assumed=False)


@pytest.mark.parametrize(
    ("name", "given", "fps", "note", "line"),
    [
        ("avenue", None, 25, "25 per second, that of Avenue", "  frame rate: 25 per second"),
        ("avenue", 12.5, 12.5, "12.5 per second, as given", "  frame rate: 12.5 per second"),
        ("mine", None, None, "not known: 30 per second are assumed", "  frame rate: 30 per second (assumed; "),
        ("mine", 20.0, 20, "20 per second, as given", "  frame rate: 20 per second"),
    ],
)
def test_an_import_says_which_rate_it_takes(
    name: str, given: float | None, fps: float | None, note: str, line: str, tmp_path: Path
) -> None:
    write_pack(tmp_path / "pack", "ucf", "plain", specs("ucf"))
    request = ImportRequest(name, tmp_path / "pack" / "features", tmp_path / "pack", fps=given)
    manifest = import_dataset(request, tmp_path / "data")
    assert manifest.fps == fps
    assert sum(note in found for found in manifest.notes) == 1
    assert any(found.startswith(line) for found in check_dataset(Dataset(tmp_path / "data" / name)).lines())


def test_the_report_has_both(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", "ucf", "plain", specs("ucf"))
    import_dataset(ImportRequest("ucf-crime", tmp_path / "pack" / "features", tmp_path / "pack"), tmp_path / "data")
    text = "\n".join(check_dataset(Dataset(tmp_path / "data" / "ucf-crime")).lines())
    assert "Official frames of the 290 test videos of UCF-Crime" in text
    assert "Rounding of frames to snippets: mixed" in text
