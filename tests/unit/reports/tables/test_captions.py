from pathlib import Path

from benchmark.tables.cells import fill_table
from reports.tables.captions import caption, notes
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
