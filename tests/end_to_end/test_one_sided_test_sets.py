"""Test sets of abnormal videos alone, of normal ones alone, or without a normal frame: used, and what lacks is said."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import benchmark
from benchmark.cli import run

ROWS = 12
TINY = ["--seeds", "2", "--set", "steps=3", "--set", "batch_size=2", "--executor", "serial"]
EVENTS = {"event in each": [[40, 100]], "nothing but events": [[0, 16 * ROWS]], "nothing": []}
UNDEFINED = {
    "event in each": {"video_auc", "false_alarm_rate_0.5"},
    "nothing but events": {"auc_frame", "auc_abnormal", "video_auc", "false_alarm_rate_0.5"},
    "nothing": {"auc_frame", "ap_frame", "pr_auc_trapezoid", "auc_abnormal", "video_auc"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WVAD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return tmp_path


def import_cameras(folder: Path, intervals: list[list[int]]) -> None:
    rng = np.random.default_rng(0)
    (folder / "features").mkdir()
    videos = []
    for number in range(8):
        name, test = f"camera{number}", number >= 4
        np.save(folder / "features" / f"{name}.npy", rng.random((ROWS, 16), np.float32))
        label = int(bool(intervals)) if test else number % 2
        frames = {"frames": 16 * ROWS, "intervals": intervals} if test else {}
        videos.append({"name": name, "split": "test" if test else "train", "label": label} | frames)
    (folder / "labels.json").write_text(json.dumps({"videos": videos}))
    assert run(["data", "import", "cameras", "--features", "features", "--annotations", "labels.json"]) == 0


@pytest.mark.parametrize("kind", EVENTS)
def test_it_is_trained_tested_and_reported_and_what_lacks_has_a_reason(
    kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_cameras(folder, EVENTS[kind])
    assert "WARNING: some metrics are undefined on the test videos of cameras" in capsys.readouterr().err
    assert run(["data", "check", "cameras"]) == 0
    assert "WARNING: some metrics are undefined" in capsys.readouterr().out
    assert run(["train", "mmil", "cameras", *TINY, "--details"]) == 0
    assert run(["compare", "--method", "mmil", "--against", "rtfm", "--dataset", "cameras", *TINY]) == 0
    said = capsys.readouterr().out
    assert not re.search(r"\bnan\b", said)
    for name in UNDEFINED[kind]:
        assert any(line.startswith("— undefined") and name in line for line in said.splitlines()), name
    runs = benchmark.load_runs()
    assert {name for name in ("auc_frame", "ap_frame", "pr_auc_trapezoid", "auc_abnormal", "video_auc",
                              "false_alarm_rate_0.5") if runs[name].isna().all()} == UNDEFINED[kind]  # fmt: skip
    table = pd.read_csv("results/tables/cameras-quick/compare-mmil.csv")
    last = table[table["selection"] == "last"]
    defined = "auc_frame" not in UNDEFINED[kind]
    assert last["mean"].notna().all() == defined
    assert math.isfinite(last["gap_p_holm"].max()) == defined
    assert run(["status"]) == 0
    assert ("undefined on the test videos of cameras: auc_frame" in capsys.readouterr().out) == (not defined)
    assert run(["report", "--format", "png", "--tracking", "none"]) == 0
    assert run(["store", "verify"]) == 0


def test_scores_from_elsewhere_are_taken_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_cameras(folder, EVENTS["nothing but events"])
    (folder / "scores").mkdir()
    for number in range(4, 8):
        np.save(folder / "scores" / f"camera{number}.npy", np.linspace(0, 1, ROWS))
    assert run(["import-scores", "theirs", "--dataset", "cameras", "--scores", "scores", "--tracking", "none"]) == 0
    assert "undefined on the test videos of cameras: auc_frame needs both" in capsys.readouterr().out


def test_without_any_test_video_nothing_is_trained_or_tested(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_cameras(folder, EVENTS["event in each"])
    videos = json.loads((folder / "labels.json").read_text())["videos"]
    (folder / "labels.json").write_text(json.dumps({"videos": [v for v in videos if v["split"] == "train"]}))
    for path in (folder / "features").glob("camera[4-7].npy"):
        path.unlink()
    arguments = ["data", "import", "cameras", "--features", "features", "--annotations", "labels.json", "--replace"]
    assert run(arguments) == 0
    assert "WARNING: cameras has no test video" in capsys.readouterr().err
    assert run(["train", "mmil", "cameras", *TINY]) == 2
    assert run(["import-scores", "theirs", "--dataset", "cameras", "--scores", "features"]) == 2
    for line in capsys.readouterr().err.splitlines():
        assert "cameras has no test video: add some, and import it again" in line
