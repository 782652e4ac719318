"""`wvad predict` and `wvad store export --run`: a video extracted as a run's, scored, and what is refused."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmark import predict
from benchmark.cli import run
from benchmark.prediction.sources import check_registered
from benchmark.runs.run_spec import AddOnSpec
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from tests.unit.extraction.makers import mean_colours, moving, slow_down, write_video

NAMES = [f"{kind}{place}" for kind in ("n", "a") for place in range(4)]
TEST = ("n3", "a3")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with videos, an encoder, their features, the dataset `cams` made of these, and a run trained on it."""
    root = tmp_path_factory.mktemp("place")
    for step, name in enumerate(NAMES, start=1):
        write_video(root / "videos" / f"{name}.avi", moving(16 * step + 33, step=step, size=(48, 64)))
    encoder = mean_colours(root / "encoder.onnx")
    asked = ["--features", str(encoder), "--normalise", "unit", "--crops", "five", "--motion", "none"]
    assert run(["data", "extract", str(root / "videos"), "--out", str(root / "extracted"), *asked]) == 0
    entries = [
        {"name": name, "split": "test" if name in TEST else "train", "label": int(name[0] == "a")} for name in NAMES
    ]
    entries[-1]["intervals"] = [[4, 20]]
    (root / "labels.json").write_text(json.dumps({"videos": entries}))
    features = ["--features", str(root / "extracted"), "--annotations", str(root / "labels.json")]
    imported = [
        "data",
        "import",
        "cams",
        *features,
        "--layout",
        "ten-crop",
        "--fps",
        "0.1",
        "--data",
        str(root / "data"),
    ]
    assert run(imported) == 0
    train(root, "--holdout", "0.5")
    return root


def train(root: Path, *options: str) -> None:
    settings = ["--seeds", "1", "--set", "steps=3", "--looks", "1", "--tracking", "none", "--executor", "serial"]
    places = ["--data", str(root / "data"), "--results", str(root / "results")]
    assert run(["train", "mmil", "cams", *settings, *places, *options]) == 0


def places(root: Path) -> list[str]:
    return ["--data", str(root / "data"), "--results", str(root / "results")]


def answer(root: Path, *arguments: str, of: str = "mmil") -> int:
    return run(["predict", of, *arguments, *places(root)])


def scores_in(path: Path) -> list[float]:
    return [float(row["score"]) for row in csv.DictReader(path.read_text().splitlines())]


def key_of(root: Path) -> str:
    return RunStore(root / "results" / "runs").keys()[0]


