"""A selection that looks at test labels has files of its own, and never replaces the honest numbers."""

from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import run
from tests.small_store import contents, make_results


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_results(tmp_path)
    assert run(["render", "all", "--results", str(tmp_path)]) == 0
    return tmp_path / "tables" / "cameras-quick"


def test_rendering_the_oracle_leaves_the_honest_table_alone(folder: Path, tmp_path: Path) -> None:
    before = contents(folder)
    assert run(["render", "table1", "--selection", "oracle", "--results", str(tmp_path)]) == 0
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    new = set(after) - set(before)
    assert new == {f"table1-oracle.{ending}" for ending in ("md", "csv", "tex", "html", "provenance.json")}
    assert set(pd.read_csv(folder / "table1-oracle.csv")["selection"]) == {"oracle"}
    assert "ORACLE" in after["table1-oracle.md"].decode()
    assert "ORACLE" not in after["table1.md"].decode()
    # Both can stand in one paper.
    assert rb"\label{tab:table1-oracle}" in after["table1-oracle.tex"]


def test_a_comparison_by_held_out_videos_needs_some(
    tmp_path: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--dataset", "scenes-avenue", "--data", str(tiny_scenes), "--results", str(tmp_path / "none")]
    assert run(["compare", "--method", "mmil", "--against", "rtfm", "--selection", "validation", *places]) == 2
    assert "give --holdout" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
