"""The call that the command line and notebooks share: what is kept, finished and logged, and in which order."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.datasets.dataset import Dataset
from benchmark.execution import call
from benchmark.execution.call import Planned, do_tables
from benchmark.runs import sealed_files
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.system.errors import InputError
from benchmark.tables.cells import fill_selections, fill_table
from benchmark.tables.declaration import RowDeclaration, TableDeclaration
from benchmark.tables.planning import plan_table
from benchmark.training.choices import Choices

Plan = Callable[..., Planned]


@pytest.fixture
def plan(tiny_scenes: Path) -> Plan:
    dataset = Dataset(tiny_scenes / "scenes-avenue")

    def of(choices: Choices, name: str = "small", controls: bool = False) -> Planned:
        rows = (RowDeclaration(label="MMIL", method="mmil"),)
        table = TableDeclaration(
            name=name, title=name, protocol="in-domain", datasets=(dataset.name,), rows=rows, controls=controls
        )
        return plan_table(table, [dataset], choices, "command")

    return of


def small(results: Path, **choices: object) -> Choices:
    given = {"seeds": 1, "settings": ("steps=2",), "looks": 1, "executor": "serial", "tracking": "none"}
    return Choices(results=results, **{**given, **choices})  # type: ignore[arg-type]


def quiet() -> Console:
    return Console(file=StringIO())


def test_a_table_is_handed_over_once_and_can_be_filled_under_each_selection(plan: Plan, tmp_path: Path) -> None:
    choices, finished = small(tmp_path), list[TablePlan]()
    outcomes = do_tables([plan(choices)], choices, quiet(), finished.append)
    assert [outcome.status for outcome in outcomes] == ["ok"]
    (one,) = (fill_selections(made, Results(tmp_path).store) for made in finished)
    means = {selection: table.cells[0].summary is not None for selection, table in one.items()}
    assert means == {"last": True, "validation": False, "oracle": True}
    assert all(table.selection == selection for selection, table in one.items())


def test_files_are_logged_after_the_table_is_finished(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices, logged = small(tmp_path), list[list[str]]()

    class Noting:
        def run_finished(self, key: str) -> None:
            logged.append(["run"])

        def table_finished(self, artifacts: list[Path]) -> None:
            logged.append([path.name for path in artifacts])

    monkeypatch.setattr(call, "choose_tracker", lambda *_: Noting())

    def finish(made: TablePlan) -> None:
        (Results(tmp_path).table_folder(made.folder) / f"{made.table}.md").write_text("made")

    do_tables([plan(choices)], choices, quiet(), finish)
    assert logged == [["run"], ["small.md", "small.plan.json"]]


def test_a_run_of_two_tables_is_done_once_and_both_are_finished(plan: Plan, tmp_path: Path) -> None:
    choices, finished = small(tmp_path), list[TablePlan]()
    outcomes = do_tables([plan(choices, "one"), plan(choices, "two")], choices, quiet(), finished.append)
    assert len(outcomes) == 1
    assert [made.table for made in finished] == ["one", "two"]
    assert all(fill_table(made, Results(tmp_path).store, "last").cells[0].summary for made in finished)


def test_controls_are_measured_where_a_table_shows_them(plan: Plan, tmp_path: Path) -> None:
    choices, finished = small(tmp_path), list[TablePlan]()
    do_tables([plan(choices, controls=True)], choices, quiet(), finished.append)
    assert "constant score" in dict(fill_table(finished[0], Results(tmp_path).store, "last").controls)


def test_an_executor_that_cannot_be_used_leaves_the_stored_plan_alone(plan: Plan, tmp_path: Path) -> None:
    choices = small(tmp_path)
    do_tables([plan(choices)], choices, quiet(), lambda plan: None)
    (before,) = Results(tmp_path).plans(None)
    other = small(tmp_path, settings=("steps=3",), executor="nobodys")
    with pytest.raises(InputError, match="unknown executor nobodys"):
        do_tables([plan(other)], other, quiet(), lambda plan: None)
    assert list(Results(tmp_path).plans(None)) == [before]


def test_filling_reads_each_record_once(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choices, read = small(tmp_path, seeds=2), list[str]()
    planned = plan(choices)
    do_tables([planned], choices, quiet(), lambda plan: None)
    original = sealed_files.read_content
    monkeypatch.setattr(sealed_files, "read_content", lambda path: (read.append(str(path)), original(path))[1])
    made: TablePlan = planned[0]
    store = RunStore(choices.runs)
    fill_selections(made, store)
    records = [path for path in read if path.endswith("record.json")]
    assert sorted(records) == sorted(str(store.folder(key) / "record.json") for key in made.run_keys())
