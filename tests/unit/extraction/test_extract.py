"""Extractions: the same whatever the number of workers, resumed, never mixed, and scaled by training videos."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.frames_csv import read_frame_counts
from benchmark.extraction.extract import Extraction, extract
from benchmark.extraction.folder import ExtractionFolder
from benchmark.extraction.instruments import Instruments
from benchmark.extraction.motion import MotionMeter
from benchmark.extraction.settings import ExtractionRequest, MotionSettings
from benchmark.extraction.videos import find_videos
from benchmark.extraction.workers.forecast import Forecast
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from benchmark.system.files import scratch_name
from tests.unit.extraction.makers import Frames, coloured, mean_colours, moving, write_model, write_video, yolov8

LENGTHS = {"still": 32, "slow": 40, "quick": 50}
STEPS = {"still": 0, "slow": 1, "quick": 3}
FLOW = MotionSettings(method="dis", width=64, height=48)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    for name, count in LENGTHS.items():
        frames = moving(count, STEPS[name], size=(48, 64))
        write_video(folder / name[0] / f"{name}.avi", frames)
    return dict(find_videos(folder).paths)


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> ExtractionRequest:
    models = tmp_path_factory.mktemp("models")
    return ExtractionRequest(
        motion=FLOW,
        objects=yolov8(models / "detector.onnx"),
        class_names=("red", "green", "blue"),
        features=mean_colours(models / "encoder.onnx"),
        crops="five",
    )


@pytest.fixture(scope="module")
def extracted(
    videos: dict[str, Path], request_: ExtractionRequest, tmp_path_factory: pytest.TempPathFactory
) -> Extraction:
    return extract(videos, request_, tmp_path_factory.mktemp("out"), workers=2)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_file(folder: Path, *names: str) -> Path:
    (folder / "train.txt").write_text("\n".join(names))
    return folder / "train.txt"


def test_every_video_has_its_files_and_its_frames(extracted: Extraction) -> None:
    path = extracted.folder.path
    assert extracted.failed == 0
    assert read_frame_counts(path / "frames.csv") == LENGTHS
    for name, frames in LENGTHS.items():
        arrays = {kind: np.load(path / kind / f"{name}.npy") for kind in ("flow", "motion", "objects", "features")}
        rows = frames // 16
        assert {kind: (array.dtype.name, array.shape) for kind, array in arrays.items()} == {
            "flow": ("float32", (rows,)),
            "motion": ("float32", (rows,)),
            "objects": ("float16", (rows, 3)),
            "features": ("float16", (rows, 5, 3)),
        }
        assert np.array_equal(arrays["flow"], arrays["motion"])
        assert arrays["motion"] == pytest.approx(STEPS[name], rel=0.15, abs=0.01)


def test_the_record_says_what_was_run(extracted: Extraction) -> None:
    record = json.loads((extracted.folder.path / "extraction.json").read_text())
    settings = record["settings"]
    assert record["motion_scale"] is None
    assert (settings["snippet_frames"], settings["tail"]) == (16, "drop")
    assert settings["motion"] == {"method": "dis", "width": 64, "height": 48}
    assert (settings["objects"]["model"], settings["objects"]["family"]) == ("detector.onnx", "yolov8")
    assert (settings["features"]["kind"], settings["features"]["crops"]) == ("image", "five")
    assert len(settings["features"]["sha256"]) == 64
    assert settings["opencv"]
    assert settings["onnxruntime"]
    assert settings["torch"] is None


def test_the_number_of_workers_changes_no_byte(
    extracted: Extraction, videos: dict[str, Path], request_: ExtractionRequest, tmp_path: Path
) -> None:
    extract(videos, request_, tmp_path / "one", workers=1)
    assert content(tmp_path / "one") == content(extracted.folder.path)


def test_what_is_finished_is_not_extracted_again(
    videos: dict[str, Path], request_: ExtractionRequest, extracted: Extraction, tmp_path: Path
) -> None:
    first = extract({"slow": videos["slow"]}, request_, tmp_path)
    assert [outcome.name for outcome in first.outcomes] == ["slow"]
    # As a killed call leaves it: a video without its line, one with a file that was never written, rubbish.
    ExtractionFolder(tmp_path, first.folder.settings, replace=False).finish("quick", 50)
    (tmp_path / "flow" / "still.npy").write_bytes(b"half")
    dead = scratch_name(".still.npy").replace(str(os.getpid()), str(2**22 + 1))  # above the greatest process id
    (tmp_path / "objects" / dead).write_bytes(b"half")
    again = extract(videos, request_, tmp_path)
    assert [outcome.name for outcome in again.outcomes] == ["quick", "still"]
    assert again.finished_before == 1
    assert content(tmp_path) == content(extracted.folder.path)


def test_two_calls_into_one_folder_keep_what_each_has_finished(extracted: Extraction, tmp_path: Path) -> None:
    one, other = (ExtractionFolder(tmp_path, extracted.folder.settings, replace=False) for _ in range(2))
    one.finish("a", 50)
    other.finish("b", 60)
    one.finish("c", 70)
    assert read_frame_counts(tmp_path / "frames.csv") == {"a": 50, "b": 60, "c": 70}


def test_other_settings_are_not_mixed(videos: dict[str, Path], tmp_path: Path) -> None:
    request = ExtractionRequest(motion=FLOW)
    extract({"slow": videos["slow"]}, request, tmp_path)
    before = content(tmp_path)
    other = replace(request, motion=FLOW.model_copy(update={"width": 80}), tail="keep")
    with pytest.raises(
        InputError,
        match=r"was extracted with other settings \(tail drop, now keep; motion.width 64, now 80\).* --replace",
    ):
        extract(videos, other, tmp_path)
    assert content(tmp_path) == before
    replaced = extract({"quick": videos["quick"]}, other, tmp_path, replace=True)
    assert [outcome.snippets for outcome in replaced.outcomes] == [4]
    assert sorted(path.name for path in (tmp_path / "motion").iterdir()) == ["quick.npy"]
    assert read_frame_counts(tmp_path / "frames.csv") == {"quick": 50}


def test_words_that_meant_something_else_keep_their_features_apart(
    videos: dict[str, Path], request_: ExtractionRequest, tmp_path: Path
) -> None:
    """What a record of version 1 calls `i3d` and `ten` goes on under their names of today, and its identity stays."""
    as_before = ExtractionRequest(features=request_.features, normalisation="i3d-inception", crops="ten-in-place")
    extract({"slow": videos["slow"]}, as_before, tmp_path)
    file = tmp_path / "extraction.json"
    record = json.loads(file.read_text())
    features = record["settings"]["features"] | {"normalisation": "i3d", "crops": "ten"}
    text = json.dumps(features, separators=(",", ":"))  # what version 1 hashed
    identity = json.loads((tmp_path / "feature_set.json").read_text())["id"]
    assert identity == f"encoder-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    file.write_text(json.dumps(record | {"version": 1, "settings": record["settings"] | {"features": features}}))
    assert extract(videos, as_before, tmp_path).finished_before == 1
    with pytest.raises(InputError, match=r"normalisation i3d-inception, now i3d; features.crops ten-in-place, now ten"):
        extract(videos, replace(as_before, normalisation="i3d", crops="ten"), tmp_path)
    extract(videos, replace(as_before, normalisation="i3d", crops="ten"), tmp_path, replace=True)
    assert json.loads((tmp_path / "feature_set.json").read_text())["id"] != identity


@pytest.mark.parametrize("place", ["frames.csv", "motion/a.npy"])
def test_files_of_others_are_left_alone(place: str, videos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("mine")
    with pytest.raises(InputError, match=r"is there already, but not from an extraction; choose another folder"):
        extract(videos, ExtractionRequest(motion=FLOW), tmp_path, replace=True)
    assert content(tmp_path) == {place: b"mine"}


def test_a_damaged_record_is_named(videos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "extraction.json").write_text('{"version": 3}')
    with pytest.raises(InputError, match=r"extraction.json: damaged, or of a newer version"):
        extract(videos, ExtractionRequest(motion=FLOW), tmp_path)


def test_one_bad_video_does_not_stop_the_others(videos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    short = write_video(tmp_path / "short.avi", [coloured(0, 0, 0)] * 15)
    mixed = {"bad": tmp_path / "bad.mp4", "short": short, "slow": videos["slow"]}
    result = extract(mixed, ExtractionRequest(motion=FLOW), tmp_path / "out", workers=2)
    reasons = {outcome.name: outcome.reason for outcome in result.outcomes}
    assert "bad.mp4: cannot be opened as a video" in reasons["bad"]
    assert "short.avi: 15 frames are fewer than a snippet" in reasons["short"]
    assert reasons["slow"] == ""
    assert result.failed == 2
    assert sorted(path.name for path in (tmp_path / "out" / "flow").iterdir()) == ["slow.npy"]


def test_motion_is_scaled_by_the_training_videos(videos: dict[str, Path], tmp_path: Path) -> None:
    train = names_file(tmp_path, "s/slow.avi", "still", "slow")
    out = tmp_path / "out"
    result = extract(videos, ExtractionRequest(motion=FLOW), out, training=train)
    flow = {name: np.load(out / "flow" / f"{name}.npy") for name in LENGTHS}
    ordered = np.sort(np.concatenate([flow["slow"], flow["still"]]))
    place = 0.99 * (len(ordered) - 1)
    low = int(place)
    percentile = ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])
    assert result.motion_scale is not None
    assert result.motion_scale.pixels_per_frame == pytest.approx(percentile)
    assert result.motion_scale.training_videos == 2
    for name in LENGTHS:
        motion = np.load(out / "motion" / f"{name}.npy")
        assert motion == pytest.approx(np.minimum(flow[name] / percentile, 1))
    assert np.load(out / "motion" / "quick.npy").max() == 1
    assert json.loads((out / "extraction.json").read_text())["motion_scale"]["percentile"] == 99
    # Another list, or none, changes the motion alone, from what is measured already.
    again = extract(videos, ExtractionRequest(motion=FLOW), out)
    assert (again.outcomes, again.motion_scale) == ((), None)
    assert np.array_equal(np.load(out / "motion" / "quick.npy"), flow["quick"])


def test_slow_motion_in_pixels_would_be_taken_for_scaled(videos: dict[str, Path], tmp_path: Path) -> None:
    slow = ExtractionRequest(motion=MotionSettings(method="dis", width=32, height=24))
    assert extract({"slow": videos["slow"]}, slow, tmp_path / "a").looks_scaled
    assert not extract({"quick": videos["quick"]}, slow, tmp_path / "b").looks_scaled
    train = names_file(tmp_path, "slow")
    assert not extract({"slow": videos["slow"]}, slow, tmp_path / "a", training=train).looks_scaled


@pytest.mark.parametrize(
    ("names", "motion", "message"),
    [
        (["slow", "other"], FLOW, r"train.txt: other: there is no such video; take it off the list"),
        (["slaw"], FLOW, r"train.txt: slaw: there is no such video; did you mean slow\?"),
        (["still"], FLOW, r"--train: nothing moves in the training videos"),
        ([], FLOW, r"train.txt: no names of training videos"),
        (["slow"], None, r"train.txt: scales motion, which is not asked for"),
    ],
)
def test_a_wrong_list_of_training_videos_is_named(
    names: list[str],
    motion: MotionSettings | None,
    message: str,
    videos: dict[str, Path],
    request_: ExtractionRequest,
    tmp_path: Path,
) -> None:
    request = replace(request_, motion=motion)
    some = {name: videos[name] for name in ("still", "slow")}
    with pytest.raises(InputError, match=message):
        extract(some, request, tmp_path / "out", training=names_file(tmp_path, *names))


def test_a_listed_name_that_several_videos_share_asks_for_folders(videos: dict[str, Path], tmp_path: Path) -> None:
    apart, out = {"normal_1": videos["slow"], "odd_1": videos["quick"]}, tmp_path / "out"
    request = ExtractionRequest(motion=FLOW)
    message = r"train.txt: 1.avi: there is no such video; .* are normal_1 \(and 1 more\): write one"
    with pytest.raises(InputError, match=message):
        extract(apart, request, out, training=names_file(tmp_path, "1.avi"))
    assert not out.exists()
    scale = extract(apart, request, out, training=names_file(tmp_path, "/x/train/normal/1.avi")).motion_scale
    assert scale is not None
    assert scale.training_videos == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"motion": None, "objects": None, "features": None}, "nothing to extract"),
        ({"architecture": "nets.py:net"}, r"encoder.onnx: features come from an .onnx file, or from a checkpoint"),
        ({"features": Path("w.pth")}, r"w.pth: features come from an .onnx file, or from a checkpoint"),
        ({"class_names": ("one",)}, r"is none of YOLOv5 \(1, N, 6\)"),
        ({"objects": Path("none.onnx")}, r"none.onnx: no such file"),
    ],
)
def test_a_request_that_cannot_be_met_writes_nothing(
    changes: dict[str, object], message: str, request_: ExtractionRequest, videos: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        extract(videos, replace(request_, **changes), tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_an_import_finds_all_beside_the_features(extracted: Extraction, tmp_path: Path) -> None:
    listed = [
        {"name": "still", "split": "train", "label": 0},
        {"name": "slow", "split": "test", "label": 0},
        {"name": "quick", "split": "test", "label": 1, "intervals": [[3, 50]]},
    ]
    (tmp_path / "labels.json").write_text(json.dumps({"videos": listed}))
    path = extracted.folder.path
    # More crops than dimensions: nobody's features but these are so small, and an import has to be told.
    request = ImportRequest("mine", path / "features", tmp_path / "labels.json", layout="ten-crop")
    manifest = import_dataset(request, tmp_path / "data")
    assert (manifest.crops, manifest.dim, manifest.motion, manifest.object_classes) == (5, 3, True, 3)
    assert {video.name: video.frames for video in manifest.videos} == LENGTHS
    dataset = Dataset(tmp_path / "data" / "mine")
    for video in manifest.videos:
        assert np.array_equal(dataset.motion(video), np.load(path / "motion" / f"{video.name}.npy"))


def test_no_more_than_the_next_snippets_are_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each snippet is measured when at most two more are ready and another one is in the making."""
    from benchmark.extraction.one_video import extract_video

    prepared: list[int] = []
    measured: list[tuple[int, int]] = []

    def prepare(self: MotionMeter, frames: Frames) -> np.ndarray:
        prepared.append(len(frames))
        return np.zeros(len(frames))

    def measure(self: MotionMeter, seen: Sequence[np.ndarray]) -> list[np.ndarray]:
        measured.append((len(seen), len(prepared)))
        return [np.float32(len(each)) for each in seen]  # type: ignore[misc]

    monkeypatch.setattr(MotionMeter, "prepare", prepare)
    monkeypatch.setattr(MotionMeter, "measure", measure)
    path = write_video(tmp_path / "v.avi", moving(100, size=(48, 64)))
    instruments = Instruments.of(ExtractionRequest(motion=FLOW, tail="keep"))
    (tmp_path / "flow").mkdir()
    advances: list[int] = []
    assert extract_video("v", path, instruments, tmp_path, advances.append).snippets == 7
    assert prepared == [16] * 6 + [4]
    assert np.load(tmp_path / "flow" / "v.npy").tolist() == prepared
    assert advances == [1] * 7
    for place, (together, ready) in enumerate(measured):
        assert (together, ready <= place + 3) == (1, True)


