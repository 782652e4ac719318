"""All five tables in one call: each distinct run is trained once, whichever tables ask for it."""

import re
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import run
from benchmark.runs.store import RunStore

TINY = ["--seeds", "1", "--set", "steps=2", "--set", "batch_size=2", "--looks", "0", "--tracking", "none"]
SOME = ["--datasets", "scenes-ucf-crime,scenes-shanghaitech", "--methods", "mmil,rtfm,openness,clav"]


@pytest.fixture(scope="module")
def results(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    assert run(["reproduce", "all", "--data", str(tiny_scenes), "--results", str(folder), *SOME, *TINY]) == 0
    return folder


def cells(results: Path, table: str) -> pd.DataFrame:
    frame = pd.read_csv(results / "tables" / "scenes-ucf-crime+scenes-shanghaitech-quick" / f"{table}.csv")
    return frame[~frame["metric"].str.startswith("relative_drop/")]


def test_every_table_is_filled_and_no_run_is_trained_twice(results: Path) -> None:
    sizes = {"table1": 8, "table2": 16, "table3": 12, "table4": 8, "table5": 6}
    asked: set[str] = set()
    for table, size in sizes.items():
        frame = cells(results, table)
        assert len(frame) == size
        trained = frame[frame["row"] != "Openness"]
        assert trained["mean"].between(0, 1).all()
        assert len(frame) - len(trained) == 2 * (table == "table1")
        asked |= set(trained["run_keys"])
    records = list(RunStore(results / "runs").records())
    assert {r.key for r in records if not r.spec.shuffled_labels} == asked
    assert len(asked) == 6 + 12 + 8 + 2
    # A control per table and dataset: MMIL of Tables 1 and 3, CLAV without modules, RTFM, CLAV without relation.
    assert len(records) - len(asked) == 2 + 2 + 2 + 2


def test_a_deleted_run_is_a_gap_until_it_alone_is_trained_again(
    results: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(results / "runs")
    victim = cells(results, "table5").query("row == 'CLAV + RN'")["run_keys"].iloc[0]
    (store.folder(victim) / "record.json").unlink()
    assert run(["render", "all", "--results", str(results)]) == 0
    assert cells(results, "table5")["mean"].isna().sum() == 1
    assert cells(results, "table4")["mean"].notna().all()
    before = {key: (store.folder(key) / "record.json").stat().st_mtime_ns for key in store.keys()}  # noqa: SIM118
    capsys.readouterr()
    assert run(["reproduce", "all", "--data", str(tiny_scenes), "--results", str(results), *SOME, *TINY]) == 0
    said = capsys.readouterr().out
    assert re.search(r"All together: 36 distinct runs, 35 stored, 1 to train, about \d+\.\d s\n", said)
    after = {key: (store.folder(key) / "record.json").stat().st_mtime_ns for key in store.keys()}  # noqa: SIM118
    assert {key for key in after if after[key] != before.get(key)} == {victim}
    assert cells(results, "table5")["mean"].notna().all()


def test_refreshing_all_trains_each_run_once_and_leaves_no_gap(
    results: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["reproduce", "all", "--data", str(tiny_scenes), "--results", str(results), "--cached", "refresh"]
    assert run([*arguments, *SOME, *TINY]) == 0
    streams = capsys.readouterr()
    assert "36 distinct runs, 36 stored, 36 to train" in streams.out
    assert sum(line.startswith("[") for line in streams.err.splitlines()) == 36
    assert run(["render", "all", "--results", str(results)]) == 0
    for table in ("table1", "table2", "table3", "table4", "table5"):
        assert cells(results, table).query("row != 'Openness'")["mean"].notna().all()
