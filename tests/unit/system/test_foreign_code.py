"""Whatever the code of others raises is a failure of it, in one line; it ends neither a command nor other runs."""

import asyncio
from pathlib import Path

import pytest

from benchmark.extraction.checkpoint import Architecture
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.registry import MethodPlugin
from benchmark.system.entry_points import find_plugin
from benchmark.system.errors import InputError, RunTimeoutError, describe

METHOD = """
import asyncio
import sys
import torch
from benchmark.api import Method

class MuteError(Exception):
    def __str__(self):
        raise self

class Mine(Method):
    {body}
"""
RAISED = ["BaseException('x')", "GeneratorExit()", "asyncio.CancelledError()", "SystemExit(0)", "MuteError()"]


class MuteError(Exception):
    """Its message cannot be told."""

    def __str__(self) -> str:
        raise SystemExit(0)


def test_an_error_is_described_even_if_its_message_fails() -> None:
    assert describe(MuteError()) == "MuteError: its message cannot be told"
    assert describe(ValueError("one\ntwo")) == "ValueError: one two"
    assert describe(asyncio.CancelledError()) == "CancelledError: "


def written(folder: Path, body: str, before: str = "") -> str:
    path = folder / "mine.py"
    path.write_text(METHOD.format(body=body) + before)
    return f"{path}:Mine"


@pytest.mark.parametrize("raised", RAISED)
def test_whatever_an_import_raises_is_one_line(tmp_path: Path, raised: str) -> None:
    reference = written(tmp_path, "pass", f"raise {raised}\n")
    with pytest.raises(InputError, match=r"^method mine.py:Mine is unavailable: \w+: ") as caught:
        find_plugin(MethodPlugin, reference).load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RunTimeoutError])
def test_what_ends_a_run_from_outside_is_not_laid_to_a_plug_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    plugin = find_plugin(MethodPlugin, written(tmp_path, "pass"))

    def end(name: object) -> None:
        raise error

    monkeypatch.setattr("benchmark.system.entry_points._import_file", end)
    with pytest.raises(error):
        plugin.load()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("version = 'x'", "its version is str; write a whole number"),
        ("version = True", "its version is bool; write a whole number"),
        ("inputs = 5", "its inputs is int; write a dictionary"),
        ("inputs = ['motion']", "its inputs is list; write a dictionary"),
        ("title = 5", "its title is int; write a text"),
        ("training_only = None", "its training_only is NoneType; write a tuple of texts"),
    ],
)
def test_what_a_class_declares_is_checked_when_it_is_loaded(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_pipeline(written(tmp_path, body)).load()


@pytest.mark.parametrize("raised", ["SystemExit(0)", "BaseException('x')", "GeneratorExit()"])
def test_an_architecture_that_ends_the_process_is_refused(tmp_path: Path, raised: str) -> None:
    (tmp_path / "net.py").write_text(f"def build():\n    raise {raised}\n")
    with pytest.raises(InputError, match=r"^architecture net.py:build: "):
        Architecture.find(f"{tmp_path / 'net.py'}:build").build()
