"""Whatever the system refuses is one line that names the path."""

import errno

import pytest

from benchmark import cli


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
