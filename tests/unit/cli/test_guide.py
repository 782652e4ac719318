"""The help of all commands: each in a panel, options in three, and examples that can be typed."""

import shlex
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


@pytest.mark.parametrize("path", [[], ["compare"], ["data", "import"]])
def test_help_cuts_nothing_on_a_narrow_terminal(
    path: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*path, "--help"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    command: Any = whole_command()
    for name in path:
        command = command.commands[name]
    for parameter in command.params:
        assert all(option in printed for option in parameter.opts if option.startswith("--"))
    assert "Examples:" in printed
    assert EXAMPLES[" ".join(path)][0].split(" --")[0] in printed
