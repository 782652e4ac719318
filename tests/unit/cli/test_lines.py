"""Whatever the system refuses is one line that names the path."""

import errno
from pathlib import Path

import pytest

from benchmark import cli
from benchmark.cli.common import Screen
from benchmark.cli.datasets import data


def test_an_error_of_the_system_is_one_line_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "data/mine\x1b[2J")

    monkeypatch.setattr(cli, "whole_command", lambda: refuse)
    assert cli.run(["status"]) == 2
    assert capsys.readouterr().err == (
        r"wvad: data/mine\x1b[2J: Permission denied; check the path, and who may read and write there" + "\n"
    )


def test_an_error_that_names_no_path_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(cli, "whole_command", lambda: fail)
    with pytest.raises(OSError, match="Invalid argument"):
        cli.run(["status"])


def test_the_list_of_datasets_cuts_no_name_on_a_narrow_terminal(
    tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(None)
    screen.width = 80
    monkeypatch.setattr(data, "out", screen)
    assert cli.run(["data", "list", "--data", str(tiny_scenes)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) == 80
    assert "scenes-shanghaitech" in printed
    assert "…" not in printed
