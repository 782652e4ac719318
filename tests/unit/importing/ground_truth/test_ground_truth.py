import itertools
import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.datasets.manifest import Manifest, Video
from benchmark.importing.ground_truth import Comparison, compare_ground_truth
from benchmark.importing.ground_truth.division import divide
from benchmark.importing.ground_truth.reasons import find_reasons
from benchmark.importing.ground_truth.truth import Truth, possible_lengths
from benchmark.system.errors import InputError
from benchmark.terms import Benchmark


def _video(
    name: str, frames: int | None, intervals: tuple[tuple[int, int], ...] = (), split: str = "test", label: int = 0
) -> Video:
    return Video.model_validate(
        {
            "name": name,
            "split": split,
            "label": 1 if intervals else label,
            "first_row": 0,
            "rows": (frames or 512) // 16 or 1,
            "frames": frames,
            "intervals": intervals,
            "sha256": "",
        }
    )


def _manifest(*videos: Video, benchmark: Benchmark = "other") -> Manifest:
    starts = accumulate((video.rows for video in videos), initial=0)
    placed = [video.model_copy(update={"first_row": start}) for video, start in zip(videos, starts, strict=False)]
    return Manifest(
        name="mine", benchmark=benchmark, metric="auc_frame", feature_set="f", dim=1, crops=1, videos=tuple(placed)
    )


TEST = (_video("a", 70, ((10, 20), (60, 70))), _video("b", 33), _video("c", 64, ((5, 40),)), _video("d", 100))


def _labels(video: Video, length: int) -> list[int]:
    """Label a frame at a time; frames after the last repeat its label."""
    frames = video.frames or 0
    inside = [any(start <= min(frame, frames - 1) < end for start, end in video.intervals) for frame in range(length)]
    return [int(label) for label in inside]


def _save(path: Path, parts: Sequence[Sequence[int]], dtype: str = "float64", rows: bool = False) -> Path:
    array = np.concatenate([np.array(part, dtype) for part in parts])
    np.save(path, array[None] if rows else array)
    return path


