"""What is torn or changed on the disk: who sees it, and what makes it whole again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.calls import call_here
from tests.faults.results import KEY, everything, leftovers, said_counts, true_counts
from tests.faults.small import train
from tests.unit.runs.test_verify_and_gc import cut, flip


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


SEEN_AT_ONCE = [
    *[(kind, damage) for kind in ("record.json", "evaluations/*.json") for damage in (cut, halve, flip, Path.unlink)],
    *[("evaluations/*.npz", damage) for damage in (cut, halve, Path.unlink)],
]
SEEN_WHEN_READ = [
    ("evaluations/*.npz", flip),
    *[(kind, d) for kind in ("weights/*", "losses.csv", "spec.json", "checksums.json") for d in (cut, halve, flip)],
]


@pytest.fixture(scope="module")
def whole(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("whole")
    assert train(tiny_scenes, results, 2).code == 0
    return results


@pytest.fixture
def results(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "results"))


def damage_one(results: Path, kind: str, damage: Callable[[Path], None]) -> str:
    """Damage a file of a run, and return the run's key."""
    path = sorted((results / "runs").glob(f"{KEY}/{kind}"))[0]
    damage(path)
    return path.relative_to(results / "runs").parts[0]


def verify(results: Path) -> list[str]:
    """The lines of `wvad store verify` on what is damaged."""
    said = call_here("store", "verify", "--results", str(results))
    lines = [line for line in said.out.splitlines() if line.startswith("run ")]
    assert said.code == bool(lines)
    return lines


@pytest.mark.parametrize(("kind", "damage"), SEEN_AT_ONCE)
def test_damage_that_is_seen_at_once_is_no_run_done_and_one_more_call_mends_it(
    kind: str, damage: Callable[[Path], None], results: Path, whole: Path, tiny_scenes: Path
) -> None:
    key = damage_one(results, kind, damage)
    assert said_counts(results) == true_counts(results) == [(1, 0, 1)]
    assert [key in line for line in verify(results)] == [True]
    assert train(tiny_scenes, results, 2).code == 0
    assert everything(results) == everything(whole)
    assert verify(results) == leftovers(results) == []


@pytest.mark.parametrize(("kind", "damage"), SEEN_WHEN_READ)
def test_damage_that_only_reading_shows_is_found_removed_and_made_again(
    kind: str, damage: Callable[[Path], None], results: Path, whole: Path, tiny_scenes: Path
) -> None:
    key = damage_one(results, kind, damage)
    assert true_counts(results) == [(1, 0, 1)]
    assert [key in line for line in verify(results)] == [True]
    assert call_here("store", "gc", "--delete", "--results", str(results)).code == 0
    assert said_counts(results) == true_counts(results) == [(1, 0, 1)]
    assert train(tiny_scenes, results, 2).code == 0
    assert everything(results) == everything(whole)
    assert verify(results) == leftovers(results) == []


@pytest.mark.parametrize("damage", [cut, halve])
def test_a_torn_plan_is_named_and_written_again_by_the_next_call(
    damage: Callable[[Path], None], results: Path, whole: Path, tiny_scenes: Path
) -> None:
    (plan,) = results.glob("tables/*/*.plan.json")
    damage(plan)
    said = call_here("status", "--results", str(results))
    assert said.code == 0
    assert said.err.splitlines()[-1].endswith("no table planned there yet; `wvad reproduce table4` plans one")
    assert call_here("store", "verify", "--results", str(results)).code == 1
    assert train(tiny_scenes, results, 2).code == 0
    assert said_counts(results) == [(2, 0, 0)]
    assert everything(results) == everything(whole)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
@pytest.mark.parametrize("ending", ["csv", "md"])
def test_the_files_of_a_table_are_written_anew_by_each_call(
    ending: str, damage: Callable[[Path], None], results: Path, whole: Path, tiny_scenes: Path
) -> None:
    damage(next(results.glob(f"tables/*/*.{ending}")))
    assert train(tiny_scenes, results, 2).code == 0
    assert everything(results) == everything(whole)
