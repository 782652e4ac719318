"""The example package of a third party: installed, listed, used; and what two packages or a broken one give."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "wvad-example"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the package is installed, and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(EXAMPLE)]
    subprocess.run(command, check=True)
    return folder


def wvad(*arguments: str, sites: list[Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line with other folders of installed packages beside ours."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sites)), "COLUMNS": "250"}
    code = "from benchmark.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def declare(folder: Path, distribution: str, group: str, line: str) -> Path:
    """A folder that looks as if a distribution with one entry point was installed into it."""
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{line}\n")
    return folder


def test_its_method_is_compared_on_its_dataset_by_its_executor(site: Path, tmp_path: Path) -> None:
    arguments = ["compare", "--method", "top1+scale", "--against", "mmil", "--dataset", "corridors"]
    arguments += ["--executor", "backwards", "--seeds", "2", "--set", "steps=60", "--tracking", "none"]
    done = wvad(*arguments, sites=[site], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "corridors (AUC): Top-1+scale is " in done.stdout
    # Jobs come by seed; the executor turns them round.
    lines = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert "seed 1" in lines[0]
    assert "seed 0" in lines[-1]
    (path,) = tmp_path.glob("results/tables/corridors-quick/compare-*.csv")
    frame = pd.read_csv(path)
    last = frame[frame["selection"] == "last"].set_index("row")["mean"]
    assert last["Top-1+scale"] > 0.8
    assert not last.isna().any()


def test_what_it_brings_is_listed(site: Path, tmp_path: Path) -> None:
    done = wvad("methods", sites=[site], cwd=tmp_path)
    listed = [line for line in done.stdout.splitlines() if "wvad-example" in line]
    assert ["top1" in line or "scale" in line for line in listed] == [True, True]


def test_one_that_cannot_be_imported_is_listed_and_says_why_when_named(tmp_path: Path) -> None:
    broken = declare(tmp_path / "broken", "broken-package", "wvad_bench.methods", "broken = nowhere_at_all:Method")
    listed = wvad("methods", sites=[broken], cwd=tmp_path)
    assert listed.returncode == 0
    assert {"broken", "rtfm"} <= {line.split()[1] for line in listed.stdout.splitlines() if line.startswith("│")}
    named = wvad("methods", "broken", sites=[broken], cwd=tmp_path)
    assert named.returncode == 2
    assert "method broken is unavailable: ModuleNotFoundError: No module named" in named.stderr


@pytest.mark.parametrize(
    ("group", "line", "arguments", "kind"),
    [
        ("methods", "top1 = elsewhere:Other", ["methods", "top1"], "method top1"),
        ("addons", "scale = elsewhere:Other", ["train", "mmil+scale", "corridors"], "add-on scale"),
        ("datasets", "corridors = elsewhere:other", ["train", "mmil", "corridors"], "dataset corridors"),
        (
            "executors",
            "backwards = elsewhere:other",
            ["train", "mmil", "corridors", "--executor", "backwards"],
            "executor backwards",
        ),
    ],
)
def test_a_name_that_two_declare_is_an_error_that_names_both(
    group: str, line: str, arguments: list[str], kind: str, site: Path, tmp_path: Path
) -> None:
    other = declare(tmp_path / "other", "another-package", f"wvad_bench.{group}", line)
    done = wvad(*arguments, sites=[site, other], cwd=tmp_path)
    assert done.returncode == 2
    (message,) = done.stderr.strip().splitlines()
    assert message.startswith(f"wvad: {kind} is declared by ")
    assert "wvad-example" in message
    assert "another-package" in message


def test_a_dataset_or_executor_that_is_none_is_an_error(site: Path, tmp_path: Path) -> None:
    dataset = declare(tmp_path / "a", "a-package", "wvad_bench.datasets", "lost = shutil:which")
    done = wvad("train", "mmil", "lost", sites=[dataset], cwd=tmp_path)
    assert done.returncode == 2
    assert "dataset lost" in done.stderr
    executor = declare(tmp_path / "b", "b-package", "wvad_bench.executors", "lost = builtins:str")
    done = wvad("train", "top1", "corridors", "--executor", "lost", sites=[site, executor], cwd=tmp_path)
    assert done.returncode == 2
    assert "executor lost: str gives nothing that could run jobs" in done.stderr


def test_an_unknown_executor_names_the_known_ones(site: Path, tmp_path: Path) -> None:
    done = wvad("train", "top1", "corridors", "--executor", "lsf", sites=[site], cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == "wvad: unknown executor lsf; known: backwards, local, ray, serial, slurm"
