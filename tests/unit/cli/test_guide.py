"""The help of all commands: each in a panel, options in three, and examples that can be typed."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from benchmark.cli import run, whole_command
from benchmark.cli.help.guide import COMMAND_PANELS, EXAMPLES, OPTION_PANELS, PANELS
from tests.unit.cli.test_usage import LEAVES


def test_every_command_stands_in_one_panel() -> None:
    named = [name for names in COMMAND_PANELS.values() for name in names]
    assert named == list(whole_command().commands)


def test_every_option_that_is_given_a_panel_exists() -> None:
    known = {parameter.name for _, command in [((), whole_command()), *LEAVES] for parameter in command.params}
    assert set(OPTION_PANELS) <= known
    assert set(OPTION_PANELS.values()) <= set(PANELS)


def all_commands(command: Any, path: str = "wvad") -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from all_commands(below, f"{path} {name}")


ALL = dict(all_commands(whole_command()))
VERB = re.compile(
    r"(Add|Bring|Build|Check|Choose|Compare|Compute|Count|Cut|Do|Draw|Extract|Find|Follow|Give|Hold|Import"
    r"|Install|Judge|Keep|Leave|List|Load|Log|Look|Make|Measure|Name|Normalise|Print|Raise|Read|Remove|Render"
    r"|Replace|Run|Say|Scale|Score|Search|Set|Show|Smooth|Split|Stop|Store|Subtract|Take|Test|Train|Treat|Try"
    r"|Tune|Use|Write)\b"
)
"""What help begins with: whoever adds a verb adds it here; a noun would begin a fragment."""


@pytest.mark.parametrize("path", ALL)
def test_every_help_is_of_whole_sentences(path: str) -> None:
    for name, text in [(path, ALL[path].help.strip()), *((p.name, p.help) for p in ALL[path].params)]:
        assert VERB.match(text), f"{name} does not begin with what is done: {text}"
        assert text.endswith("."), f"{name} ends without a full stop: {text}"


def panel_of(name: str, params: list[Any]) -> str:
    (panel,) = {parameter.rich_help_panel for parameter in params if parameter.name == name}
    return str(panel)


def test_options_come_by_panel_after_the_arguments() -> None:
    for _, command in LEAVES:
        kinds = [parameter.param_type_name for parameter in command.params]
        assert kinds == sorted(kinds)  # argument, option
        places = [PANELS.index(p.rich_help_panel) for p in command.params if p.param_type_name == "option"]
        assert places == sorted(places)
    train = whole_command().commands["train"].params
    assert [panel_of(name, train) for name in ("seeds", "results", "cached")] == ["Common", "Where", "Advanced"]


@pytest.mark.parametrize(("path", "example"), [(path, line) for path, lines in EXAMPLES.items() for line in lines])
def test_examples_can_be_typed(path: str, example: str) -> None:
    program, *words = shlex.split(example)
    assert program == "wvad"
    assert " ".join(words).startswith(path)
    command: Any = whole_command()
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    assert command.make_context("wvad", words).command is command


@pytest.mark.parametrize("path", ALL)
def test_help_cuts_nothing_on_a_narrow_terminal(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, *words = path.split()
    assert run([*words, "--help"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    for parameter in ALL[path].params:
        assert all(option in printed for option in parameter.opts if option.startswith("--"))
    for example in EXAMPLES.get(" ".join(words), ())[:1]:
        assert "Examples:" in printed
        assert example.split(" --")[0] in printed
