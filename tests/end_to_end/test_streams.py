"""Standard output that is full, closed, of few letters, or that nobody reads on: a line, and no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WVAD = [sys.executable, "-c", "from benchmark.cli import main; main()"]
FULL = Path("/dev/full")


def wvad(*words: str, redirect: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command by a shell, with its output redirected as given."""
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirect}', "sh", *WVAD, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | variables,
    )


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["methods"], ["data", "list", "--data", "nowhere"]])
def test_a_full_output_is_one_line(words: list[str]) -> None:
    ended = wvad(*words, redirect="> /dev/full")
    line = "wvad: standard output cannot be written (No space left on device); send it elsewhere\n"
    assert (ended.returncode, ended.stderr) == (2, line)


@pytest.mark.parametrize("redirect", [">&-", ">&- 2>&-"])
def test_a_closed_output_is_refused_before_anything_is_done(redirect: str) -> None:
    ended = wvad("methods", redirect=redirect)
    line = "wvad: standard output is closed; send it to a file, or to /dev/null\n"
    assert (ended.returncode, ended.stderr) == (2, "" if "2>&-" in redirect else line)


def test_closed_errors_are_no_hindrance() -> None:
    assert wvad("methods", redirect="2>&-").returncode == 0


def test_a_reader_that_goes_away_is_no_error_to_speak_of() -> None:
    ended = wvad("methods", redirect="| head -1")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_encoding_without_our_signs_escapes_them() -> None:
    ended = wvad("methods", "rtfm", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.isascii()