def test_a_video_is_scored_as_the_same_video_of_the_dataset(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, weights = tmp_path / "out", ["--extractor-weights", str(place / "encoder.onnx")]
    assert (
        answer(place, str(place / "videos" / "a3.avi"), "--out", str(out), *weights, "--video", "--per-hour", "60") == 0
    )
    said = capsys.readouterr().out
    assert "at most 60 false alarms per hour on 2 held-out normal training videos" in said
    store = RunStore(place / "results" / "runs")
    key = key_of(place)
    evaluation = next(e for e in store.evaluations(key) if e.selection == "last")
    stored = store.read_scores(key, evaluation.key)
    assert stored is not None
    expected = stored.scores[stored.video == stored.names.index("a3")]
    assert scores_in(out / "scores" / "a3.csv") == pytest.approx(expected.tolist(), abs=1e-6)
    said_json = json.loads((out / "scores" / "a3.json").read_text())
    assert (said_json["run"], said_json["fps"], said_json["selection"]) == (key, 25.0, "last")
    assert {path.suffix for path in (out / "scores").iterdir()} == {".csv", ".json", ".png", ".mp4"}
    # From features, without pictures and by the dataset's frame rate, the numbers are the same.
    assert answer(place, str(place / "extracted"), "--out", str(tmp_path / "f")) == 0
    assert scores_in(tmp_path / "f" / "scores" / "a3.csv") == scores_in(out / "scores" / "a3.csv")
    table = list(csv.DictReader((tmp_path / "f" / "videos.csv").read_text().splitlines()))
    assert [row["video"] for row in table] == sorted(NAMES)


def test_a_bad_video_is_a_line_and_the_others_go_on(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(place / "videos" / "n0.avi", tmp_path / "in")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    write_video(tmp_path / "in" / "short.avi", moving(3, size=(48, 64)))
    weights = ["--extractor-weights", str(place / "encoder.onnx")]
    assert answer(place, str(tmp_path / "in"), "--out", str(tmp_path / "out"), *weights) == 1
    said = capsys.readouterr()
    assert "failed: bad: " in said.err
    assert "failed: short: " in said.err
    table = list(csv.DictReader((tmp_path / "out" / "videos.csv").read_text().splitlines()))
    assert {row["video"]: bool(row["reason"]) for row in table} == {"bad": True, "n0": False, "short": True}
    # Another video of a name that the folder has features of is not taken for it.
    write_video(tmp_path / "other" / "n0.avi", moving(40, size=(48, 64)))
    assert answer(place, str(tmp_path / "other"), "--out", str(tmp_path / "out"), *weights) == 2
    assert "holds features of another n0" in capsys.readouterr().err


def test_what_is_odd_about_a_video_is_said_as_extraction_does(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uneven = slow_down(write_video(tmp_path / "v.mp4", moving(128, size=(48, 64))), 5)
    asked = ["--motion", "none", "--features", str(place / "encoder.onnx"), "--normalise", "unit", "--crops", "five"]
    assert run(["data", "extract", str(uneven), "--out", str(tmp_path / "extracted"), *asked]) == 0
    warning = capsys.readouterr().err
    assert warning.startswith("warning: ")
    assert "v.mp4: its frame rate varies" in warning
    weights = ["--extractor-weights", str(place / "encoder.onnx")]
    assert answer(place, str(uneven), "--out", str(tmp_path / "out"), *weights) == 0
    assert capsys.readouterr().err == warning


def test_features_that_cannot_be_the_runs_are_refused_in_a_line(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    np.save(tmp_path / "wide.npy", np.zeros((4, 5, 7), np.float32))
    np.save(tmp_path / "few.npy", np.zeros((4, 2, 3), np.float32))
    np.save(tmp_path / "none.npy", np.full((4, 5, 3), np.nan, np.float32))
    (tmp_path / "code.npy").write_bytes(b"\x80\x04}.")
    for name, words in (
        ("wide", "vectors of 7 dimensions, but MMIL on cams, seed 0"),
        ("few", "2 crops, but MMIL on cams"),
        ("none", "NaN"),
        ("code", "code.npy"),
    ):
        assert answer(place, str(tmp_path / f"{name}.npy"), *out) in (1, 2)
        (line,) = [line for line in capsys.readouterr().err.splitlines() if name in line]
        assert words in line
    other = tmp_path / "other"
    shutil.copytree(place / "extracted", other)
    stated = json.loads((other / "feature_set.json").read_text())
    stated["recipe"]["features"]["normalisation"] = "clip"
    (other / "feature_set.json").write_text(json.dumps({**stated, "id": "others"}))
    assert answer(place, str(other), *out) == 2
    assert "holds features others, but MMIL on cams, seed 0" in capsys.readouterr().err


def test_weights_that_make_other_features_are_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, out = str(place / "videos" / "n0.avi"), ["--out", str(tmp_path / "out")]
    assert answer(place, video, *out) == 2
    assert "was extracted with encoder.onnx (SHA-256 " in capsys.readouterr().err
    mean_colours(tmp_path / "encoder.onnx", ("N", 3, "H", "W"))
    assert answer(place, video, *out, "--extractor-weights", str(tmp_path / "encoder.onnx")) == 2
    assert "makes other features than encoder-" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv("WVAD_EXTRACTOR_WEIGHTS", str(place))
    assert answer(place, video, *out) == 0


def test_an_exported_run_scores_alone(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "run.zip"
    assert run(["store", "export", str(archive), "--run", "mmil", *places(place)]) == 0
    said = capsys.readouterr().out
    assert "with its recipe, with thresholds" in said
    monkeypatch.setenv("WVAD_EXTRACTOR_WEIGHTS", str(place))
    nothing = ["--data", str(tmp_path / "no"), "--results", str(tmp_path / "none")]
    video = str(place / "videos" / "a3.avi")
    assert run(["predict", str(archive), video, "--out", str(tmp_path / "a"), "--per-hour", "60", *nothing]) == 0
    assert "at most 60 false alarms per hour" in capsys.readouterr().out
    assert answer(place, video, "--out", str(tmp_path / "b"), "--per-hour", "60") == 0
    for ending in ("csv", "json", "png"):
        name = f"scores/a3.{ending}"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    # Smoothed scores have other thresholds, which an archive does not hold; the dataset tells them.
    capsys.readouterr()
    assert run(["predict", str(archive), video, "--out", str(tmp_path / "a"), "--smooth", "3", *nothing]) == 0
    assert "No threshold: the thresholds that are kept" in capsys.readouterr().out
    assert answer(place, video, "--out", str(tmp_path / "b"), "--smooth", "3", "--per-hour", "60") == 0
    assert "Threshold 0" in capsys.readouterr().out
    assert scores_in(tmp_path / "a" / "scores" / "a3.csv") == scores_in(tmp_path / "b" / "scores" / "a3.csv")
    # Imported into a store, the run goes on scoring without the dataset, and can be handed on.
    store = ["--results", str(tmp_path / "there")]
    assert run(["store", "import", str(archive), *store]) == 0
    assert run(["store", "verify", *store]) == 0
    again = tmp_path / "again.zip"
    assert run(["store", "export", str(again), "--run", key_of(place)[:6], *nothing[:2], *store]) == 0
    assert again.read_bytes() == archive.read_bytes()
    damaged = bytearray(archive.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    archive.write_bytes(damaged)
    assert run(["predict", str(archive), video, *nothing]) == 2
    assert "get an intact archive" in capsys.readouterr().err


def test_weights_from_elsewhere_score_with_the_recipe_of_a_dataset(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (weights,) = (place / "results" / "runs" / key_of(place) / "weights").iterdir()
    given = ["--weights", str(weights), "--out", str(tmp_path / "w")]
    assert answer(place, str(place / "extracted"), *given) == 2
    assert "--dataset" in capsys.readouterr().err
    settings = [*given, "--dataset", "cams", "--threshold", "0.5"]
    assert answer(place, str(place / "extracted"), *settings) == 0
    assert "MMIL with the weights of " in capsys.readouterr().out
    assert answer(place, str(place / "extracted"), "--out", str(tmp_path / "s")) == 0
    # As for `wvad evaluate --weights`, the paper's recipe counts, which takes all crops; the quick run has two.
    scored = scores_in(tmp_path / "s" / "scores" / "n0.csv")
    assert scores_in(tmp_path / "w" / "scores" / "n0.csv") == pytest.approx(scored, abs=1e-4)


def test_a_notebook_gets_the_same_numbers(place: Path, tmp_path: Path) -> None:
    found = predict(
        "mmil", [place / "extracted"], threshold=0.0, data=place / "data", results=place / "results", per="frame"
    )
    assert answer(place, str(place / "extracted"), "--out", str(tmp_path), "--per", "frame") == 0
    rows = found.scores[found.scores["video"] == "a1"]
    assert rows["score"].round(6).tolist() == scores_in(tmp_path / "scores" / "a1.csv")
    assert rows["alarm"].all()
    assert found.videos["video"].tolist() == sorted(NAMES)
    assert (found.threshold, found.threshold_from) == (0.0, "as given")


def test_a_run_that_is_not_there_or_held_nothing_out_is_said(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features, out = str(place / "extracted"), ["--out", str(tmp_path / "out")]
    for what, words in (("rtfm", "no run of rtfm there"), ("ffff", "no run with a key"), ("no.zip", "no such file")):
        assert answer(place, features, *out, of=what) == 2
        assert words in capsys.readouterr().err
    assert answer(place, str(tmp_path / "nothing"), *out) == 2
    assert "no such folder, video or list" in capsys.readouterr().err
    assert answer(place, features, *out, "--smooth", "4") == 2
    assert "odd number" in capsys.readouterr().err
    root = tmp_path / "root"
    root.mkdir()
    shutil.copytree(place / "data", root / "data")
    train(root)
    capsys.readouterr()
    assert answer(root, features, *out) == 0
    assert "No threshold: the run held out no training videos (--holdout)" in capsys.readouterr().out
    assert run(["data", "add", "cams", "--fps", "24", "--data", str(root / "data")]) == 0
    shutil.rmtree(root / "data" / "cams")
    assert answer(root, features, *out) == 2
    assert "was trained on cams, which is not in" in capsys.readouterr().err


def test_what_could_not_be_meant_is_refused(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features, out = str(place / "extracted"), ["--out", str(tmp_path / "out")]
    for options, words in (
        (["--video"], "--video draws into videos, and only features are given"),
        (["--dataset", "cams"], "--dataset is for --weights"),
        (["--selection", "validation", "--threshold", "2"], "--threshold"),
    ):
        assert answer(place, features, *out, *options) == 2
        assert words in capsys.readouterr().err
    assert answer(place, features, str(place / "extracted" / "features" / "n0.npy"), *out) == 2
    assert "n0: two of the videos given have this name" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_archive_cannot_name_a_file_to_be_run(place: Path, tmp_path: Path) -> None:
    store = RunStore(place / "results" / "runs")
    record = store.record(key_of(place))
    assert record is not None
    for spec in (
        record.spec.model_copy(update={"method": "mine.py:Mine"}),
        record.spec.model_copy(update={"add_ons": (AddOnSpec(name="x.py:X", version=1, config={}),)}),
    ):
        with pytest.raises(InputError, match="which is no method that is installed here"):
            check_registered("run.zip", record.model_copy(update={"spec": spec}))
    check_registered("run.zip", record)
