"""A browser for tests: Chromium, driven by Playwright, that asks no network for anything."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Without a sandbox because continuous integration runs as root; the rest keeps the browser from calling home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 180_000
"""Milliseconds that a busy machine may take for a step."""

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH; apt-get install chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make install")


@contextmanager
def open_browser() -> Iterator["playwright.Browser"]:
    """Start a browser, and end it."""
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        yield opened
        opened.close()
