"""Every option of every command with a hostile value: one line and exit code 2, or it is taken; never a traceback."""

import os
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import run, whole_command
from tests.small_store import make_results
from tests.unit.importing.small_packs import write_pack

SURROGATE = os.fsdecode(b"\xff")
NUMBERS = ["inf", "nan", "-inf", "-1", "1e400", "9" * 5000, "1e9", "x"]
NO_TEXT = [SURROGATE, f"x{SURROGATE}/y", "a\0b", ""]
IMPOSSIBLE = ["a" * 256, "d/" * 3000, f"{'b' * 300}/c", *NO_TEXT]
NOWHERE = ["file.txt/x", "loop", "dangling", "-"]
NEEDED = {
    "reproduce": ["table4", "--datasets", "small", "--cached", "only"],
    "render": ["table4"],
    "train": ["rtfm", "small", "--cached", "only"],
    "evaluate": ["small", "--method", "rtfm", "--weights", "file.txt"],
    "sweep": ["rtfm", "steps=1,2", "--dataset", "small", "--cached", "only"],
    "compare": ["--method", "rtfm", "--against", "mmil", "--dataset", "small", "--cached", "only"],
    "import-scores": ["mine", "--dataset", "small", "--scores", "."],
    "figure": ["t-sne"],
    "verify-reference": ["table1"],
    "rehearse": ["avenue", "--method", "nothing"],
    "data extract": [".", "--out", "out"],
    "data import": ["mine", "--features", "."],
    "data add": ["small", "--motion", "."],
    "data check": ["small"],
    "store export": ["out.zip"],
    "store import": ["out.zip"],
    "method new": ["mine"],
    "method check": ["rtfm"],
}
"""What a command cannot do without."""
SLOW = ("report", "data scenes")
"""What makes much before it looks where to."""


@dataclass(frozen=True)
class Option:
    command: str
    name: str
    kind: Any
    declared: Any

    def __str__(self) -> str:
        return f"{self.command} {self.name}"

    def call(self, value: str) -> list[str]:
        """Return the command line with this option or argument, in the place of another that is needed."""
        words = list(NEEDED.get(self.command, []))
        if not self.name.startswith("--"):
            return [*self.command.split(), value, *words[1:]]
        if self.name in words:
            place = words.index(self.name)
            del words[place : place + 2]
        return [*self.command.split(), *words, self.name, value]


def options() -> Iterator[Option]:
    def walk(command: Any, name: str) -> Iterator[Option]:
        for word, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{name} {word}".strip())
        for parameter in command.params if not hasattr(command, "commands") else ():
            described = parameter.type_descriptor
            (kind,) = typing.get_args(described.annotation)[:1] or (described.annotation,)
            yield Option(name, parameter.opts[0], kind, described.parameter_info)

    yield from walk(whole_command(), "")


OF_PATHS = [option for option in options() if option.kind is Path]
OF_NAMES = [option for option in options() if option.kind is str]
OF_NUMBERS = [option for option in options() if option.kind in (int, float)]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an imported dataset, and results of other runs."""
    root = tmp_path_factory.mktemp("stored")
    write_pack(root / "pack", "json")
    assert run(["data", "import", "small", "--features", str(root / "pack"), "--data", str(root / "data")]) == 0
    make_results(root / "results", seeds=1)
    return root


@pytest.fixture(autouse=True)
def here(tmp_path: Path, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where these are the defaults, beside what paths may lead to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WVAD_DATA", raising=False)
    for name in ("data", "results"):
        (tmp_path / name).symlink_to(stored / name)
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")


def check(words: list[str], capfd: pytest.CaptureFixture[str], codes: tuple[int, ...] = (2,)) -> str:
    code = run(words)
    said = capfd.readouterr().err
    assert code in codes, said
    if code == 2:
        (line,) = said.splitlines()
        assert line.startswith("wvad: ")
        assert line.isprintable()
    return said


def test_all_kinds_of_options_are_found() -> None:
    assert len(OF_PATHS) > 30
    assert len(OF_NUMBERS) > 20
    assert {option.command for option in OF_PATHS} >= {"data import", "store gc", "report", "method new"}


@pytest.mark.parametrize("option", OF_PATHS, ids=str)
def test_a_path_is_refused_in_a_line_or_leads_nowhere(option: Option, capfd: pytest.CaptureFixture[str]) -> None:
    slow = option.command in SLOW
    for path in NO_TEXT if slow else IMPOSSIBLE:
        check(option.call(path), capfd)
    if not slow:
        for path in NOWHERE:
            check(option.call(path), capfd, (0, 1, 2))


@pytest.mark.parametrize("option", OF_NAMES, ids=str)
def test_a_name_that_can_be_none_is_refused(option: Option, capfd: pytest.CaptureFixture[str]) -> None:
    for name in IMPOSSIBLE:
        check(option.call(name), capfd)


@pytest.mark.parametrize("option", OF_NUMBERS, ids=str)
def test_a_number_out_of_all_bounds_is_refused_by_its_option(option: Option, capfd: pytest.CaptureFixture[str]) -> None:
    assert option.declared.parser is not None or None not in (option.declared.min, option.declared.max)
    for value in NUMBERS:
        assert option.name in check([*option.call(value)], capfd), value
