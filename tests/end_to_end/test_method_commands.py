"""`wvad method new` and `wvad method check` as somebody with a method in mind uses them."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli import run

BROKEN = Path(__file__).parents[1] / "plugins" / "broken_methods.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_method_is_right_as_it_is(folder: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["method", "new", "top_mean"]) == 0
    printed = capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["test_top_mean.py", "top_mean.py"]
    for command in ("method check", "train", "compare --method"):
        assert f"wvad {command} ./top_mean.py:TopMean" in printed
    assert run(["method", "check", "./top_mean.py:TopMean"]) == 0
    assert "top_mean.py:TopMean keeps the contract" in capsys.readouterr().out
    options = ["--seeds", "1", "--set", "steps=2", "--set", "hidden=4", "--tracking", "none", "--executor", "serial"]
    assert run(["train", "./top_mean.py:TopMean", "scenes-avenue", *options, "--data", str(tiny_scenes)]) == 0
    assert "TopMean on scenes-avenue" in capsys.readouterr().out


def test_the_test_beside_a_new_method_fails_where_the_method_is_broken(folder: Path) -> None:
    assert run(["method", "new", "top_mean", "--folder", str(folder)]) == 0
    method = folder / "top_mean.py"
    method.write_text(method.read_text().replace("return scores.mean(1)", "return scores"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_top_mean.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "score() gave shape (2, 1, 32); expected (2, 32)" in done.stdout


@pytest.mark.parametrize("there", ["mine.py", "test_mine.py"])
def test_nothing_is_overwritten_and_nothing_half_written(
    there: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / there).write_text("precious")
    assert run(["method", "new", "mine"]) == 2
    assert f"{there} is there already" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == [there]
    assert (folder / there).read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["2fast"], r"'2fast' cannot name a method"),
        (["my-method"], r"'my-method' cannot name a method"),
        (["class"], r"'class' cannot name a method"),
        (["_"], r"'_' cannot name a method"),
        (["torch"], r"torch is the name of an installed package"),
        (["mine", "--folder", "nowhere"], r"nowhere: cannot be written"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["method", "new", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(folder.iterdir())


def test_a_broken_method_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["method", "check", f"{BROKEN}:Crash"]) == 1
    printed = capsys.readouterr().out
    assert "broken      scores: KeyError: 'scores', at broken_methods.py line" in printed
    assert "not checked crops: " in printed
    assert "ok          loss terms\n" in printed
    assert "Crash breaks the contract: of 23 checks 1 failed" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("reference", ["mmil@official-code", "mmil+ica"])
def test_a_registered_method_is_checked_with_its_preset_and_add_ons(
    reference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["method", "check", reference]) == 0
    assert f"{reference} keeps the contract" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("./nowhere.py:Mine", "there is no file ./nowhere.py"),
        (f"{BROKEN}:F", "F is not a subclass of benchmark.api.Method"),
        ("unheard-of", "unknown method unheard-of"),
    ],
)
def test_what_is_no_method_is_one_line(reference: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["method", "check", reference]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
