"""Pictures of a report: drawn once, and again only where what they show, their files or the code are others."""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.terms import FigureForm
from reports.figures import catalogue, style
from reports.page.kept_pictures import FILE
from tests.small_store import SKILLS, draw_scores, make_results, spec_of, store_run


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return make_results(tmp_path, seeds=2)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was rendered, in this process: a module for each figure."""
    names: list[str] = []
    rendered = style.render

    def render(draw: "partial[style.Canvas]", forms: list[FigureForm]) -> style.Rendered:
        names.append(draw.func.__module__.rpartition(".")[2])
        return rendered(draw, forms)

    monkeypatch.setattr("reports.page.drawn.render", render)
    monkeypatch.setattr("benchmark.execution.side_by_side.usable_cores", lambda: 1)
    return names


def report(results: Results, forms: str = "png") -> str:
    command = ["report", "--results", str(results.root), "--tracking", "none", "--data", str(results.root / "none")]
    assert run([*command, "--format", forms]) == 0
    return (results.reports / "report.html").read_text()


def test_what_has_not_changed_is_drawn_once(
    results: Results, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = report(results)
    first = sorted(drawn)
    assert {"class_wise", "forest", "training"} <= set(first)
    drawn.clear()
    assert report(results) == page
    assert not drawn

    (lost,) = results.figure_folder("last").rglob("class-wise.png")
    content = lost.read_bytes()
    lost.unlink()
    (changed,) = results.figure_folder("last").rglob("forest.csv")
    changed.write_text("another number")
    assert report(results) == page
    assert sorted(drawn) == ["class_wise", "forest"]
    assert lost.read_bytes() == content
    assert changed.read_text() != "another number"

    drawn.clear()
    report(results, "png,svg")
    assert sorted(drawn) == first  # there are files now that were not
    drawn.clear()
    (results.figure_folder("last") / FILE).write_text("{}")
    report(results)
    assert sorted(drawn) == first
    drawn.clear()
    monkeypatch.setattr(catalogue, "drawing", lambda: "other code")
    report(results)
    assert sorted(drawn) == first


def test_another_run_is_drawn(results: Results, drawn: list[str]) -> None:
    page = report(results)
    first = sorted(drawn)
    drawn.clear()
    shutil.rmtree(results.store.folder(spec_of("clav", 1).key))
    store_run(results.store, spec_of("clav", 1), draw_scores(7, SKILLS["clav"]))
    assert report(results) != page
    assert sorted(drawn) == first


def test_what_is_kept_is_shown_without_the_libraries_that_made_it(results: Results) -> None:
    report(results)
    command = ["report", "--results", str(results.root), "--tracking", "none", "--data", str(results.root / "none")]
    code = (
        f"import sys; from benchmark.cli import run; code = run({[*command, '--format', 'png']!r}); "
        "sys.exit(code or any(name in sys.modules for name in ('torch', 'sklearn', 'mlflow')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
