"""A disk that is full, and one that can only be read."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.calls import Said, Task, call_here

TASK = Task(("train", "mmil", "scenes-avenue", "--seeds", "3", "--set", "steps=3"))


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not shutil.which("mount") or not mount("-t", "tmpfs", "-o", "size=64m", "none", str(folder)):
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def whole(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("whole")
    assert train(tiny_scenes, results, "serial").code == 0
    return results


def train(data: Path, results: Path, executor: str) -> Said:
    return call_here(*TASK.arguments(data, results, executor))


def blocks(results: Path) -> int:
    """Size of what a folder holds, in KiB, as a tmpfs counts it."""
    return sum(4 * -(-path.stat().st_size // 4096) for path in results.rglob("*") if path.is_file())
