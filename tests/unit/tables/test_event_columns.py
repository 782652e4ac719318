"""Tables by measures of events: filled from the store alone, kept, and made again for another rate or gap."""

from pathlib import Path

import pytest

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import event_metrics
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics import events as resampling
from benchmark.statistics.differences import holm
from benchmark.tables.cells import Table, fill_table
from reports.forms.files import VIDEO_INTERVAL, long_frame
from reports.tables.document import make_document
from reports.tables.grid import signed
from tests.small_store import draw_scores, events_of, make_results


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(make_results(tmp_path).runs)


def plan_of(store: RunStore, **changes: object) -> TablePlan:
    from benchmark.runs.results_folder import Results

    (plan,) = Results(store.root.parent).plans(None)
    return plan.model_copy(update={"measures": ("events",), **changes})


def filled(store: RunStore, **changes: object) -> Table:
    return fill_table(plan_of(store, **changes), store, "last")


def parts_of(table: Table) -> dict[str, str]:
    """All text of each part."""
    return {
        part.name.removeprefix("table1-"): " ".join(
            [*(cell.main + cell.extras for g in part.grid.groups for r in g.rows for cell in r.cells), *part.notes]
        )
        for part in make_document(table).parts
    }


def test_a_column_has_the_measures_of_every_seed(store: RunStore) -> None:
    table = filled(store)
    (column,) = table.events
    assert column.measured is not None
    assert column.measured.events == 8
    for row, found in zip(("RTFM", "CLAV+CoMo"), column.measured.rows, strict=True):
        cell = table.cell(row, "cameras", "cameras")
        assert found is not None
        for seed, (run, key) in enumerate(zip(cell.run_keys, cell.evaluation_keys, strict=True)):
            scored = store.read_scores(run, str(key))
            assert scored is not None
            annotated = events_of(scored)
            alone = event_metrics(Alarms.find(scored, annotated.intervals, annotated.fps))
            assert {name: number.values[seed] for name, number in found.numbers.items()} == alone
            recall = found.numbers["event_recall_at_10_per_hour"]
            assert recall.ci_low is not None
            assert recall.ci_high is not None
            assert recall.ci_low <= sum(filter(None, recall.values)) / 3 <= recall.ci_high


def test_differences_are_named_and_adjusted_together(store: RunStore) -> None:
    (column,) = filled(store).events
    assert list(column.differences) == ["CLAV+CoMo"]
    found = column.differences["CLAV+CoMo"]
    assert column.measured is not None
    raw = column.measured.rows[1]
    assert raw is not None
    assert [gap.p for gap in found.values()] == holm([gap.p for gap in raw.gaps.values()])
    assert {(gap.one, gap.other) for gap in found.values()} == {("CLAV+CoMo", "RTFM")}


def test_a_table_about_one_method_shows_differences_turned_and_lists_them_as_others_do(store: RunStore) -> None:
    shown = {subject: filled(store, subject=subject) for subject in (None, "RTFM")}
    frames = {subject: long_frame([table]).set_index(["row", "metric"]) for subject, table in shown.items()}
    name = "event_recall_at_10_per_hour"
    for column in ("against", "gap", "gap_low", "gap_high", "gap_p_holm"):
        for metric in ("auc_frame", name):
            values = [frame.loc[("CLAV+CoMo", metric), column] for frame in frames.values()]
            assert values[0] == values[1]
    gap = shown["RTFM"].events[0].differences["CLAV+CoMo"][name]
    parts = {part.name: part for part in make_document(shown["RTFM"]).parts}
    rows = [row for group in parts["table1-event-differences"].grid.groups for row in group.rows]
    assert {row.name for row in rows} == {"RTFM − CLAV+CoMo"}
    assert signed(-100 * gap.gap) in [row.cells[0].value for row in rows]


