"""`wvad data extract`: what it writes and says, what it refuses, and that a killed call is gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import run
from benchmark.datasets.manifest import read_manifest
from tests.unit.extraction.makers import coloured, mean_colours, moving, write_frames, write_video, yolov8

COMMAND = "import sys; from benchmark.cli import main; main()"
SMALL = ["--flow-size", "64x48"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for place, count in enumerate((33, 48, 64, 40)):
        write_video(folder / f"v{place}.avi", moving(count, step=place + 1, size=(48, 64)))
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that name a detector, its classes and an encoder."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "classes.txt").write_text("red\ngreen\nblue\n")
    detector, encoder = yolov8(folder / "detector.onnx"), mean_colours(folder / "encoder.onnx")
    named = ["--objects", str(detector), "--class-names", str(folder / "classes.txt")]
    return [*named, "--features", str(encoder), "--normalise", "unit", "--crops", "ten"]


def extract(videos: Path, out: Path, *options: str) -> int:
    return run(["data", "extract", str(videos), "--out", str(out), *SMALL, *options])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_is_extracted_drawn_and_said(
    videos: Path, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert extract(videos, tmp_path, *models, "--picture") == 0
    said = capsys.readouterr().out
    assert f"4 videos extracted, 11 snippets, 185 frames; in {tmp_path}" in said
    assert "An import scales it by its training videos if it exceeds 1 in one of them" in said
    assert f"wvad data import NAME --features {tmp_path / 'features'} --annotations PATH" in said
    assert np.load(tmp_path / "features" / "v0.npy").shape == (2, 10, 3)
    for name in ("v0", "v1", "v2", "v3"):
        assert (tmp_path / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert extract(videos, tmp_path, *models) == 0
    assert "0 videos extracted, 0 snippets, 0 frames, 4 finished before" in capsys.readouterr().out


def test_what_was_extracted_is_imported_with_its_identity(videos: Path, models: list[str], tmp_path: Path) -> None:
    splits = ("train", "train", "test", "test")
    entries = [{"name": f"v{i}", "split": split, "label": i % 2} for i, split in enumerate(splits)]
    entries[3]["intervals"] = [[4, 20]]
    found = []
    for name, crops in (("a", "ten"), ("b", "ten"), ("c", "one")):
        assert extract(videos, tmp_path / name, *models, "--crops", crops) == 0
        (tmp_path / name / "labels.json").write_text(json.dumps({"videos": entries}))
        # More crops than dimensions: nobody's features but these are so small, and an import has to be told.
        asked = ["--features", str(tmp_path / name), *(["--layout", "ten-crop"] if crops == "ten" else [])]
        assert run(["data", "import", name, *asked, "--data", str(tmp_path / "data")]) == 0
        found.append(read_manifest(tmp_path / "data" / name))
    assert found[0].feature_set == found[1].feature_set != found[2].feature_set
    assert found[0].identity is not None
    assert "on the mean of 4 frames" in found[0].identity.extractor
    assert found[0].content == found[1].content != found[2].content
    assert [(m.motion, m.object_classes, m.crops, m.dim) for m in found] == [(True, 3, n, 3) for n in (10, 10, 1)]
    assert [video.frames for video in found[0].videos] == [33, 48, 64, 40]


def test_a_named_extractor_gives_the_same_bytes_twice_and_another_identity_when_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from benchmark.extraction.networks.i3d_resnet import I3DResNet50

    torch.manual_seed(0)
    torch.save(I3DResNet50().state_dict(), tmp_path / "w.pth")
    video = write_video(tmp_path / "v.avi", moving(16, size=(48, 64)))
    asked = ["--motion", "none", "--extractor", "i3d-r50-rtfm", "--weights", str(tmp_path / "w.pth"), "--crops", "one"]
    identities = []
    for name, change in (("a", []), ("b", []), ("c", ["--set", "normalise=i3d-inception"])):
        assert extract(video, tmp_path / name, *asked, *change) == 0
        identities.append(json.loads((tmp_path / name / "feature_set.json").read_text()))
    assert content(tmp_path / "a") == content(tmp_path / "b")
    features = np.load(tmp_path / "a" / "features" / "v.npy")
    assert (features.dtype, features.shape) == (np.float32, (1, 1, 2048))
    assert identities[0]["id"].startswith("i3d-r50-rtfm+crops-one-")
    assert identities[2]["id"].startswith("i3d-r50-rtfm+crops-one+normalise-i3d-inception-")
    assert "changed: crops one, normalise i3d-inception; " in identities[2]["extractor"]
    assert (
        "not the features of i3d-r50-rtfm as published, but a set of their own: crops one." in capsys.readouterr().out
    )
    assert extract(video, tmp_path / "a", *asked, "--tail", "drop") == 2
    assert "features.recipe.tail loop, now drop" in capsys.readouterr().err


def test_motion_is_scaled_by_a_list(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.txt").write_text("v0\nv3.avi\n")
    assert extract(videos, tmp_path / "out", "--train", str(tmp_path / "train.txt")) == 0
    said = capsys.readouterr().out
    assert "99th percentile of the snippets of 2 training videos, and clipped to [0, 1]." in said
    assert max(np.load(path).max() for path in (tmp_path / "out" / "motion").iterdir()) == 1


def test_slow_motion_asks_for_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "v.avi", moving(16, step=1, size=(96, 128)))
    assert extract(video, tmp_path / "out") == 0
    assert "an import would take it for scaled already: run the same command with --train LIST" in (
        capsys.readouterr().out
    )


def test_bad_videos_are_a_line_each_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_video(tmp_path / "in" / "good.mkv", moving(80, size=(48, 64)))
    (tmp_path / "in" / "cut.mkv").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    write_video(tmp_path / "in" / "short.avi", [coloured(0, 0, 0)] * 3)
    assert extract(tmp_path / "in", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "2 videos extracted" in said.out
    assert "2 failed" in said.out
    assert len(said.err.splitlines()) == 3
    assert f"failed: bad: {tmp_path / 'in' / 'bad.mp4'}: cannot be opened as a video" in said.err
    assert "short.avi: 3 frames are fewer than a snippet of 16" in said.err
    assert "warning: " in said.err
    assert "of 80 frames could be decoded. These are kept." in said.err
    assert (tmp_path / "out" / "motion" / "cut.npy").is_file()


def test_a_video_that_was_cut_off_is_extracted_anew_as_its_warning_says(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", moving(80, size=(48, 64))).read_bytes()
    (tmp_path / "in").mkdir()
    video, counts = tmp_path / "in" / "v.mkv", tmp_path / "out" / "frames.csv"
    video.write_bytes(whole[: len(whole) // 2])
    assert extract(tmp_path / "in", tmp_path / "out") == 0
    video.write_bytes(whole)
    counts.write_text(counts.read_text().splitlines()[0] + "\n")
    assert extract(tmp_path / "in", tmp_path / "out") == 0
    assert counts.read_text() == "video,frame_count\nv,80\n"
    assert np.load(tmp_path / "out" / "motion" / "v.npy").shape == (5,)


def test_folders_of_frames_are_extracted_as_videos_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("01_0014", "01_0015", "01_0016"):
        write_frames(tmp_path / "frames" / name, moving(40, size=(48, 64)))
    (tmp_path / "frames" / "01_0015" / "007.jpg").write_bytes(b"")
    (tmp_path / "frames" / "01_0016" / "007.jpg").unlink()
    (tmp_path / "train.txt").write_text("training/frames/01_0014\n")
    assert extract(tmp_path / "frames", tmp_path / "out", "--train", str(tmp_path / "train.txt"), "--picture") == 1
    said = capsys.readouterr()
    assert "A folder of numbered pictures is taken for the frames of a video: " in said.out
    assert "1 videos extracted, 2 snippets, 40 frames, 2 failed" in said.out
    assert "01_0015: 007.jpg is empty or damaged; copy it again" in said.err
    assert "01_0016: frame 7 is missing, 008.jpg comes after 006.jpg; copy the folder again" in said.err
    assert (tmp_path / "out" / "frames.csv").read_text() == "video,frame_count\n01_0014,40\n"
    assert [path.name for path in (tmp_path / "out" / "motion").iterdir()] == ["01_0014.npy"]
    write_frames(tmp_path / "frames" / "01_0015", moving(40, size=(48, 64)))
    assert extract(tmp_path / "frames", tmp_path / "out") == 1
    assert "1 videos extracted, 2 snippets, 40 frames, 1 finished before, 1 failed" in capsys.readouterr().out


def test_videos_of_avenue_fit_its_annotations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks = np.zeros(16, np.uint8)
    marks[4:9] = 1
    (tmp_path / "frame_labels").mkdir()
    for split, videos in (("train", 16), ("test", 21)):
        for number in range(1, videos + 1):
            frames = moving(16, step=1 + number % 3, size=(48, 64))
            write_video(tmp_path / "avenue" / f"{split}ing_videos" / f"{number:02d}.avi", frames)
            np.save(tmp_path / "frame_labels" / f"{number:02d}.npy", marks)
    (tmp_path / "train.txt").write_text("".join(f"/home/training_videos/{i:02d}.avi\n" for i in range(1, 17)))
    options = ["--features", str(mean_colours(tmp_path / "encoder.onnx")), "--train", str(tmp_path / "train.txt")]
    assert extract(tmp_path / "avenue", tmp_path / "out", *options) == 0
    said = capsys.readouterr().out
    assert "testing_videos/01.avi is testing_01." in said
    assert "percentile of the snippets of 16 training videos" in said
    asked = ["--features", str(tmp_path / "out"), "--annotations", str(tmp_path / "frame_labels")]
    assert run(["data", "import", "avenue", *asked, "--data", str(tmp_path / "data")]) == 0
    manifest = read_manifest(tmp_path / "data" / "avenue")
    assert (len(manifest.videos), manifest.motion, manifest.benchmark) == (37, True, "avenue")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--motion", "none"], "nothing to extract: choose --motion, --objects or --features"),
        (["--flow-size", "160"], "--flow-size 160: write width and height in pixels, such as 160x120"),
        (["--motion", "none", "--features", "e.onnx", "--picture"], "--picture shows motion and objects"),
        (["--objects", "none.onnx"], "none.onnx: no such file"),
        (["--features", "w.pth", "--architecture", "nets"], "--architecture nets: write package.module:function"),
        (["--extractor", "i3d-r50-rtfm"], "--extractor i3d-r50-rtfm: name the file of its weights with --weights"),
        (["--extractor", "i3d", "--weights", "w.pth"], "--extractor i3d: there is no such extractor; known: i3d-r50-"),
        (["--weights", "w.pth"], "--weights: belongs to a named extractor; name it with --extractor"),
        (["--extractor", "c3d-sultani", "--features", "e.onnx"], "give --weights in place of --features"),
        (["--object-frames", "17"], "--object-frames': Input should be less than or equal to 16"),
    ],
)
def test_bad_usage_is_one_line(
    options: list[str], message: str, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert extract(videos, tmp_path / "out", *options) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("module", "named"), [("cv2", "OpenCV"), ("onnxruntime", "ONNX Runtime")])
def test_a_missing_extra_is_named(
    module: str,
    named: str,
    videos: Path,
    models: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert extract(videos, tmp_path / "out", *models) == 2
    assert capsys.readouterr().err == (
        f"wvad: {named} is missing: this needs the extra `video`: pip install 'wvad-bench[video]'\n"
    )


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no such signal")
def test_a_killed_call_is_gone_on_with_to_the_same_bytes(videos: Path, models: list[str], tmp_path: Path) -> None:
    arguments = ["data", "extract", str(videos), *SMALL, *models, "--workers", "2", "--out"]
    assert run([*arguments, str(tmp_path / "whole")]) == 0
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments, str(tmp_path / "killed")], start_new_session=True
    )
    while process.poll() is None and not (tmp_path / "killed" / "frames.csv").exists():
        time.sleep(0.002)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert run([*arguments, str(tmp_path / "killed")]) == 0
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


@pytest.mark.parametrize("deadly", ["a", "b"])
def test_a_worker_that_is_killed_costs_its_video_alone(
    deadly: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where it is the first video, whose first snippet is measured for the forecast."""
    # An architecture is the user's own code: this one ends its process when it sees the brightest video.
    (tmp_path / "nets.py").write_text(
        "import os, torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.scale = torch.nn.Parameter(torch.ones(()))\n"
        "    def forward(self, images):\n"
        "        if images.mean() > 0.9:\n"
        "            os._exit(9)\n"
        "        return images.mean((2, 3)) * self.scale\n"
    )
    import torch

    torch.save({"scale": torch.ones(())}, tmp_path / "w.pth")
    for name, given in (("a", 10), ("b", 10), ("c", 20)):
        shade = 255 if name == deadly else given
        write_video(tmp_path / "in" / f"{name}.avi", [coloured(shade, shade, shade)] * 16)
    options = ["--features", str(tmp_path / "w.pth"), "--architecture", f"{tmp_path / 'nets.py'}:Net"]
    code = extract(
        tmp_path / "in", tmp_path / "out", "--motion", "none", "--normalise", "unit", "--workers", "1", *options
    )
    assert code == 1
    assert f"failed: {deadly}: the process that extracted it ended with code 9" in capsys.readouterr().err
    written = {path.stem for path in (tmp_path / "out" / "features").glob("[!.]*.npy")}
    assert written == {"a", "b", "c"} - {deadly}
    assert np.load(tmp_path / "out" / "features" / "c.npy")[0, 0] == pytest.approx(20 / 255, abs=0.01)
