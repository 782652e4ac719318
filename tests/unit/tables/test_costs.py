"""What runs cost: read from records that have it and from those of before, and shown where a table measures it."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import options
from benchmark.runs.results_folder import Results
from benchmark.runs.scoring_speed import ScoringSpeed, speed_name
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import MethodCard, TablePlan
from benchmark.system.errors import InputError
from benchmark.tables.cells import Table, fill_table
from benchmark.tables.declaration import read_table
from reports.figures.cost import COSTS, _front, draw_cost
from reports.figures.figure import Absence, Figure
from reports.figures.style import render
from reports.forms.files import long_frame
from reports.tables.document import Part, make_document
from tests.small_store import TEST_HASH, draw_scores, make_results, spec_of, store_run

SPEEDS = {"rtfm": ScoringSpeed(snippets=500, seconds=0.25, processor="Some CPU", torch="2")}


def plan_of(results: Results, **changes: object) -> TablePlan:
    (plan,) = results.plans(None)
    cards = {"rtfm": MethodCard(multiply_adds={"cameras": 1234}), "clav": None}
    rows = tuple(row.model_copy(update={"card": cards[row.method]}) for row in plan.rows)
    return plan.model_copy(update={"measures": ("cost",), "rows": rows, **changes})


def with_peak(results: Results, method: str, seed: int, peak: int) -> None:
    """Give a stored run the peak of memory that newer ones have."""
    key = spec_of(method, seed).key
    record = RunStore(results.runs).record(key)
    assert record is not None
    newer = record.model_copy(update={"peak_memory": peak, "seconds": 1.0 + seed})
    (results.runs / key / "record.json").write_text(newer.model_dump_json())


@pytest.fixture
def results(tmp_path: Path) -> Results:
    made = make_results(tmp_path)
    for seed, peak in enumerate((30_000_000, 50_500_000)):  # the third is of an earlier version
        with_peak(made, "rtfm", seed, peak)
    for method, speed in SPEEDS.items():
        RunStore(made.runs).write_derived("speeds", speed_name(spec_of(method, 1), TEST_HASH), speed, [])
    return made


def filled(results: Results, **changes: object) -> Table:
    return fill_table(plan_of(results, **changes), RunStore(results.runs), "last")


def part_of(table: Table, name: str) -> Part | None:
    return next((part for part in make_document(table).parts if part.name == name), None)


def test_costs_are_those_of_all_seeds_and_what_is_not_known_is_none(results: Results) -> None:
    rtfm, clav = filled(results).costs
    assert rtfm.numbers() == {
        "parameters": 100,
        "multiply_adds_per_snippet": 1234,
        "train_seconds": pytest.approx((1.0 + 2.0 + 1.0) / 3),
        "peak_memory_bytes": 50_500_000,
        "snippets_per_core_second": 2000.0,
    }
    assert (clav.multiply_adds, clav.peak_memory, clav.speed, clav.runs) == (None, None, None, 3)
    assert rtfm.places == ("Linux, processor not recorded, cpu",)


def test_a_table_shows_costs_beside_the_results_and_says_what_is_lacking(results: Results) -> None:
    part = part_of(filled(results), "table1-cost")
    assert part is not None
    (group,) = part.grid.groups
    assert [cell.value for cell in group.rows[0].cells[1:]] == ["100", "1,234", "1.3", "50.5", "2,000"]
    assert [cell.value for cell in group.rows[1].cells[1:]] == ["100", "—", "1.0", "—", "—"]
    assert all(row.cells[0].value not in ("", "—") for row in group.rows)
    assert part.notes == (
        "Trained on Linux, processor not recorded, cpu: 2 rows.",
        "Snippets per second on one core of Some CPU with PyTorch 2: 1 row.",
        "— multiply-adds: CLAV+CoMo on cameras; `wvad reproduce` or `compare` with --measures cost counts them, "
        "where they can be.",
        "— peak memory: CLAV+CoMo on cameras; not recorded by earlier versions, or not known.",
        "— speed on one core: CLAV+CoMo on cameras; `wvad reproduce` or `compare` with --measures cost measures it and "
        "trains nothing anew.",
    )
    assert part_of(filled(results), "table1-methods") is None


def test_the_long_form_has_a_row_for_each_cost_and_none_unless_asked(results: Results) -> None:
    frame = long_frame([filled(results)]).set_index(["row", "metric"])
    assert frame.loc[("RTFM", "peak_memory_bytes"), "mean"] == 50_500_000
    assert frame.loc[("RTFM", "snippets_per_core_second"), "n_seeds"] == 3
    assert np.isnan(frame.loc[("CLAV+CoMo", "snippets_per_core_second"), "mean"])
    assert frame.loc[("CLAV+CoMo", "snippets_per_core_second"), "n_seeds"] == 0
    assert set(long_frame([filled(results, measures=())])["metric"]) == {"auc_frame"}


def test_without_a_run_there_is_no_cost(tmp_path: Path) -> None:
    table = filled(make_results(tmp_path, stored=False))
    assert (table.costs, part_of(table, "table1-cost")) == ((), None)
    assert isinstance(draw_cost(table), Absence)


def test_the_figure_draws_what_is_known_and_numbers_what_nothing_equals_at_its_cost(results: Results) -> None:
    store = RunStore(results.runs)
    for seed in range(3):
        store_run(store, spec_of("mmil", seed), draw_scores(seed, 0.0))
    table = filled(results)
    figure = draw_cost(table)
    assert isinstance(figure, Figure)
    assert {name: set(part["row"]) for name, part in figure.data.groupby("cost")} == {
        "multiply-adds per snippet": {"RTFM"},
        "seconds of a training": {"RTFM", "CLAV+CoMo"},
        "core milliseconds per snippet": {"RTFM"},
    }
    for _, part in figure.data.groupby("cost"):
        for row in part.to_dict("records"):
            others = part[(part["row"] != row["row"]) & (part["value"] <= row["value"])]
            assert (row["front"] > 0) == bool((others["mean"] < row["mean"]).all())
    assert set(figure.data["cost"]) == set(COSTS)
    assert render(figure.draw, ["png"]).contents["png"]


def test_of_equal_costs_the_best_and_of_equal_results_the_cheapest_is_ahead() -> None:
    import pandas as pd

    part = pd.DataFrame({"value": [2.0, 1.0, 1.0, 3.0, 4.0], "mean": [0.6, 0.5, 0.6, 0.8, 0.7]})
    assert _front(part).sort_index().tolist() == [0, 0, 1, 2, 0]


def test_the_table_cost_has_the_rows_of_the_zoo_and_keeps_its_measure_beside_others() -> None:
    cost = read_table("cost")
    assert cost.rows == read_table("zoo").rows
    assert options.measured(cost, "events,cost", None).measures == ("cost", "events")
    assert options.measured(cost.model_copy(update={"join": 2.0}), "events", None).join == 2.0
    assert options.measured(cost, None, None) is cost
    with pytest.raises(InputError, match="--measures costs: no such measure; there are events, thresholds, cost"):
        options.measured(cost, "costs", None)