def test_what_was_measured_is_kept_and_measured_anew_for_another_rate_or_gap(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = filled(store).events
    asked = []
    measure = resampling.resample_events
    monkeypatch.setattr(resampling, "resample_events", lambda *given: asked.append(1) or measure(*given))
    assert filled(store).events == first
    assert not asked
    joined = filled(store, join=100.0).events
    assert len(asked) == 1
    assert joined != first
    annotated = events_of(draw_scores(0, 0))
    store.write_events(annotated.model_copy(update={"fps": 0.1}))
    (slower,) = filled(store).events
    assert len(asked) == 2
    assert slower.measured is not None
    assert first[0].measured is not None
    assert slower.measured.normal_hours == pytest.approx(2 * first[0].measured.normal_hours)


def test_a_table_says_what_its_rates_are_of(store: RunStore) -> None:
    parts = parts_of(filled(store, join=30.0))
    hours = (14 * 160 - 8 * 39) / 0.2 / 3600
    assert (
        f"cameras: 8 events, {60 * hours:.1f} minutes outside them at 0.2 frames per second (assumed; "
        f"`wvad data add --fps` says it). An alarm that never ends meets all at {6 / hours:.1f} false alarms per hour."
    ) in parts["events"]
    assert "Alarms with at most 30 s between them are one." in parts["events"]
    assert "met)" in parts["delays"]
    assert "event-differences" in parts


def test_a_table_without_the_events_of_its_test_videos_says_what_adds_them(store: RunStore) -> None:
    next((store.root / "events").iterdir()).unlink()
    table = filled(store)
    assert table.events[0].measured is None
    assert "events" not in parts_of(table)
    assert any("the events of its test videos are not stored" in note for note in make_document(table).parts[0].notes)


def test_a_table_that_was_not_asked_says_nothing_of_events(store: RunStore) -> None:
    table = filled(store, measures=())
    assert table.events == ()
    assert not {"events", "delays", "event-differences"} & parts_of(table).keys()
    assert not set(VIDEO_INTERVAL) & set(long_frame([table]).columns)


def test_little_time_leaves_a_sign_with_its_reason(store: RunStore) -> None:
    annotated = events_of(draw_scores(0, 0))
    store.write_events(annotated.model_copy(update={"fps": 2.0, "assumed": False}))
    parts = parts_of(filled(store))
    need = "event_recall_at_1_per_hour needs events, and 60 minutes outside them."
    assert f"— undefined on the test videos of cameras: {need}" in parts["events"]
    assert "assumed" not in parts["events"]


def test_a_row_that_lacks_seeds_says_how_many_it_has(store: RunStore) -> None:
    cell = filled(store).cell("RTFM", "cameras", "cameras")
    (store.folder(cell.run_keys[1]) / "evaluations" / f"{cell.evaluation_keys[1]}.npz").unlink()
    for name in ("events", "delays"):
        parts = {part.name: part for part in make_document(filled(store)).parts}
        rows = {row.name: row for group in parts[f"table1-{name}"].grid.groups for row in group.rows}
        assert all("(n = 2)" in cell.extras for cell in rows["RTFM"].cells if cell.value != "—")
        assert not any("n = " in cell.extras for cell in rows["CLAV+CoMo"].cells)


def test_without_events_nothing_is_said_of_an_alarm_that_meets_all(store: RunStore) -> None:
    store.write_events(events_of(draw_scores(0, 0)).model_copy(update={"intervals": {}}))
    parts = parts_of(filled(store))
    assert "cameras: 0 events, " in parts["events"]
    assert "never ends" not in parts["events"]


def test_the_long_form_has_a_row_for_each_measure(store: RunStore) -> None:
    table = filled(store)
    frame = long_frame([table]).set_index(["row", "metric"])
    (column,) = table.events
    assert column.measured is not None
    for row, found in zip(("RTFM", "CLAV+CoMo"), column.measured.rows, strict=True):
        assert found is not None
        for name, number in found.numbers.items():
            line = frame.loc[(row, name)]
            if None in number.values:
                assert line["mean"] != line["mean"]
            else:
                assert line["mean"] == pytest.approx(sum(filter(None, number.values)) / 3)
            assert line["video_ci_low"] == pytest.approx(number.ci_low, nan_ok=True) or number.ci_low is None
    gap = column.differences["CLAV+CoMo"]["event_recall_at_10_per_hour"]
    line = frame.loc[("CLAV+CoMo", "event_recall_at_10_per_hour")]
    assert (line["against"], line["gap"], line["gap_p_holm"]) == ("RTFM", gap.gap, gap.p)


def test_plans_of_today_keep_their_digests(store: RunStore) -> None:
    plan = plan_of(store, measures=())
    assert TablePlan.model_validate(plan.model_dump(exclude={"measures", "join"})).digest() == plan.digest()
    assert plan_of(store).digest() != plan.digest()
