"""The sessions that newcomers type run as they are printed, installation and `make test` apart."""

import re
import shlex
from pathlib import Path

import pytest

from benchmark.cli import run
from tests.documentation.test_docs import ROOT, blocks

TUTORIALS = ROOT / "docs" / "tutorials"


def wvad_lines(blocks_: list[str]) -> list[list[str]]:
    """The commands of shell blocks, less those of other programs."""
    lines = [shlex.split(line, comments=True) for block in blocks_ for line in block.splitlines()]
    return [words[1:] for words in lines if words and words[0] == "wvad"]


@pytest.fixture
def empty_folder(tiny_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WVAD_DATA", str(tiny_scenes))
    return tmp_path


def test_the_readme_s_first_session(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)[2]
    assert section.startswith("A first session")
    (block,) = re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    commands = wvad_lines([block])
    assert [words[0] for words in commands] == ["doctor", "method", "method", "compare", "report"]
    for words in commands:
        assert run(words) == 0, words
    assert "MyMethod is" in capsys.readouterr().out
    assert (empty_folder / "results" / "reports" / "report.html").is_file()


def test_the_tutorial_on_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = TUTORIALS / "your-features.md"
    (script,) = blocks(page, "python")
    exec(compile(script, page.name, "exec"), {"__name__": "example"})
    for words in wvad_lines(blocks(page, "bash")):
        assert run(words) == 0, words
    assert (tmp_path / "data" / "door" / "manifest.json").is_file()
