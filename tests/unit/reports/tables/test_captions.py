"""What stands around a table in sentences."""

from pathlib import Path

import pytest

from benchmark.runs.store import RunStore
from benchmark.tables.cells import fill_table
from benchmark.terms import Supervision
from reports.tables.captions import caption, notes, share, supervision_sentence, whole_percent
from tests.small_store import dataset_of, draw_scores, plan_of
from tests.unit.reports.made_up import store_runs, tuned_plan


def test_notes_of_runs_stand_below_their_table_with_their_number(tmp_path: Path) -> None:
    plan = tuned_plan(seeds=2)
    store = store_runs(tmp_path, plan)
    row, other = plan.rows[:2]
    for key in (*row.runs["cameras"], other.runs["cameras"][0]):
        record = store.record(key)
        assert record is not None
        noted = record.model_copy(update={"notes": ("it follows nothing in /home/somebody/x.npy",)})
        (store.folder(key) / "record.json").write_text(noted.model_dump_json())
    where = f"{row.label} on cameras (2 of 2 runs), {other.label} on cameras (1 of 2 runs)"
    assert notes(fill_table(plan, store, "last")) == [f"{where}: it follows nothing in …/x.npy."]


def test_what_was_trained_on_stored_segments_is_said(tmp_path: Path) -> None:
    plan = tuned_plan(seeds=2)
    store = store_runs(tmp_path, plan)
    assert not any("segments" in line for line in caption(fill_table(plan, store, "last")))
    first = plan.datasets[0].model_copy(update={"train_segments": (16, 32)})
    segmented = plan.model_copy(update={"datasets": (first, *plan.datasets[1:])})
    said = f"Trained on stored segments in the place of snippets: {first.name} (16 or 32 a video)."
    assert said in caption(fill_table(segmented, store, "last"))


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({}, "Supervision: video labels."),
        ({"cameras": "none", "films": "none"}, "Supervision: video labels; § no labels: RTFM."),
        ({"films": "normal-only"}, "Supervision: video labels; § normal videos only: RTFM on films."),
        (
            {"cameras": "none", "films": "weak-classes"},
            "Supervision: video labels; § no labels: RTFM on cameras; "
            "§ video labels and the classes of abnormal videos: RTFM on films.",
        ),
    ],
)
def test_a_row_that_is_told_the_same_everywhere_is_named_alone(told: dict[str, Supervision], sentence: str) -> None:
    cameras = dataset_of(draw_scores(0, 0.5))
    plan = plan_of(cameras, ["rtfm", "clav"], 1)
    rows = (plan.rows[0].model_copy(update={"supervision": told}), plan.rows[1])
    films = cameras.model_copy(update={"name": "films"})
    assert supervision_sentence(plan.model_copy(update={"datasets": (cameras, films), "rows": rows})) == sentence


@pytest.mark.parametrize(("part", "said"), [(0.2, "20%"), (0.125, "12.5%"), (0.004, "0.4%"), (1 / 3, "33.3%")])
def test_a_share_is_not_rounded_to_another(tmp_path: Path, part: float, said: str) -> None:
    assert share(part) == said
    plan = plan_of(dataset_of(draw_scores(0, 0)), ["rtfm"], 1).model_copy(update={"holdout": part})
    assert f"{said} of the training videos of each class were held out." in caption(
        fill_table(plan, RunStore(tmp_path), "last")
    )


def test_whole_percents_are_nothing_or_all_only_where_it_is_so() -> None:
    written = [whole_percent(part) for part in (0.0, 0.0004, 0.0049, 0.005001, 0.872, 0.994, 0.9951, 0.99999, 1.0)]
    assert written == ["0", "<1", "<1", "1", "87", "99", ">99", ">99", "100"]
