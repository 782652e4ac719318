"""Reference results: a wrong cell is seen, and what cannot be compared is not said to agree."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmark.cli import run
from benchmark.runs.records import Evaluation, evaluation_key
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics.over_seeds import other_seeds, summarise
from benchmark.system.errors import InputError
from benchmark.tables import reference as references
from benchmark.tables.agreement import UNSEEN, Agreement, compare_with_reference
from benchmark.tables.declaration import read_table
from benchmark.tables.reference import (
    Reference,
    ReferenceCell,
    list_references,
    make_reference,
    parse_reference,
    read_reference,
    reference_text,
)
from reports.tables.reference import MOST_CELLS, agreement_lines
from tests.small_store import TEST_HASH, make_results, spec_of

ROWS = ["RTFM", "CLAV+CoMo"]


def scenes(plan: TablePlan, **changes: object) -> TablePlan:
    """The plan as if its dataset were simulated."""
    datasets = tuple(dataset.model_copy(update={"simulated": True}) for dataset in plan.datasets)
    return plan.model_copy(update={"datasets": datasets, **changes})


@pytest.fixture
def results(tmp_path: Path) -> Results:
    made = make_results(tmp_path / "results")
    (plan,) = made.plans(None)
    made.write_invocation(scenes(plan))
    return made


@pytest.fixture
def plan(results: Results) -> TablePlan:
    (plan,) = results.plans(None)
    return plan


@pytest.fixture
def made(results: Results, plan: TablePlan) -> Reference:
    return make_reference(plan, ROWS, results.store)


def moved(cell: ReferenceCell, by: float) -> ReferenceCell:
    values = tuple(value + by for value in cell.values)
    return cell.model_copy(update={"values": values, "mean": summarise(values).mean})


def with_first(made: Reference, cell: ReferenceCell, **environment: object) -> Reference:
    where = made.environment.model_copy(update=environment)
    return Reference(made.table, where, (cell, *made.cells[1:]))


def elsewhere(made: Reference, cell: ReferenceCell) -> Reference:
    """Put a cell in the place of the first, and give the other one other bits: results of another machine."""
    other = Reference(made.table, made.environment, (made.cells[0], *(moved(c, 1e-9) for c in made.cells[1:])))
    return with_first(other, cell, torch="1")


def with_environment(results: Results, key: str, **changes: object) -> None:
    """Write a stored run as if it had been made elsewhere."""
    record = results.store.record(key)
    assert record is not None
    newer = record.model_copy(update={"environment": record.environment.model_copy(update=changes)})
    (results.runs / key / "record.json").write_text(newer.model_dump_json())


def lines_of(agreement: Agreement) -> list[str]:
    return list(agreement_lines(agreement))


def compared(results: Results, plan: TablePlan, made: Reference) -> Agreement:
    return compare_with_reference(plan, made, RunStore(results.runs))


def test_the_same_results_agree_to_the_last_bit(results: Results, plan: TablePlan, made: Reference) -> None:
    agreement = compared(results, plan, made)
    assert agreement.complete
    assert lines_of(agreement) == [
        "table1 agrees with the reference results of version 0 to the last bit, in all 2 cells."
    ]


def test_what_other_seeds_allow_is_the_prediction_interval_of_their_mean() -> None:
    values = [0.71, 0.64, 0.69]
    mean = sum(values) / 3
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / 2)
    expected = stats.t.ppf(0.975, 2) * deviation * math.sqrt(2 / 3)
    assert other_seeds(summarise(values)) == pytest.approx(expected)
    assert other_seeds(summarise([0.5])) == other_seeds(summarise([0.5, 0.5])) == 0.0


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_mean_of_other_seeds_is_outside_in_one_case_of_twenty(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    cases = 4000
    first, others = rng.normal(0.7, 0.02, (2, cases, seeds))
    outside = sum(
        abs(summarise(others[i]).mean - summarise(first[i]).mean) > other_seeds(summarise(first[i]))
        for i in range(cases)
    )
    assert outside / cases == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / cases))


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_wrong_cell_is_seen_and_one_within_the_spread_is_not(
    sign: int, results: Results, plan: TablePlan, made: Reference
) -> None:
    allowed = max(UNSEEN, other_seeds(made.cells[0].summary))
    near, far = (moved(made.cells[0], sign * factor * allowed) for factor in (0.99, 1.01))
    agreement = compared(results, plan, elsewhere(made, near))
    assert agreement.complete
    (line,) = lines_of(agreement)
    spread = 100 * math.sqrt(sum(float(cell.std or 0) ** 2 for cell in made.cells) / len(made.cells))
    assert line == (
        f"table1 agrees with the reference results of version 0 (largest difference {99 * allowed:.1f} points, "
        f"seeds' spread {spread:.1f}), in all 2 cells."
    )
    agreement = compared(results, plan, elsewhere(made, far))
    assert not agreement.complete
    assert [cell.reference for cell in agreement.apart] == [far]
    first, cell, meaning = lines_of(agreement)
    assert first.startswith("table1 does not agree with the reference results of version 0: 1 of 2 cells differs by ")
    assert cell.startswith(f"  RTFM on cameras: {100 * made.cells[0].mean:.2f} in place of {100 * far.mean:.2f}, ")
    assert "PyTorch 2 in place of 1" in meaning
    assert "about 0.1 of 2 cells" in meaning


def test_in_one_environment_other_bits_are_said_also_where_they_are_few(
    results: Results, plan: TablePlan, made: Reference
) -> None:
    for record in results.store.records():
        with_environment(results, record.key, processor="Some CPU")
    near = with_first(made, moved(made.cells[0], 1e-9), processor="Some CPU")
    agrees, remark = lines_of(compared(results, plan, near))
    assert agrees.startswith("table1 agrees with the reference results of version 0 (largest difference 0.0 points")
    assert remark.startswith("The same bits were to be expected: ")
    unknown = elsewhere(made, moved(made.cells[0], 1e-9))
    assert len(lines_of(compared(results, plan, unknown))) == 1
    far = with_first(made, moved(made.cells[0], -0.3), processor="Some CPU")
    assert lines_of(compared(results, plan, far))[-1].startswith("The same bits were to be expected: ")


def test_where_most_cells_have_the_same_bits_a_small_difference_is_seen(
    results: Results, plan: TablePlan, made: Reference
) -> None:
    other = made.cells[0].model_copy(update={"row": "Others"})
    allowed = other_seeds(made.cells[0].summary)
    assert allowed > 2 * UNSEEN
    wrong = with_first(made, moved(made.cells[0], 1.1 * UNSEEN), torch="1")
    assert compared(results, plan, wrong).complete  # one of two is not most
    rows = (*plan.rows, plan.rows[0].model_copy(update={"label": "Others"}))
    three = Reference(wrong.table, wrong.environment, (*wrong.cells, other))
    agreement = compared(results, plan.model_copy(update={"rows": rows}), three)
    assert [cell.reference for cell in agreement.apart] == [wrong.cells[0]]
    first, _, meaning = lines_of(agreement)
    assert "1 of 3 cells differs by more than is shown in tables" in first
    assert meaning.startswith("The same bits were to be expected: 2 of 3 cells have them. ")


def of_other_seeds(results: Results, plan: TablePlan, made: Reference) -> tuple[TablePlan, Reference]:
    rows = tuple(row.model_copy(update={"runs": {"cameras": row.runs["cameras"][:2]}}) for row in plan.rows)
    return plan.model_copy(update={"seeds": 2, "rows": rows}), made


def of_other_test_videos(results: Results, plan: TablePlan, made: Reference) -> tuple[TablePlan, Reference]:
    return plan, Reference(
        made.table, made.environment, tuple(cell.model_copy(update={"test_hash": "older"}) for cell in made.cells)
    )


def of_other_keys(results: Results, plan: TablePlan, made: Reference) -> tuple[TablePlan, Reference]:
    keys = {"run_keys": tuple(f"{number:016x}" for number in range(3))}
    return plan, Reference(made.table, made.environment, tuple(c.model_copy(update=keys) for c in made.cells))


def of_lost_runs(results: Results, plan: TablePlan, made: Reference) -> tuple[TablePlan, Reference]:
    for method in ("rtfm", "clav"):
        (results.runs / spec_of(method, 2).key / "record.json").unlink()
    return plan, made


def of_other_datasets(results: Results, plan: TablePlan, made: Reference) -> tuple[TablePlan, Reference]:
    update = {"trained_on": "scenes-avenue", "tested_on": "scenes-avenue"}
    return plan, Reference(made.table, made.environment, tuple(c.model_copy(update=update) for c in made.cells))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (of_other_seeds, "2 seeds in place of 3"),
        (of_other_test_videos, "other test videos or labels"),
        (of_other_keys, "other runs: another version of the method, or other settings or training videos"),
        (of_lost_runs, "runs are missing"),
        (of_other_datasets, "not in this table"),
    ],
)
def test_what_cannot_be_compared_does_not_agree(
    change: Callable[[Results, TablePlan, Reference], tuple[TablePlan, Reference]],
    reason: str,
    results: Results,
    plan: TablePlan,
    made: Reference,
) -> None:
    agreement = compared(results, *change(results, plan, made))
    assert not agreement.complete
    assert lines_of(agreement) == [
        f"table1: no cell can be compared with the reference results of version 0: 2 cells ({reason})."
    ]


def test_rows_that_one_side_lacks_are_counted(results: Results, plan: TablePlan, made: Reference) -> None:
    fewer = plan.model_copy(update={"rows": plan.rows[:1]})
    agreement = compared(results, fewer, made)
    assert not agreement.complete
    assert lines_of(agreement) == [
        "table1: 1 of 2 cells agree with the reference results of version 0 to the last bit; not compared: "
        "1 cell (not in this table)."
    ]
    small = Reference(made.table, made.environment, made.cells[:1])
    assert lines_of(compared(results, plan, small)) == [
        "table1 agrees with the reference results of version 0 to the last bit, in its one cell; "
        "1 cell more without reference."
    ]


def test_many_wrong_cells_are_counted(results: Results, plan: TablePlan, made: Reference) -> None:
    first = moved(made.cells[0], -0.3)
    agreement = compared(results, plan, with_first(made, first))
    many = replace(agreement, cells=agreement.cells[:1] * (MOST_CELLS + 3))
    lines = lines_of(many)
    assert len(lines) == 1 + MOST_CELLS + 2
    assert lines[-2] == "... and 3 more."


def test_a_file_holds_all_that_was_made_and_says_if_it_is_damaged(made: Reference, tmp_path: Path) -> None:
    text = reference_text(made)
    assert parse_reference("table1", text, tmp_path) == made
    head, first, second = text.splitlines()
    mean = repr(made.cells[0].mean)
    for broken, reason in (
        ("", "not the cells of one table in one environment"),
        (head, "not the cells of one table in one environment"),
        ("\n".join([head, first, first]), "not the cells of one table in one environment"),
        ("\n".join([head, first, second.replace("Linux", "Darwin")]), "not the cells of one table in one environment"),
        (text.replace(f",{mean},", f",{made.cells[0].mean + 0.01!r},"), "are not those of its values and run_keys"),
        (text.replace(repr(made.cells[0].values[0]), "nan"), "values.0: "),
        (text.replace(repr(made.cells[0].values[0]), "7"), "values.0: "),
        (text.replace(",processor", ",chip"), "no column 'processor'"),
        (f"{text}{first},more", "Keys should be strings"),
        (f'{text}"', "unexpected end of data"),
    ):
        with pytest.raises(InputError, match=reason) as refused:
            parse_reference("table1", broken, tmp_path / "table1.csv")
        assert str(refused.value).startswith(f"{tmp_path / 'table1.csv'}: damaged reference results (")
        assert "\n" not in str(refused.value)


def test_reference_results_are_made_of_whole_tables_of_the_scenes_alone(results: Results, plan: TablePlan) -> None:
    real = tuple(dataset.model_copy(update={"simulated": False}) for dataset in plan.datasets)
    for changes in ({"datasets": real}, {"holdout": 0.2}, {"overrides": ("steps=3",)}, {"profile": "paper"}):
        with pytest.raises(InputError, match="of the scenes, profile quick, nothing changed"):
            make_reference(plan.model_copy(update=changes), ROWS, results.store)
    with pytest.raises(InputError, match=r"lacks rows \(MMIL\)"):
        make_reference(plan, [*ROWS, "MMIL"], results.store)
    with_environment(results, spec_of("clav", 1).key, torch="3")
    with pytest.raises(InputError, match="its runs are of 2 environments"):
        make_reference(plan, ROWS, results.store)
    (results.runs / spec_of("clav", 1).key / "record.json").unlink()
    with pytest.raises(InputError, match=r"CLAV\+CoMo cameras → cameras lacks runs"):
        make_reference(plan, ROWS, results.store)


def test_what_is_shipped_can_be_read_and_has_rows_of_its_table() -> None:
    assert {"table1", "zoo"} <= set(list_references())
    for name in list_references():
        labels = {row.label for row in read_table(name).rows}
        assert {cell.row for cell in read_reference(name).cells} <= labels
    with pytest.raises(InputError, match="no reference results of table9; there are table1"):
        read_reference("table9")


def test_the_command_says_whether_all_agree_by_its_exit_code(
    results: Results, made: Reference, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = results.root.parent / "reference"
    folder.mkdir()
    monkeypatch.setattr(references, "shipped", lambda name: folder)
    where = ["--results", str(results.root)]
    assert run(["verify-reference", "table1", *where]) == 2
    assert "no reference results of table1; there are none" in capsys.readouterr().err
    (folder / "table1.csv").write_text(reference_text(made))
    assert run(["verify-reference", *where]) == 0
    assert capsys.readouterr().out.startswith("table1 agrees with the reference results of version 0 to the last bit")
    run_key = spec_of("clav", 0).key
    key = evaluation_key(run_key, "last", TEST_HASH)
    evaluation = results.store.evaluation(run_key, key)
    assert isinstance(evaluation, Evaluation)
    worse = {**evaluation.metrics, "auc_frame": 0.2}
    results.store.write_evaluation(evaluation.model_copy(update={"metrics": worse}))
    assert run(["verify-reference", "table1", *where]) == 1
    out = capsys.readouterr().out
    assert "table1 does not agree with the reference results of version 0: 1 of 2 cells differs" in out
    assert "  CLAV+CoMo on cameras: " in out
    empty = ["--results", str(results.root / "empty")]
    assert run(["verify-reference", *empty]) == 2
    assert "no table with reference results (table1) of the scenes" in capsys.readouterr().err


def test_the_command_refuses_to_write_a_table_that_is_not_whole(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--results", str(results.root), "--write", str(tmp_path / "new")]
    assert run(["verify-reference", *where]) == 2
    assert run(["verify-reference", "table1", *where]) == 2
    assert run(["verify-reference", "table2", *where]) == 2
    named, rows, absent = capsys.readouterr().err.splitlines()
    assert named.endswith("--write: name the table to make reference results of")
    assert "table1 in cameras-quick: lacks rows (Binary SVM, " in rows
    assert "no table2 of the scenes" in absent
    assert not (tmp_path / "new").exists()
