"""Tables rendered from a frozen folder of small records: nothing is trained, no dataset and no method is there."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.tables.cells import Table, fill_table
from benchmark.terms import Selection
from reports.forms import markdown
from reports.forms.files import CSV_COLUMNS, long_frame
from reports.forms.terminal import to_terminal
from reports.tables.document import make_document

FROZEN = Path(__file__).parents[2] / "frozen"


def table(selection: Selection = "last", **changes: object) -> Table:
    plan = TablePlan.model_validate_json((FROZEN / "table4.plan.json").read_bytes()).model_copy(update=changes)
    return fill_table(plan, RunStore(FROZEN / "runs"), selection)


def to_markdown(rendered: Table) -> str:
    return markdown.to_markdown(make_document(rendered))


def markdown_rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_markdown_holds_every_cell() -> None:
    header, _, *rows = markdown_rows(to_markdown(table()))
    assert header == ["tested on", "method", "trained on cameras", "trained on films", "trained on tracks"]
    assert rows == [
        ["cameras (AUC)", "RTFM", "**84.49 ± 0.50**", "46.00 ± 1.00† (↓45.6 %)", "—"],
        ["", "CLAV+CoMo", "**86.54 ± 0.66** (n = 2)", "70.30 ± 0.61 (↓18.8 %)", "—"],
        ["films (AP)", "RTFM", "37.00 ± 1.00 (↓51.4 %)", "**76.21 ± 1.06**", "—"],
        ["", "CLAV+CoMo", "45.87 ± 1.23 (↓43.4 %) (n = 2)", "**81.10 ± 1.02**", "—"],
        ["tracks (AUC)", "RTFM", "—", "—", "**70.00 ± 0.00**"],
        ["", "CLAV+CoMo", "—", "—", "—"],
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Profile quick, 3 seeds",
        "Selection: last, the weights of the last step.",
        "cameras (i3d, 10 test videos)",
        "Crops in use: cameras 1 of 2",
        "films lacks 4 annotated videos",
        "Fallback DEV-INT-DIFF (motion intensity estimated from differences of the features): CLAV+CoMo on cameras.",
        "† below chance level",
        "different features: i3d and tracks-128.",
        "failed: MethodError: loss became nan at step 17.",
        "CLAV+CoMo tracks → tracks: run",
        "has not been trained.",
        "Made by `wvad reproduce table4 --datasets cameras,films,tracks`.",
    ],
)
def test_markdown_says_where_its_numbers_come_from(sentence: str) -> None:
    assert sentence in to_markdown(table())


def test_oracle_is_labelled_loudly_and_has_its_own_numbers() -> None:
    text = to_markdown(table("oracle"))
    assert "Selection: ORACLE, the best of 10 looks at the test labels" in text
    assert "**85.49 ± 0.50**" in text


def test_a_selection_that_no_run_has_leaves_empty_cells_with_the_reason() -> None:
    rendered = table("validation")
    assert all(cell.summary is None for cell in rendered.cells)
    assert "it needs --holdout" in to_markdown(rendered)


def test_an_oracle_chosen_on_other_test_labels_is_none() -> None:
    plan = TablePlan.model_validate_json((FROZEN / "table4.plan.json").read_bytes())
    changed = tuple(d.model_copy(update={"test_hash": "corrected"}) for d in plan.datasets)
    assert "its oracle was chosen on other test labels" in to_markdown(table("oracle", datasets=changed))
    assert "has not been evaluated on cameras" in to_markdown(table("last", datasets=changed))


def test_long_frame_has_the_documented_columns_and_selections() -> None:
    frame = long_frame([table("last"), table("oracle")])
    assert tuple(frame.columns) == CSV_COLUMNS
    cell = frame.query("row == 'RTFM' and column == 'cameras → films' and metric == 'ap_frame' and selection == 'last'")
    assert cell["mean"].item() == pytest.approx(0.37)
    assert cell["std"].item() == pytest.approx(0.01)
    assert (cell["ci_low"].item() + cell["ci_high"].item()) / 2 == pytest.approx(0.37)
    assert cell["n_seeds"].item() == 3
    drops = frame[frame["metric"].str.startswith("relative_drop/")]
    assert set(drops["selection"]) == {"last", "oracle"}
    assert len(drops.query("selection == 'last'")) == 4
    assert frame.query("row == 'CLAV+CoMo' and train_dataset == 'tracks'")["n_seeds"].eq(0).all()
    read = pd.read_csv(StringIO(frame.to_csv(index=False)))
    assert len(read) == len(frame)


def test_one_seed_shows_no_deviation() -> None:
    plan = TablePlan.model_validate_json((FROZEN / "table4.plan.json").read_bytes())
    rows = tuple(r.model_copy(update={"runs": {n: keys[:1] for n, keys in r.runs.items()}}) for r in plan.rows)
    assert markdown_rows(to_markdown(table(rows=rows, seeds=1)))[2][2] == "**84.48**"


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_terminal_shows_every_number(width: int) -> None:
    console = Console(width=width, file=StringIO())
    part = make_document(table()).parts[0]
    console.print(to_terminal(part))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for number in ("84.49", "86.54", "46.00", "70.30", "81.10", "70.00"):
        assert number in text
    # No cell and no name is cut or broken; where a table goes on below, its rows are named again.
    assert all(cell.main in text for group in part.grid.groups for row in group.rows for cell in row.cells)
    assert text.count("CLAV+CoMo ") >= 3
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_simulated_data_is_said() -> None:
    plan = TablePlan.model_validate_json((FROZEN / "table4.plan.json").read_bytes())
    simulated = tuple(d.model_copy(update={"simulated": True}) for d in plan.datasets)
    assert "SIMULATED" in to_markdown(table(datasets=simulated))
    assert "SIMULATED" not in to_markdown(table())


def with_paper(feature_set: str) -> Table:
    """The frozen table as if its datasets were the paper's benchmarks, with the given features."""
    plan = TablePlan.model_validate_json((FROZEN / "table4.plan.json").read_bytes())
    benchmarks = {"cameras": "ucf-crime", "films": "xd-violence", "tracks": "other"}
    changes = [{"benchmark": benchmarks[d.name], "feature_set": feature_set} for d in plan.datasets]
    datasets = tuple(d.model_copy(update=change) for d, change in zip(plan.datasets, changes, strict=True))
    rows = tuple(r.model_copy(update={"paper": {"rtfm": "RTFM", "clav": "Ours"}[r.method]}) for r in plan.rows)
    return table(datasets=datasets, rows=rows)


