"""The site: built without a warning, with the pages that come from elsewhere, and asking the network for nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli import whole_command
from benchmark.plugins.recipes import read_about
from tests.documentation import method_index
from tests.documentation.test_docs import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # a link or an anchor to nowhere is an error
    return folder


def text_of(page: Path) -> str:
    return re.sub(r"<[^>]*>", "", page.read_text(encoding="utf-8"))


def test_the_page_of_commands_has_all_of_them(site: Path) -> None:
    page = text_of(site / "reference" / "commands.html")
    commands = [(f"wvad {name}", command) for name, command in whole_command().commands.items()]
    while commands:
        path, command = commands.pop()
        commands += [(f"{path} {name}", below) for name, below in getattr(command, "commands", {}).items()]
        assert path in page
        assert all(option in page for parameter in command.params for option in parameter.opts if option[0] == "-")


def test_the_reference_has_what_methods_and_notebooks_use(site: Path) -> None:
    assert "load_scores" in text_of(site / "reference" / "notebooks.html")
    api = text_of(site / "reference" / "api.html")
    assert all(name in api for name in ("training_step", "FeatureSpec", "PairBatch", "AddOn"))


def test_the_home_page_is_the_readme(site: Path) -> None:
    page = site / "index.html"
    assert "A first session" in text_of(page)
    assert 'src="images/zoo.png"' in page.read_text(encoding="utf-8")
    assert (site / "images" / "zoo.png").stat().st_size < 150_000


def test_no_page_asks_the_network(site: Path) -> None:
    for page in site.rglob("*.html"):
        asked = re.findall(r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="(https?:[^"]*)"', page.read_text("utf-8"))
        assert asked == [], page


@pytest.mark.parametrize("plugin", method_index.built_in(), ids=lambda plugin: plugin.name)
def test_the_readme_lists_each_method_by_its_fidelity(plugin: "method_index.MethodPlugin") -> None:
    rows = re.findall(r"^\| ((?:exact|reconstructed)[^|]*) \| (.*) \|$", (ROOT / "README.md").read_text("utf-8"), re.M)
    about = read_about(plugin)
    assert about is not None
    kind = {"exact": "exact: ", "reconstructed": "reconstructed "}.get(about.faithfulness, "exact given ")
    assert [f"/{plugin.name}.md" in methods for fidelity, methods in rows if fidelity.startswith(kind)] == [True]
