"""A command that cannot be understood is answered in one line with its right form, from the commands themselves."""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmark.cli import run, whole_command


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in getattr(command, "commands", {}).items():
        if hasattr(child, "commands"):
            yield from commands(child, (*path, name))
        else:
            yield (*path, name), child


LEAVES = list(commands(whole_command()))


def line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(arguments) == 2
    (found,) = capsys.readouterr().err.strip().splitlines()
    return found.removeprefix("wvad: ")


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_says_its_form(path: tuple[str, ...], command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said = line([*path, "--no-such-option-at-all"], capsys)
    form = said.partition("the form is: ")[2]
    assert form.startswith(" ".join(["wvad", *path]))
    for parameter in command.params:
        if parameter.required and parameter.param_type_name == "option":
            assert parameter.opts[0] in form


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_arguments_that_are_written_as_options(
    path: tuple[str, ...], command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {text for parameter in command.params for text in parameter.opts}
    for parameter in command.params:
        option = f"--{parameter.name}"
        if parameter.param_type_name == "argument" and option not in options:
            assert f"{parameter.name.upper()} is written without {option}" in line([*path, option, "x"], capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "mine"], "there is no command import; did you mean `wvad data import` or `wvad store import`?"),
        (["trian", "rtfm", "mine"], "did you mean `wvad train`?"),
        (["data", "chekc", "mine"], "did you mean `wvad data check`?"),
        (["RTFM", "mine"], "RTFM is a method, not a command; the form is: wvad train RTFM DATASET"),
        (["train", "rtfm", "mine", "--epochs", "5"], "did you mean --set training.steps=...?"),
        (["train", "rtfm", "mine", "--lr", "0.1"], "did you mean --set training.learning_rate=...?"),
        (["train", "rtfm", "mine", "--batch-size", "5"], "did you mean --set training.batch_size=...?"),
        (["reproduce", "table4", "--dataset", "mine"], "did you mean --datasets?"),
        (
            ["data", "import", "x", "--features", *"abcde"],
            "there is no place for b, c and 2 more; the form is: wvad data",
        ),
        (["report", "--zzzzz"], "there is no option --zzzzz; the form is: wvad report"),
    ],
)
def test_what_was_probably_meant(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in line(arguments, capsys)


def test_a_setting_that_no_method_has(tiny_scenes: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path / "none")]
    said = line(["train", "mmil", "scenes-avenue", "--set", "lr=0.1", *places], capsys)
    assert "did you mean --set training.learning_rate=0.1?" in said
    said = line(["train", "scenes-avenue", "mmil", *places], capsys)
    assert said == (
        "scenes-avenue is a dataset, and the method comes first; the form is: wvad train mmil scenes-avenue"
    )


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("wvad-bench ")