def test_the_papers_numbers_stand_only_beside_its_own_features() -> None:
    rendered = with_paper("rtfm-i3d-r50-10crop")
    assert rendered.cell("RTFM", "films", "cameras").paper == 68.59
    assert rendered.cell("CLAV+CoMo", "cameras", "cameras").paper == 86.07
    assert rendered.cell("CLAV+CoMo", "tracks", "cameras").paper is None
    assert all(cell.paper is None for cell in with_paper("scenes-256-v1").cells)
    assert all(cell.paper is None for cell in table().cells)


def test_the_paper_stands_beside_ours_with_difference_and_verdict() -> None:
    _, beside = make_document(with_paper("rtfm-i3d-r50-10crop")).parts
    lines = {
        (group.title, row.name): [cell.main + cell.extras for cell in row.cells]
        for group in beside.grid.groups
        for row in group.rows
    }
    assert lines == {
        ("cameras → cameras (AUC)", "RTFM"): ["84.48¹", "84.49 ± 0.50", "+0.01", "inside"],
        ("cameras → cameras (AUC)", "CLAV+CoMo"): ["86.07", "86.54 ± 0.66 (n = 2)", "+0.47", "inside"],
        ("films → cameras (AUC)", "RTFM"): ["68.59", "46.00 ± 1.00", "−22.59", "above"],
        ("films → cameras (AUC)", "CLAV+CoMo"): ["69.89", "70.30 ± 0.61", "+0.41", "inside"],
        ("cameras → films (AP)", "RTFM"): ["37.30²", "37.00 ± 1.00", "−0.30", "inside"],
        ("cameras → films (AP)", "CLAV+CoMo"): ["46.74³", "45.87 ± 1.23 (n = 2)", "−0.87", "inside"],
        ("films → films (AP)", "RTFM"): ["76.62⁴", "76.21 ± 1.06", "−0.41", "inside"],
        ("films → films (AP)", "CLAV+CoMo"): ["81.31", "81.10 ± 1.02", "−0.21", "inside"],
    }
    assert [note[0] for note in beside.notes] == ["¹", "²", "³", "⁴"]
    assert any("oracle selection" in line for line in beside.caption)


def test_without_numbers_of_the_paper_there_is_no_second_table() -> None:
    assert len(make_document(table()).parts) == 1


def test_rendering_imports_neither_torch_nor_a_method() -> None:
    code = (
        "import sys; import reports.forms.files, reports.forms.terminal; "
        "import reports.tables.single_runs, benchmark.tables.cells; "
        "sys.exit('torch' in sys.modules or any(name.startswith('methods') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
