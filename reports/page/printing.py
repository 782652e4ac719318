"""The page as a PDF, printed by a browser of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmark.system.errors import InputError
from benchmark.system.files import replacing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")
FLAGS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer"),
    *("--disable-background-networking", "--disable-component-update"),  # nothing is asked of any network
)
PATIENCE = 300
"""Seconds for a page, however slow the machine."""


def find_browser() -> str:
    """Return a browser that prints.

    Raises
    ------
    InputError
        If there is none.
    """
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    raise InputError(
        "--pdf: no Chromium or Chrome on the PATH; install one (apt-get install chromium), or print the page by hand"
    )


def print_page(page: Path, path: Path, browser: str) -> None:
    """Print a page to a PDF.

    Raises
    ------
    InputError
        If the browser does not.
    """
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder) / "page.pdf"
        command = [browser, *FLAGS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={printed}"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # which Chromium refuses to have as root
        try:
            done = subprocess.run(
                [*command, page.resolve().as_uri()], capture_output=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"--pdf: {browser} did not print {page}: {error}") from None
        if not printed.is_file():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
            raise InputError(f"--pdf: {browser} did not print {page}: {last[0]}")
        with replacing(path) as file:
            file.write(printed.read_bytes())
