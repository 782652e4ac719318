"""The plan of the house: each room has a face, is on the page that describes them, and holds no heap of files."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "benchmark"
ROOMS = sorted(path.parent for path in ENGINE.glob("*/__init__.py"))
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

MOST_ENTRIES = 19
MOST_FILES = 20


def entries(folder: Path) -> list[Path]:
    known = {"__pycache__", "py.typed"}  # neither holds anything of ours
    return [path for path in folder.iterdir() if path.name not in known and not path.name.startswith(".")]


def test_the_engine_has_few_doors() -> None:
    assert len(entries(ENGINE)) <= MOST_ENTRIES
    assert {path.name for path in ENGINE.glob("*.py")} == {"__init__.py", "notebook.py", "terms.py"}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_has_a_face(room: Path) -> None:
    face = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert face is not None
    assert "In it: " in face
    assert "Not in it: " in " ".join(face.split())


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_is_on_the_page_and_has_a_storey(room: Path) -> None:
    assert f"| `{room.name}/`" in PAGE or f"`{room.name}/` |" in PAGE
    assert room.name in (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("layers = [")[1].split("]")[0]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_no_folder_is_a_heap(room: Path) -> None:
    for folder in (room, *(path for path in room.rglob("*") if path.is_dir())):
        assert sum(path.suffix == ".py" for path in entries(folder)) <= MOST_FILES, folder


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_no_room_hands_on_what_another_defines(room: Path) -> None:
    tree = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        name.asname or name.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if (node.module or "").startswith("benchmark.") and not (node.module or "").startswith(f"benchmark.{room.name}")
    }
    exported = next(
        (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__all__"
        ),
        [],
    )
    assert not imported & set(exported) - {"InputError"}, "a plug-in may raise it; nothing else is handed on"
