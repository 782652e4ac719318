"""The notebooks run from the first cell to the last, on small datasets."""

import ast
import json
import shlex
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from benchmark.cli import run

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


def code_cells(path: Path) -> list[str]:
    stored = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in stored if cell["cell_type"] == "code"]


def execute(cell: str, names: dict[str, Any]) -> Any:
    """Do what a notebook does with a cell: its shell lines, its statements, and the value of its last expression."""
    for line in cell.splitlines():
        if line.startswith("!wvad "):
            assert run(shlex.split(line)[1:]) == 0, line
    body = ast.parse("\n".join(line for line in cell.splitlines() if not line.startswith("!"))).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_cell_runs(path: Path, tiny_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WVAD_DATA", str(tiny_scenes))
    matplotlib.use("Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = [execute(cell, names) for cell in code_cells(path)]
    assert shown[-1] is not None
    assert all(repr(value) and len(repr(value)) < 10_000 for value in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_without_output(path: Path) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in stored)
