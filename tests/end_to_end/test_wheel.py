"""The built wheel works where there is no checkout: recipes, tables and the paper's numbers travel with it.

It is built from what the Dockerfile's image is built from.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def copy_docker_context(target: Path) -> Path:
    """Copy what .dockerignore admits: it leaves out all but the paths that it names after a ``!``."""
    first, *lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert first == "*"
    for name in (line[1:] for line in lines if line.startswith("!")):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel and nothing else of ours."""
    folder = tmp_path_factory.mktemp("wheel")
    source = copy_docker_context(folder / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def python(installed: Path, code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=installed.parent, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_packages_come_from_the_wheel(installed: Path) -> None:
    code = "import benchmark, methods, reports; print(benchmark.__file__, methods.__file__, reports.__file__)"
    assert all(path.startswith(str(installed)) for path in python(installed, code).split())


def test_recipes_tables_and_printed_and_reference_numbers_travel(installed: Path) -> None:
    code = (
        "from benchmark.tables.declaration import read_table;"
        "from benchmark.plugins.registry import AddOnPlugin, MethodPlugin;"
        "from benchmark.system.entry_points import list_plugins;"
        "from benchmark.tables.paper import cross_dataset_value, footnotes;"
        "print(read_table('table4').title);"
        "kinds = MethodPlugin, AddOnPlugin;"
        "print(*(n for kind in kinds for n, p in sorted(list_plugins(kind).items()) if p.recipe_path()));"
        "print(cross_dataset_value('RTFM', 'xd-violence', 'ucf-crime'));"
        "print(len(footnotes('table5', 'CoMo', 'shanghaitech')));"
        "from benchmark.tables.reference import list_references, read_reference;"
        "print('zoo' in list_references(), read_reference('zoo').table)"
    )
    methods = sorted(point.name for point in entry_points(group="wvad_bench.methods"))
    assert python(installed, code).splitlines() == [
        "Cross-dataset generalisation",
        " ".join([*methods, "conv conv-wide ica"]),
        "68.59",
        "2",
        "True zoo",
    ]


def test_the_command_line_trains_and_reports(installed: Path, tiny_scenes: Path, tmp_path: Path) -> None:
    arguments = ["train", "mmil", "scenes-avenue", "--data", str(tiny_scenes), "--results", str(tmp_path)]
    arguments += ["--seeds", "1", "--set", "steps=2", "--looks", "1", "--tracking", "none", "--details"]
    assert "auc_frame" in python(installed, f"from benchmark.cli import run; raise SystemExit(run({arguments!r}))")
    arguments = ["report", "--data", str(tiny_scenes), "--results", str(tmp_path), "--tracking", "none"]
    assert "report.html" in python(installed, f"from benchmark.cli import run; raise SystemExit(run({arguments!r}))")