def test_a_forecast_counts_the_snippets_that_are_left_and_times_the_first(
    videos: dict[str, Path], request_: ExtractionRequest, tmp_path: Path
) -> None:
    extract({"slow": videos["slow"]}, request_, tmp_path / "out")
    (tmp_path / "bad.avi").write_bytes(b"no video")
    forecasts: list[Forecast] = []
    progress: list[tuple[int, int]] = []
    extract(
        {"bad": tmp_path / "bad.avi", **videos},
        request_,
        tmp_path / "out",
        workers=8,
        expected=forecasts.append,
        progress=lambda done, total: progress.append((done, total)),
    )
    (forecast,) = forecasts
    assert (forecast.snippets, forecast.silent, forecast.crops, forecast.workers) == (2 + 3, 1, 5, 3)
    assert not forecast.on_gpu
    assert 0 < forecast.each < 60
    assert forecast.seconds == forecast.snippets * forecast.each / 3
    assert (progress[0], progress[-1]) == ((0, 3), (6, 6))  # the video that cannot be opened counts as one
    assert {total for _, total in progress} == {3, 6}
    assert all(before <= after for (before, of), (after, now) in pairwise(progress) if of == now)


def test_nothing_is_forecast_where_no_video_can_be_opened_or_nothing_is_left(
    videos: dict[str, Path], tmp_path: Path
) -> None:
    request, forecasts = ExtractionRequest(motion=FLOW), []
    (tmp_path / "bad.avi").write_bytes(b"no video")
    bad = extract({"bad": tmp_path / "bad.avi"}, request, tmp_path / "out", expected=forecasts.append)
    assert bad.failed == 1
    extract({"slow": videos["slow"]}, request, tmp_path / "out")
    extract({"slow": videos["slow"]}, request, tmp_path / "out", expected=forecasts.append)
    assert forecasts == []


def test_an_encoder_that_gives_nonsense_for_a_video_fails_that_video(tmp_path: Path) -> None:
    inverse = [
        helper.make_node("GlobalAveragePool", ["images"], ["mean"]),
        helper.make_node("Sub", ["mean", "shade"], ["less"]),
        helper.make_node("Reciprocal", ["less"], ["output"]),
    ]
    model = write_model(
        tmp_path / "m.onnx", inverse, ("N", 3, 8, 8), constants={"shade": np.ones((1, 1, 1, 1), np.float32)}
    )
    white = write_video(tmp_path / "white.avi", [coloured(255, 255, 255)] * 16)
    grey = write_video(tmp_path / "grey.avi", [coloured(128, 128, 128)] * 16)
    request = ExtractionRequest(features=model, normalisation="unit")
    result = extract({"white": white, "grey": grey}, request, tmp_path / "out")
    reasons = {outcome.name: outcome.reason for outcome in result.outcomes}
    assert "m.onnx: gives NaN, infinite values or values beyond 65504" in reasons["white"]
    assert reasons["grey"] == ""
    assert [path.name for path in (tmp_path / "out" / "features").iterdir()] == ["grey.npy"]
