"""A disk that is full, and one that can only be read."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.calls import call_here
from tests.faults.results import everything, leftovers, said_counts, true_counts
from tests.faults.small import train

SEEDS = 3
ROOM = "size=64m,nr_inodes=10k"


def mount(options: str, folder: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, check=True)


def remount(options: str, folder: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount(ROOM, folder)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def model(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    results = tmp_path_factory.mktemp("whole")
    assert train(tiny_scenes, results, SEEDS).code == 0
    return everything(results)


# From no room for the plan to none for the last file of the table; each file takes 4 KiB or more, and an inode.
@pytest.mark.parametrize(
    ("limit", "runs"),
    [
        *[(f"size={4 * pages}k", runs) for pages, runs in [(1, 0), (4, 0), (7, 0), (16, 0), (22, 1), (40, 2), (49, 3)]],
        *[(f"nr_inodes={inodes}", runs) for inodes, runs in [(7, 0), (12, 0), (22, 0), (32, 1), (47, 2)]],
    ],
)
def test_a_full_disk_is_said_in_a_line_and_with_more_room_the_table_is_completed(
    limit: str, runs: int, disk: Path, tiny_scenes: Path, model: dict[str, object]
) -> None:
    remount(limit, disk)
    results = disk / "results"
    said = train(tiny_scenes, results, SEEDS)
    assert said.code in (1, 2)
    assert "No space left on device" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err + said.out
    assert said_counts(results) == true_counts(results)
    assert sum(done for done, _, _ in true_counts(results)) == runs
    remount(ROOM, disk)
    assert train(tiny_scenes, results, SEEDS).code == 0
    assert everything(results) == model
    assert leftovers(results) == []


def test_a_disk_that_fills_under_several_processes_is_the_same(
    disk: Path, tiny_scenes: Path, model: dict[str, object]
) -> None:
    remount("size=80k", disk)
    results = disk / "results"
    said = train(tiny_scenes, results, SEEDS, "local")
    assert said.code in (1, 2)
    assert "No space left on device" in said.err.splitlines()[-1]
    assert said_counts(results) == true_counts(results)
    remount(ROOM, disk)
    assert train(tiny_scenes, results, SEEDS, "local").code == 0
    assert everything(results) == model
    assert leftovers(results) == []


def test_a_store_that_can_only_be_read_is_read_and_refuses_calls_in_a_line(disk: Path, tiny_scenes: Path) -> None:
    results = disk / "results"
    assert train(tiny_scenes, results, SEEDS).code == 0
    shutil.rmtree(next((results / "runs").glob("[0-9a-f]*[0-9a-f]/record.json")).parent)
    remount("ro", disk)
    assert said_counts(results) == [(SEEDS - 1, 0, 1)]
    assert call_here("store", "verify", "--results", str(results)).code == 0
    for refused in (train(tiny_scenes, results, SEEDS), call_here("render", "all", "--results", str(results))):
        assert refused.code == 2
        assert "cannot be written (Read-only file system)" in refused.err
        assert len(refused.err.splitlines()) == 1
    remount("rw", disk)
    assert train(tiny_scenes, results, SEEDS).code == 0
    assert said_counts(results) == [(SEEDS, 0, 0)]
