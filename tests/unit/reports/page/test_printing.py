"""Printing: one line where there is no browser, or one that does not print; never half a file."""

from pathlib import Path

import pytest

from benchmark.system.errors import InputError
from reports.page.printing import find_browser, print_page


def browser(folder: Path, script: str) -> str:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_without_a_browser_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no Chromium or Chrome on the PATH; install one"):
        find_browser()
    found = browser(tmp_path, "exit 0")
    assert find_browser() == found


def test_what_the_browser_prints_is_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>")
    script = 'for one in "$@"; do case $one in --print-to-pdf=*) echo printed > "${one#--print-to-pdf=}";; esac; done'
    print_page(tmp_path / "page.html", tmp_path / "page.pdf", browser(tmp_path, script))
    assert (tmp_path / "page.pdf").read_text() == "printed\n"


@pytest.mark.parametrize(
    ("script", "said"), [("echo no display >&2; exit 1", "no display"), ("exit 0", "without a word")]
)
def test_a_browser_that_prints_nothing_is_named(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        print_page(tmp_path / "page.html", tmp_path / "page.pdf", browser(tmp_path, script))
    assert not (tmp_path / "page.pdf").exists()