def _ceil(frames: int) -> int:
    return -(-frames // 16) * 16


def _kinds(comparison: Comparison) -> dict[str, str]:
    return {video.truth.name: video.reason.kind for video in comparison.videos if video.reason}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (lambda frames: frames, "the true number of frames, every video"),
        (_ceil, "padded to a multiple of 16, every video"),
        (lambda frames: frames // 16 * 16 + 16, "padded to a multiple of 16, by a snippet where it is one, every"),
        (lambda frames: frames // 16 * 16, "16 x the snippets here, every video"),
        (lambda frames: (frames - 1) // 16 * 16, "cut to a multiple of 16, by a snippet where it is one, every"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "int8", "uint8", "bool", "int64"])
def test_one_array_is_equal_under_its_rule(tmp_path: Path, rule, text: str, dtype: str) -> None:  # type: ignore[no-untyped-def]
    path = _save(tmp_path / "gt.npy", [_labels(v, rule(v.frames)) for v in TEST], dtype, rows=dtype == "int8")
    found = compare_ground_truth(_manifest(*TEST), path)
    assert found.equal == len(found.videos) == 4
    assert [video.frames for video in found.videos] == [rule(v.frames) for v in TEST]
    assert any(text in line for line in found.lines())
    assert not found.aligned


def test_lengths_that_no_rule_gives_are_found_by_aligning(tmp_path: Path) -> None:
    lengths = {"c": 48, "a": 80, "b": 48, "d": 112}
    videos = {video.name: video for video in TEST}
    path = _save(tmp_path / "gt.npy", [_labels(videos[name], length) for name, length in lengths.items()])
    (tmp_path / "test.list").write_text("\n".join(lengths))
    found = compare_ground_truth(_manifest(*TEST), path)
    assert found.aligned
    assert found.equal == 4
    assert [video.frames for video in found.videos if video.truth.intervals] == [48, 80]
    assert any("normal videos, whose parts look alike: 160 frames in all" in line for line in found.lines())


def _truths(draw: st.DrawFn) -> list[Truth]:
    videos = []
    for i in range(draw(st.integers(1, 4))):
        frames = draw(st.integers(1, 60))
        edges = sorted(draw(st.sets(st.integers(0, frames), max_size=4)))
        intervals = tuple(zip(edges[::2], edges[1::2], strict=False))
        videos.append(Truth(str(i), frames, max(1, frames // 16), draw(st.sampled_from([intervals, intervals, None]))))
    return videos


@settings(max_examples=60)
@given(st.data())
def test_the_alignment_has_the_fewest_mismatches_of_all(data: st.DataObject) -> None:
    videos = data.draw(st.composite(_truths)())
    options = [possible_lengths(video) for video in videos]
    total = sum(data.draw(st.sampled_from(lengths)) for lengths in options)
    labels = np.array(data.draw(st.lists(st.booleans(), min_size=total, max_size=total)))
    found = divide(labels, videos)
    assert found is not None
    assert sum(found.lengths) == total

    def mismatches(lengths: Sequence[int], missing: int = 0) -> int:
        count, frame = 0, 0
        for video, length in zip(videos, lengths, strict=True):
            for k in range(length):
                at = max(0, min(k + missing, video.frames - 1))
                expected = any(start <= at < end for start, end in video.intervals or ())
                count += video.intervals is not None and expected != labels[frame + k]
            frame += length
        return count

    assert found.mismatches == mismatches(found.lengths, found.offset.start if found.offset else 0)
    if not found.ruled:
        best = min(mismatches(each) for each in itertools.product(*options) if sum(each) == total)
        assert found.mismatches == best


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (4, 0, "each video lacks its first 4 frames"),
        (0, 1, "each video lacks its last frame"),
        (1, 1, "each video lacks its first frame and its last frame"),
        (3, 7, "each video lacks its first 3 frames and its last 7 frames"),
        (16, 0, "each video lacks its first 16 frames"),
        (0, -1, "each video has 1 frame more at its end"),
        (-2, 0, "each video has 2 frames more at its start"),
    ],
)
@pytest.mark.parametrize("apart", [True, False])
def test_a_constant_offset_is_a_rule(tmp_path: Path, start: int, end: int, text: str, apart: bool) -> None:
    videos = (_video("a", 70, ((20, 31), (50, 62))), _video("b", 37), _video("c", 64, ((25, 40),)), _video("d", 101))
    folder = tmp_path / "there"
    folder.mkdir()
    parts = []
    for video in videos:
        frames = video.frames or 0
        labels = _labels(video, frames)
        at = [min(max(k, 0), frames - 1) for k in range(start, frames - end)]
        parts.append([labels[k] for k in at])
        np.save(folder / f"{video.name}.npy", np.array(parts[-1]))
    path = folder if apart else _save(tmp_path / "gt.npy", parts)
    found = compare_ground_truth(_manifest(*videos), path)
    assert f"  lengths there: {text}" in found.lines()
    assert found.equal == 4


def test_an_offset_that_the_labels_do_not_place_is_said_so(tmp_path: Path) -> None:
    videos = (_video("a", 70), _video("b", 37))
    path = _save(tmp_path / "gt.npy", [[0] * 67, [0] * 34])
    assert "each video is 3 frames short, at which end is not told" in "\n".join(
        compare_ground_truth(_manifest(*videos), path).lines()
    )


def test_differences_are_found_in_what_an_offset_leaves(tmp_path: Path) -> None:
    videos = tuple(_video(name, 90 + 7 * i, ((20 + i, 40 + 3 * i),)) for i, name in enumerate("abcdef"))
    parts = [_labels(video, video.frames or 0)[4:] for video in videos]
    parts[2][10:12] = [1, 1]
    found = compare_ground_truth(_manifest(*videos), _save(tmp_path / "gt.npy", parts))
    assert "each video lacks its first 4 frames" in "\n".join(found.lines())
    assert (found.equal, _kinds(found)) == (5, {"c": "other events"})


def test_an_array_of_other_videos_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "gt.npy", np.zeros(5000))
    with pytest.raises(InputError, match="its 5,000 frames cannot be those of the videos of mine"):
        compare_ground_truth(_manifest(*TEST), tmp_path / "gt.npy")


@pytest.mark.parametrize(
    ("intervals", "kind"),
    [
        (((11, 20), (61, 70)), "events start one frame later (a 1-based start read as 0-based)"),
        (((9, 20), (59, 70)), "events start one frame earlier"),
        (((10, 19), (60, 69)), "events end one frame earlier"),
        (((10, 21), (60, 70)), "events end one frame later (an exclusive end read as inclusive)"),
        (((11, 21), (61, 70)), "events lie one frame later (1-based frame numbers read as 0-based)"),
        (((10, 20),), "event 2 of 2 is missing"),
        (((61, 70),), "event 1 of 2 is missing, and events start one frame later (a 1-based start read as 0-based)"),
        (((5, 15), (55, 65)), "events lie 5 frames earlier"),
        (((0, 32), (48, 70)), "events are rounded out to whole snippets"),
        (((10, 70),), "short gaps between events are filled"),
        ((), "no frame is abnormal"),
        (((0, 70),), "every frame is abnormal"),
        (((10, 20), (60, 70), (30, 34)), "other events"),
    ],
)
def test_the_reason_of_a_difference_is_found(intervals: tuple[tuple[int, int], ...], kind: str) -> None:
    truth = Truth("a", 70, 5, ((10, 20), (60, 70)))
    labels = np.array([any(start <= frame < end for start, end in intervals) for frame in range(70)])
    assert find_reasons(truth, labels)[0].kind == kind


def test_padding_with_normal_frames_and_other_events_are_said() -> None:
    truth = Truth("a", 70, 5, ((10, 20), (60, 70)))
    labels = np.zeros(80, np.bool_)
    labels[10:20] = labels[60:70] = True
    assert find_reasons(truth, labels)[0].kind == "frames after the video's last are normal"
    labels[60:65] = False
    reason = find_reasons(truth, labels)[0]
    assert (reason.kind, reason.detail) == ("other events", "here [60, 80); there [65, 70)")


def test_of_several_reasons_the_one_of_most_videos_is_given(tmp_path: Path) -> None:
    # In c alone the event lies one frame from the start: a later start and a missing frame look alike elsewhere.
    videos = (_video("a", 40, ((1, 40),)), _video("b", 40, ((10, 40),)), _video("c", 40, ((20, 40),)))
    path = _save(tmp_path / "gt.npy", [[1] * 40] * 3)
    found = compare_ground_truth(_manifest(*videos), path)
    assert _kinds(found) == dict.fromkeys("abc", "every frame is abnormal")
    text = "\n".join(found.lines())
    assert "different: 3 videos, 31 frames" in text
    assert "every frame is abnormal: 3 videos, 31 frames: a (1), b (10), c (20)" in text


def test_a_list_gives_the_order_of_an_array(tmp_path: Path) -> None:
    parts = [_labels(TEST[i], _ceil(TEST[i].frames or 0)) for i in (2, 0, 3, 1)]
    path = _save(tmp_path / "gt.npy", parts)
    (tmp_path / "i3d-test.list").write_text("".join(f"/x/{n}_i3d__{k}.npy\n" for n in "cadb" for k in (0, 1)))
    found = compare_ground_truth(_manifest(*TEST), path)
    assert found.equal == 4
    assert "in the order of i3d-test.list" in found.source
    (tmp_path / "rgbtest.list").write_text("a\n")
    with pytest.raises(InputError, match="several test lists beside it"):
        compare_ground_truth(_manifest(*TEST), path)
    assert compare_ground_truth(_manifest(*TEST), path, tmp_path / "i3d-test.list").equal == 4
    (tmp_path / "rgbtest.list").write_text("a\nz\n")
    with pytest.raises(InputError, match=r"z: in .*, but not in the dataset"):
        compare_ground_truth(_manifest(*TEST), path, tmp_path / "rgbtest.list")


@pytest.mark.parametrize(("order", "origin"), [("abcd", "by name"), ("acbd", "abnormal then normal")])
def test_without_a_list_the_usual_orders_are_tried(tmp_path: Path, order: str, origin: str) -> None:
    videos = {video.name: video for video in TEST}
    path = _save(tmp_path / "gt.npy", [_labels(videos[name], videos[name].frames or 0) for name in order])
    found = compare_ground_truth(_manifest(*TEST), path)
    assert found.equal == 4
    assert origin in found.source


def test_parts_of_training_videos_are_passed_over(tmp_path: Path) -> None:
    train = _video("testing_01", 50, split="train", label=1)
    test = _video("testing_02", 40, ((3, 9),))
    normal = _video("training_01", 30)
    manifest = _manifest(train, test, normal, benchmark="avenue")
    path = _save(tmp_path / "gt.npy", [[1] * 50, _labels(test, 40)])
    found = compare_ground_truth(manifest, path)
    assert (found.equal, found.skipped, found.absent) == (1, ("testing_01",), ("training_01",))
    assert "abnormal videos of both splits" in found.source
    assert any("keeps no frame labels of training videos: 1 (testing_01)" in line for line in found.lines())


@pytest.mark.parametrize("suffix", ["", "__0", "__9_gt"])
def test_a_folder_of_arrays_is_matched_by_name(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "gt"
    folder.mkdir()
    for video in TEST[:3]:
        np.save(folder / f"{video.name}{suffix}.npy", np.array(_labels(video, _ceil(video.frames or 0)), np.float32))
    np.save(folder / "z.npy", np.zeros(5))
    found = compare_ground_truth(_manifest(*TEST), folder)
    assert (found.equal, found.absent, found.unknown) == (3, ("d",), ("z",))


def test_bare_numbers_are_avenues_testing_videos(tmp_path: Path) -> None:
    np.save(tmp_path / "07.npy", np.zeros(32, np.uint8))
    found = compare_ground_truth(_manifest(_video("testing_07", 32, ((1, 3),))), tmp_path)
    assert _kinds(found) == {"testing_07": "no frame is abnormal"}


def test_labels_in_json_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "gt.json"
    path.write_text(json.dumps({v.name: {"num_frames": v.frames, "labels": _labels(v, v.frames or 0)} for v in TEST}))
    assert compare_ground_truth(_manifest(*TEST), path).equal == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "malformed at the top level"),
        (b'{"a": {"label": []}}', r"malformed at a\.labels"),
        (b'{"a": {"labels": [0, 2]}}', "other values than 0 and 1"),
        (b'{"a": {"labels": []}}', "one label per frame"),
        (b"[" * 100_000, "malformed"),
    ],
)
def test_malformed_json_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "gt.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        compare_ground_truth(_manifest(*TEST), tmp_path / "gt.json")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([0, 1, 2]), "other values than 0 and 1"),
        (np.array([0, np.nan]), "other values than 0 and 1"),
        (np.zeros((3, 4)), "one label per frame"),
        (np.zeros(0), "not a readable|one label per frame"),
        (np.array(["a"]), "array of numbers"),
    ],
)
def test_an_array_that_is_no_ground_truth_is_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "gt.npy", array)
    with pytest.raises(InputError, match=message):
        compare_ground_truth(_manifest(*TEST), tmp_path / "gt.npy")


def test_folders_without_or_with_doubled_arrays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.npy files there"):
        compare_ground_truth(_manifest(*TEST), tmp_path)
    np.save(tmp_path / "z.npy", np.zeros(5))
    with pytest.raises(InputError, match="none of its videos is in mine"):
        compare_ground_truth(_manifest(*TEST), tmp_path)
    for name in ("a", "a__1"):
        np.save(tmp_path / f"{name}.npy", np.zeros(70))
    with pytest.raises(InputError, match="a: labels of this video are twice"):
        compare_ground_truth(_manifest(*TEST), tmp_path)
    with pytest.raises(InputError, match="no such file"):
        compare_ground_truth(_manifest(*TEST), tmp_path / "absent.npy")
