"""A study of settings: one run per value, a table and a plot."""

from pathlib import Path

import pandas as pd
import pytest

import benchmark
from benchmark.cli import run
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from benchmark.runs.store import RunStore
from benchmark.tables.declaring import declare_sweep
from benchmark.training.choices import Choices

TINY = ["--seeds", "1", "--set", "steps=2", "--set", "batch_size=2", "--looks", "0", "--tracking", "none"]


def test_the_recipe_s_own_value_is_a_row_that_the_others_are_compared_with(tiny_scenes: Path) -> None:
    opened = [benchmark.open_dataset("scenes-avenue", tiny_scenes)]
    choices = Choices(settings=["training.looks=3"])
    declared = declare_sweep("DMIL", [("batch_size", ["2"]), ("looks", ["1", "3"])], opened, choices)
    batch_size = resolve_recipe(find_pipeline("dmil"), "avenue", "quick")[0].training().batch_size
    assert declared.title == f"DMIL: batch_size (recipe: {batch_size}), looks (recipe: 3)"
    assert [(row.label, row.against) for row in declared.rows] == [
        (f"batch_size = {batch_size}", f"batch_size = {batch_size}"),
        ("batch_size = 2", f"batch_size = {batch_size}"),
        ("looks = 1", "looks = 3"),
        ("looks = 3", "looks = 3"),
    ]


def test_where_recipes_differ_the_reference_is_each_dataset_s_own(tiny_scenes: Path) -> None:
    opened = [benchmark.open_dataset(name, tiny_scenes) for name in ("scenes-avenue", "scenes-ucf-crime")]
    reference, other = declare_sweep("clav", [("segments", ["4"])], opened, Choices()).rows
    assert (reference.label, reference.settings) == ("segments as in the recipe", ())
    assert (other.label, other.against) == ("segments = 4", "segments as in the recipe")


def test_each_value_is_a_row_and_the_default_is_trained_once(
    tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path), "--executor", "serial"]
    arguments = ["sweep", "clav", "distance_margin=0.1,0.3", "nodes=8,32", "--dataset", "scenes-avenue"]
    assert run([*arguments, *places, *TINY]) == 0
    folder = tmp_path / "tables" / "scenes-avenue-quick"
    frame = pd.read_csv(folder / "sweep-clav-distance_margin+nodes.csv")
    labels = ["distance_margin = 0.1", "distance_margin = 0.3", "nodes = 8", "nodes = 32"]
    assert frame["row"].tolist() == labels
    assert frame["mean"].notna().all()
    # The recipe has margin 0.3 and 32 nodes: what the others are compared with.
    assert frame["against"].fillna("").tolist() == ["distance_margin = 0.3", "", "nodes = 32", ""]
    said = capsys.readouterr().err
    for value in ("distance_margin=0.1", "nodes=8"):
        assert f"CLAV+CoMo ({value}) on scenes-avenue, seed 0" in said
    runs = benchmark.load_runs(tmp_path)
    assert sorted(runs["config.nodes"]) == [8, 32, 32]
    assert runs["configuration"].nunique() == 3
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
