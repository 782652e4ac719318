from pathlib import Path

from benchmark.tables.cells import fill_table
from reports.tables.captions import notes
from tests.unit.reports.made_up import store_runs, tuned_plan


def test_notes_of_runs_stand_below_their_table_once_for_all_seeds(tmp_path: Path) -> None:
    plan = tuned_plan(seeds=2)
    store = store_runs(tmp_path, plan)
    row = plan.rows[0]
    for key in row.runs["cameras"]:
        record = store.record(key)
        assert record is not None
        noted = record.model_copy(update={"notes": ("it follows nothing",)})
        (store.folder(key) / "record.json").write_text(noted.model_dump_json())
    assert notes(fill_table(plan, store, "last")) == [f"{row.label} on cameras: it follows nothing."]
