"""What comes of thresholds that were chosen elsewhere, against the alarms at each of them."""

from pathlib import Path

import pytest

from benchmark.metrics.alarms import Alarms
from benchmark.runs.records import ChosenThresholds, thresholds_name
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.tables.cells import Table, fill_table
from benchmark.tables.transfers import came_name, met_name
from reports.forms.files import long_frame
from reports.tables.document import Part, make_document
from tests.small_store import events_of, make_results

JOIN = 100.0


def chosen_of(seed: int) -> ChosenThresholds:
    thresholds = {1: None, 10: 0.6 + 0.05 * seed, 60: 0.4}
    return ChosenThresholds(videos=3, hours=0.5, thresholds=thresholds)


def filled(results: Results, chosen: bool = True, **changes: object) -> Table:
    (plan,) = results.plans(None)
    store = RunStore(results.runs)
    for record in store.records() if chosen else ():
        name = thresholds_name(record, "last", 0.2, JOIN)
        store.write_derived("thresholds", name, chosen_of(record.spec.seed), [])
    return fill_table(plan.model_copy(update={"measures": ("thresholds",), "join": JOIN, **changes}), store, "last")


def part_of(table: Table, name: str) -> Part | None:
    return next((part for part in make_document(table).parts if part.name == name), None)


def test_numbers_are_those_of_each_seeds_own_threshold(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    table = filled(results)
    (transfer,) = table.transfers
    frame = long_frame([table]).set_index(["row", "metric"])
    for row in ("RTFM", "CLAV+CoMo"):
        cell, came, met = table.cell(row, "cameras", "cameras"), [], []
        for seed, (run, key) in enumerate(zip(cell.run_keys, cell.evaluation_keys, strict=True)):
            scored = results.store.read_scores(run, str(key))
            assert scored is not None
            annotated = events_of(scored)
            alarms = Alarms.find(scored, annotated.intervals, annotated.fps, JOIN)
            rate, recall = alarms.at(0.6 + 0.05 * seed)
            came.append(rate)
            met.append(recall)
        assert transfer.numbers[row][came_name(10)].values == pytest.approx(came)
        assert transfer.numbers[row][met_name(10)].values == pytest.approx(met)
        assert came_name(1) not in transfer.numbers[row]
        assert frame.loc[(row, came_name(10)), "mean"] == pytest.approx(sum(came) / 3)


def test_a_table_says_what_thresholds_were_chosen_on_and_why_one_is_lacking(tmp_path: Path) -> None:
    part = part_of(filled(make_results(tmp_path)), "table1-thresholds")
    assert part is not None
    (group,) = part.grid.groups
    assert [row.cells[0].value for row in group.rows] == ["—", "—"]
    assert all("met" in cell.extras for row in group.rows for cell in row.cells[1:])
    assert part.notes[0].startswith("cameras: chosen on 3 normal videos of 30.0 minutes, mean over runs")
    assert part.notes[1] == "— trained on cameras: a threshold for 1/h needs 60 minutes of held-out normal videos."


def test_the_time_that_a_threshold_needs_is_counted(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    for record in results.store.records():
        name = thresholds_name(record, "last", 0.2, JOIN)
        none = ChosenThresholds(videos=1, hours=0.01, thresholds={1: None, 10: None, 60: None})
        results.store.write_derived("thresholds", name, none, [])
    part = part_of(filled(results, chosen=False), "table1-thresholds")
    assert part is not None
    needs = "1/h needs 60 minutes, 10/h needs 6 minutes, 60/h needs 1 minute of held-out normal videos."
    assert part.notes[1] == f"— trained on cameras: a threshold for {needs}"


def lacking(table: Table) -> list[str]:
    return [note for note in make_document(table).parts[0].notes if note.startswith("No thresholds")]


def test_rows_without_thresholds_are_named_and_what_to_do(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    named = "No thresholds: RTFM on cameras, CLAV+CoMo on cameras; "
    table = filled(results, chosen=False, holdout=0.2)
    assert part_of(table, "table1-thresholds") is None
    (note,) = lacking(table)
    assert note.startswith(named)
    assert note.endswith("trains nothing anew.")
    (note,) = lacking(filled(results, chosen=False, holdout=0.0))  # other runs than these are needed
    assert note.startswith(f"{named}their runs held out no training videos")


def test_rows_without_results_are_not_said_to_lack_thresholds(tmp_path: Path) -> None:
    assert not lacking(filled(make_results(tmp_path, stored=False), chosen=False))


def test_thresholds_lack_where_the_events_are_not_stored(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    for path in (results.runs / "events").iterdir():
        path.unlink()
    table = filled(results)
    assert part_of(table, "table1-thresholds") is None
    assert lacking(table)
