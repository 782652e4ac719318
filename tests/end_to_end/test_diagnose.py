"""`wvad diagnose`."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest

from benchmark.cli import run
from benchmark.runs.results_folder import Results

TINY = ["--set", "steps=3", "--set", "batch_size=2", "--executor", "serial", "--device", "cpu"]


@pytest.fixture
def places(tiny_scenes: Path, tmp_path: Path) -> list[str]:
    return ["--data", str(tiny_scenes), "--results", str(tmp_path)]


def test_the_parts_of_clav_are_said_and_written(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["diagnose", "clav", "scenes-avenue", *places, *TINY]
    assert run([*arguments, "--tracking", "none"]) == 0
    said = capsys.readouterr().out
    assert "Profile quick, 3 seeds; mean ± sample standard deviation over seeds." in said
    assert "held out 25% of the training videos" in said
    assert "No test video was opened." in said
    assert "no diagnostics" not in said
    folder = tmp_path / "tables" / "scenes-avenue-quick"
    frame = pd.read_csv(folder / "diagnose-clav.csv")
    assert set(frame["part"]) == {"scores", "agreement", "swap", "motion", "objects", "loss", "units"}
    assert frame.loc[frame["part"] == "scores", "row"].drop_duplicates().tolist() == ["score", "S", "S_R"]
    assert (frame.loc[frame["part"] == "loss", "n_seeds"] == 3).all()
    shares = frame[frame["part"] == "loss"].groupby("column")["mean"].sum()
    assert shares.tolist() == pytest.approx([1, 1, 1])
    assert "| S_R " in (folder / "diagnose-clav.md").read_text()
    results = Results(tmp_path)
    specs = [record.spec for record in results.store.records()]
    assert [(spec.holdout, spec.trial, spec.training.looks) for spec in specs] == [(0.25, False, 0)] * 3
    written = (folder / "diagnose-clav.csv").read_bytes()
    assert run([*arguments, "--tracking", "none"]) == 0
    assert "seed" not in capsys.readouterr().err  # nothing is trained again
    assert (folder / "diagnose-clav.csv").read_bytes() == written


def test_a_method_without_diagnostics_says_so_in_a_line(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diagnose", "dmil", "scenes-avenue", "--seeds", "1", *places, *TINY]) == 0
    said = capsys.readouterr().out
    assert sum("offers no diagnostics of its own" in line for line in said.splitlines()) == 1
    frame = pd.read_csv(tmp_path / "tables" / "scenes-avenue-quick" / "diagnose-dmil.csv")
    assert set(frame["part"]) == {"scores", "loss", "units"}
    assert set(frame.loc[frame["part"] == "scores", "row"]) == {"score"}
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name LIKE '%diagnose-dmil'")
    (parent,) = client.search_runs([experiment.experiment_id], "tags.`wvad.invocation` != ''")
    assert parent.info.status == "FINISHED"
    assert "diagnose-dmil.md" in {file.path for file in client.list_artifacts(parent.info.run_id)}


def test_diagnosed_runs_are_kept_and_in_no_table(places: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    tiny = [*places, *TINY, "--tracking", "none", "--seeds", "1"]
    assert run(["diagnose", "dmil", "scenes-avenue", *tiny]) == 0
    capsys.readouterr()
    assert run(["status", "diagnose-dmil", *places[2:]]) == 0
    said = capsys.readouterr().out
    (row,) = [line for line in said.splitlines() if "diagnose-dmil" in line]
    assert [cell.strip() for cell in row.split("│")][5:7] == ["1", "0"]
    assert run(["store", "gc", *places[2:]]) == 0
    assert "0 found" in capsys.readouterr().out
    assert run(["store", "verify", *places[2:]]) == 0
    for command in (["report"], ["render", "all"]):
        assert run([*command, *places[2:]]) == 2
        assert "no table planned there" in capsys.readouterr().err
    assert run(["render", "diagnose-dmil", *places[2:]]) == 2
    assert "`wvad diagnose` again trains nothing anew" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dmil", "--looks", "2"], "--looks: a diagnosis is of the weights of the last step"),
        (["dmil", "--set", "learning_rat=1"], "did you mean --set training.learning_rate=1?"),
        (["imported:theirs"], "unknown method"),
        (["scenes-ucf-crime"], "the method comes first"),
    ],
)
def test_what_cannot_be_diagnosed_is_refused(
    arguments: list[str], message: str, places: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    method, *others = arguments
    target = "dmil" if method.startswith("scenes") else "scenes-avenue"
    assert run(["diagnose", method, target, *others, *places]) == 2
    assert message in capsys.readouterr().err
