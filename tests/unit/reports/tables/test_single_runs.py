"""How the runs of planned tables stand."""

import io
from pathlib import Path

from rich.console import Console

from benchmark.runs.records import Failure
from benchmark.runs.store import RunStore
from benchmark.terms import Trouble
from reports.tables.single_runs import MOST_LISTED, find_standing, status_table, trouble_lines
from tests.small_store import dataset_of, draw_scores, plan_of, spec_of, store_run

SCORED = draw_scores(0, 0.5)


def fail(store: RunStore, method: str, seed: int, status: Trouble, reason: str) -> None:
    spec = spec_of(method, seed)
    store.write_failure(Failure(key=spec.key, spec=spec, status=status, reason=reason, traceback="", failed="2026"))


def shown(plans: list, store: RunStore, keys: bool = True) -> list[list[str]]:  # type: ignore[type-arg]
    console = Console(file=io.StringIO(), width=200)
    console.print(status_table(find_standing(plans, store), keys=keys))
    text = console.file.getvalue().replace("┃", "│")  # type: ignore[attr-defined]
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]


def test_only_the_troubles_that_occur_have_a_column(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    plan = plan_of(dataset_of(SCORED), ["rtfm", "clav"], 3)
    header, *rows = shown([plan], store)
    assert header[4:-1] == ["done", "missing"]
    assert [row[4:-1] for row in rows] == [["0", "3"], ["0", "3"]]
    store_run(store, spec_of("rtfm", 0), SCORED)
    fail(store, "rtfm", 1, "out-of-memory", "can't allocate memory")
    fail(store, "clav", 0, "timeout", "took longer than 5 s")
    fail(store, "clav", 1, "timeout", "took longer than 5 s")
    header, *rows = shown([plan], store)
    assert header[4:-1] == ["done", "timeout", "out-of-memory", "missing"]
    assert [row[4:-1] for row in rows] == [["1", "0", "1", "1"], ["0", "2", "0", "1"]]


def test_the_reason_of_a_run_is_said_once_however_many_tables_need_it(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    plans = [plan_of(dataset_of(SCORED), ["rtfm"], 3, table) for table in ("table1", "table4")]
    fail(store, "rtfm", 2, "skipped", "no GPU has the room")
    fail(store, "clav", 0, "failed", "of no table here")
    assert trouble_lines(find_standing(plans, store)) == ["skipped: RTFM on cameras, seed 2: no GPU has the room"]


def test_a_run_that_is_there_is_done_whatever_went_wrong_before_or_after(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    plans = [plan_of(dataset_of(SCORED), ["rtfm"], 1)]
    store_run(store, spec_of("rtfm", 0), SCORED)
    fail(store, "rtfm", 0, "failed", "testing it again")
    (row,) = find_standing(plans, store)
    assert row.standing == {spec_of("rtfm", 0).key: "done"}
    assert trouble_lines(find_standing(plans, store)) == []


def test_many_rows_of_a_table_are_counted_together_unless_their_keys_are_asked_for(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    plan = plan_of(dataset_of(SCORED), ["rtfm"], 3)
    (row,) = plan.rows
    settings = [row.model_copy(update={"label": f"rtfm {number}"}) for number in range(MOST_LISTED)]
    store_run(store, spec_of("rtfm", 0), SCORED)
    fail(store, "rtfm", 1, "timeout", "took longer than 5 s")
    for rows, expected in ((settings, MOST_LISTED), ([row, *settings], 1)):
        many = plan.model_copy(update={"rows": tuple(rows)})
        _, *listed = shown([many], store, keys=False)
        assert len(listed) == expected
        assert {tuple(line[4:]) for line in listed} == {("1", "1", "1")}  # they are the same runs
        assert len(shown([many], store)) == 1 + len(rows)
    assert listed[0][2] == f"{1 + MOST_LISTED} rows"


def test_a_run_is_done_for_the_table_whose_evaluations_are_there(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    plan = plan_of(dataset_of(SCORED), ["rtfm"], 1)
    store_run(store, spec_of("rtfm", 0), SCORED)
    elsewhere = plan.datasets[0].model_copy(update={"name": "films", "test_hash": "other"})
    more = plan.model_copy(update={"protocol": "cross", "datasets": (*plan.datasets, elsewhere)})
    assert [list(runs.standing.values()) for runs in find_standing([plan, more], store)] == [["done"], ["missing"]]
