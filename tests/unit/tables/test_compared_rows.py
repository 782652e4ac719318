"""Differences between the rows of a table: computed once, adjusted over the table, and drawn with their intervals."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics import differences
from benchmark.statistics.differences import best_and_indistinguishable, compare, resample_methods
from benchmark.tables.cells import Table, fill_table
from benchmark.tables.compared import ComparedRow, compare_column, rank_rows
from reports.forms.html import to_html
from reports.forms.latex import to_latex
from reports.forms.markdown import to_markdown
from reports.tables.controls import control_grid
from reports.tables.differences import difference_grid, difference_notes
from reports.tables.document import make_document
from tests.unit.tables.test_cells import FROZEN

VIDEOS, SNIPPETS = 24, 12


def draw(seed: int, skill: float) -> ScoredVideos:
    """Scores of one seed: better than chance by `skill`, on the same videos for all seeds."""
    truth = np.random.default_rng(5)
    labels = np.arange(VIDEOS) % 2
    positive = np.where(truth.random((VIDEOS, SNIPPETS)) < 0.3, 16, 0) * labels[:, None]
    noise = np.random.default_rng(seed).random((VIDEOS, SNIPPETS))
    return ScoredVideos(
        scores=(noise + skill * (positive > 0)).ravel() / 2,
        positive=positive.ravel(),
        negative=16 - positive.ravel(),
        video=np.repeat(np.arange(VIDEOS), SNIPPETS),
        labels=labels,
        classes=((),) * VIDEOS,
        names=tuple(f"v{i}" for i in range(VIDEOS)),
    )


SCORES = {("a", 0): 0.8, ("a", 1): 0.9, ("b", 0): 0.1, ("b", 1): 0.15, ("c", 0): 0.85}
ROWS = [(("a", "0"), ("a", "1")), (("b", "0"), ("b", "1")), (("c", "0"),), (), (("a", "0"), ("a", "1"))]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = RunStore(tmp_path)
    for (row, seed), skill in SCORES.items():
        (tmp_path / row).mkdir(exist_ok=True)
        store.write_scores(row, str(seed), draw(10 * ord(row) + seed, skill))
    return store


def read(store: RunStore, row: int) -> list[ScoredVideos]:
    return [scored for run, key in ROWS[row] if (scored := store.read_scores(run, key)) is not None]


def test_a_column_is_compared_as_its_rows_are(store: RunStore) -> None:
    found = compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", store).rows
    standings = best_and_indistinguishable(resample_methods([read(store, i) for i in range(5)], "auc_frame"))
    assert [row.standing if row else None for row in found] == standings
    assert found[3] is None
    assert found[0] is not None
    assert found[0].gap is None
    for i in (1, 2):
        expected, row = compare(read(store, i), read(store, 0), "auc_frame"), found[i]
        assert expected is not None
        assert row is not None
        assert row.gap is not None
        assert (row.gap.gap, row.gap.ci_low, row.gap.ci_high, row.gap.p) == pytest.approx(
            (expected.gap, expected.ci_low, expected.ci_high, expected.p)
        )
        assert row.gap.covers_seeds == (i == 1)


def test_rows_of_the_same_runs_have_no_difference(store: RunStore) -> None:
    last = compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", store).rows[4]
    assert last is not None
    assert last.gap is None


def test_a_comparison_is_made_once(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", store)
    monkeypatch.setattr(differences, "resample_methods", lambda *_: pytest.fail("made again"))
    assert compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", store) == first


def test_what_was_compared_need_not_be_resampled_to_be_ranked(store: RunStore, tmp_path_factory, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", store)
    apart = RunStore(tmp_path_factory.mktemp("apart"))
    shutil.copytree(store.root, apart.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("rankings"))
    expected = rank_rows(ROWS, "auc_frame", apart)
    monkeypatch.setattr(differences, "resample_methods", lambda *_: pytest.fail("made again"))
    assert rank_rows(ROWS, "auc_frame", store) == expected


def test_a_comparison_of_an_earlier_version_is_read(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gap = {"against": 0, "gap": -0.2, "ci_low": -0.3, "ci_high": -0.1, "p": 0.01}
    gap |= {"video_variance": 1e-4, "seed_variance": 2e-4, "covers_seeds": True}
    rows = [{"standing": "best", "gap": None}, {"standing": "worse", "gap": gap}]
    kept = {"evaluations": [key for row in ROWS[:2] for key in row], "content": {"rows": rows}}
    (store.root / "comparisons").mkdir()
    (store.root / "comparisons" / "affe6f7d103a977e.json").write_text(json.dumps(kept))
    monkeypatch.setattr(differences, "resample_methods", lambda *_: pytest.fail("made again"))
    best, worse = compare_column(ROWS[:2], [None, 0], "auc_frame", store).rows
    assert best == ComparedRow(standing="best", gap=None)
    assert worse is not None
    assert worse.standing == "worse"
    assert worse.gap == differences.Difference(**{name: value for name, value in gap.items() if name != "against"})


def test_scores_that_were_made_anew_are_compared_anew(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    finished = iter(("first", "second"))

    def compared() -> float:
        now = next(finished)
        record = next(RunStore(FROZEN / "runs").evaluations("2113f9ecdb455dcc")).model_copy(update={"finished": now})
        monkeypatch.setattr(store, "evaluation", lambda run, key: record)
        row = compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", store).rows[1]
        assert row is not None
        assert row.gap is not None
        return row.gap.gap

    before = compared()
    for seed in (0, 1):
        store.write_scores("b", str(seed), draw(900 + seed, 0.9))
    assert abs(compared()) < abs(before)


def test_a_store_that_cannot_be_written_is_no_hindrance(store: RunStore) -> None:
    (store.root / "comparisons").write_text("in the way")
    assert compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", store).rows[0] is not None


def test_without_scores_there_is_no_difference_and_nothing_is_written(tmp_path: Path) -> None:
    found = compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", RunStore(tmp_path))
    assert found.rows == (None,) * 5
    assert not any(tmp_path.iterdir())


def test_a_row_that_lacks_the_scores_of_a_seed_is_not_compared(store: RunStore) -> None:
    (store.folder("b") / "evaluations" / "1.npz").unlink()
    found = compare_column(ROWS, [None, 0, 0, 0, 0], "auc_frame", store).rows
    assert found[1] is None
    assert found[2] is not None


@pytest.fixture
def table(store: RunStore) -> Table:
    """The frozen table with the comparison of two rows in its first column, as if its runs were ours."""
    plan = TablePlan.model_validate_json((FROZEN / "table4.plan.json").read_bytes())
    rows = tuple(row.model_copy(update={"against": plan.rows[0].label}) for row in plan.rows)
    filled = fill_table(plan.model_copy(update={"rows": rows}), RunStore(FROZEN / "runs"), "last")
    compared = compare_column(ROWS[:3], [None, 0, 0], "auc_frame", store).rows
    other = compared[2]
    assert other is not None
    assert other.gap is not None
    named = {"one": plan.rows[1].label, "other": plan.rows[0].label, "p": 0.02}
    cells = [
        replace(c, standing=other.standing, difference=other.gap.model_copy(update=named))
        if (c.row, c.train, c.test) == (plan.rows[1].label, "cameras", "cameras")
        else c
        for c in filled.cells
    ]
    return replace(filled, cells=tuple(cells), controls=())


def test_differences_are_drawn_with_interval_and_p(table: Table) -> None:
    grid = difference_grid(table)
    assert grid is not None
    (row,) = [row for group in grid.groups for row in group.rows]
    difference = next(cell.difference for cell in table.cells if cell.difference)
    assert row.name == "CLAV+CoMo − RTFM"
    assert row.cells[0].value == f"{100 * difference.gap:+.2f}".replace("-", "−")
    assert row.cells[1].rest.startswith("[")
    assert row.cells[2].rest == "0.020"
    assert row.cells[0].bold
    assert row.cells[0].marks == "‡"
    assert difference_notes(table)[0].startswith("‡ One of the two has one seed")
    document = make_document(table)
    assert [part.name for part in document.parts] == ["table4", "table4-differences"]
    for text in (to_markdown(document), to_html(document), to_latex(document)):
        assert "0.020" in text


def test_controls_that_are_not_stored_are_not_drawn(table: Table) -> None:
    assert control_grid(table) is None


def test_controls_stand_below_with_the_seeds_of_the_shuffled_one(table: Table) -> None:
    plan = table.plan.model_copy(update={"shuffled": table.plan.rows[0].model_copy(update={"label": "shuffled"})})
    cells = tuple(table.cell("CLAV+CoMo", d.name, d.name) for d in plan.datasets)
    controlled = replace(table, plan=plan, controls=(("constant score", (0.5, 0.23, None)),), shuffled=cells)
    grid = control_grid(controlled)
    assert grid is not None
    constant, shuffled = grid.groups[0].rows
    assert [cell.value for cell in constant.cells] == ["50.00", "23.00", "—"]
    assert shuffled.cells[0].remarks == ("n = 2",)
    assert "shuffled" in to_latex(make_document(controlled))


def test_a_dagger_is_explained_below_the_part_that_has_it(table: Table) -> None:
    plan = table.plan.model_copy(update={"shuffled": table.plan.rows[0].model_copy(update={"label": "shuffled"})})
    above = tuple(replace(cell, below_chance=False) for cell in table.cells)
    below = tuple(replace(cell, below_chance=True) for cell in above[:1])
    parts = make_document(replace(table, plan=plan, cells=above, shuffled=below)).parts
    assert {part.title: note for part in parts for note in part.notes if "†" in note} == {
        "Controls": "† below chance level."
    }
