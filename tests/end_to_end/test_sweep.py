"""A study of settings: one run per value, a table and a plot."""

from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import run
from benchmark.runs.store import RunStore

TINY = ["--seeds", "1", "--set", "steps=2", "--set", "batch_size=2", "--looks", "0", "--tracking", "none"]


def test_each_value_is_a_row_and_the_default_is_trained_once(tiny_scenes: Path, tmp_path: Path) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path), "--executor", "serial"]
    arguments = ["sweep", "clav", "distance_margin=0.1,0.3", "nodes=8,32", "--dataset", "scenes-avenue"]
    assert run([*arguments, *places, *TINY]) == 0
    folder = tmp_path / "tables" / "scenes-avenue-quick"
    frame = pd.read_csv(folder / "sweep-clav-distance_margin+nodes.csv")
    labels = ["distance_margin = 0.1", "distance_margin = 0.3", "nodes = 8", "nodes = 32"]
    assert frame["row"].tolist() == labels
    assert frame["mean"].notna().all()
    # The recipe has margin 0.3 and 32 nodes.
    assert len(RunStore(tmp_path / "runs").keys()) == 3
    picture = folder / "sweep-clav-distance_margin+nodes.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    picture.unlink()
    assert run(["render", "sweep-clav-distance_margin+nodes", "--results", str(tmp_path)]) == 0
    assert picture.is_file()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["nodes"], "sweep: nodes: write KEY=V1,V2,..."),
        (["nodes=8,,32"], "sweep: nodes=8,,32: write KEY=V1,V2,..."),
        (["nodes=8,8"], "a value is named twice"),
        (["nodes=8", "nodes=16"], "a setting is named twice"),
        (["knots=8"], "--set knots=8: none of these methods has such a setting"),
        (["nodes=many"], "nodes: "),
    ],
)
def test_what_cannot_be_studied_is_one_line(
    values: list[str], message: str, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--dataset", "scenes-avenue", "--data", str(tiny_scenes), "--results", str(tmp_path)]
    assert run(["sweep", "clav", *values, *places]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("wvad: ")
    assert message in line
