"""A trained run that is damaged afterwards: found, and made again with the same bytes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from tests.unit.runs.test_verify_and_gc import cut, flip

KINDS = [
    "record.json",
    "spec.json",
    "checksums.json",
    "losses.csv",
    "weights/*.safetensors",
    "evaluations/*.json",
    "evaluations/*.npz",
]


def train(data: Path, results: Path) -> int:
    settings = ["--seeds", "1", "--set", "steps=3", "--looks", "2", "--tracking", "none", "--executor", "serial"]
    return run(["train", "mmil", "scenes-avenue", "--data", str(data), "--results", str(results), *settings])


@pytest.fixture(scope="module")
def whole(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("whole")
    assert train(tiny_scenes, results) == 0
    return results


def result_of(results: Path) -> dict[str, object]:
    """What a run gave, without the times in it."""
    store = RunStore(results / "runs")
    (key,) = store.keys()
    found: dict[str, object] = {
        path.name: path.read_bytes()
        for pattern in ("losses.csv", "weights/*", "evaluations/*.npz")
        for path in store.folder(key).glob(pattern)
    }
    return found | {evaluation.key: evaluation.metrics for evaluation in store.evaluations(key)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_damage_is_found_removed_and_mended_by_one_more_call(
    kind: str, damage: Callable[[Path], None], whole: Path, tiny_scenes: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    shutil.copytree(whole, results)
    damage(sorted((results / "runs").glob(f"*/{kind}"))[0])
    place = ["--results", str(results)]
    assert run(["store", "verify", *place]) == 1
    assert run(["store", "gc", "--delete", *place]) == 0
    assert train(tiny_scenes, results) == 0
    assert run(["store", "verify", *place]) == 0
    assert result_of(results) == result_of(whole)


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        *[(kind, damage) for kind in ("record.json", "evaluations/*.json") for damage in (cut, flip, Path.unlink)],
        ("evaluations/*.npz", cut),
        ("evaluations/*.npz", Path.unlink),
    ],
)
def test_what_is_torn_or_gone_is_mended_by_the_call_alone(
    kind: str, damage: Callable[[Path], None], whole: Path, tiny_scenes: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    shutil.copytree(whole, results)
    damage(sorted((results / "runs").glob(f"*/{kind}"))[0])
    assert train(tiny_scenes, results) == 0
    assert run(["store", "verify", "--results", str(results)]) == 0
    assert result_of(results) == result_of(whole)


def test_all_files_of_a_run_have_the_same_mode(whole: Path) -> None:
    files = [path for path in (whole / "runs").rglob("*") if path.is_file()]
    assert any(path.suffix == ".safetensors" for path in files)
    assert len({path.stat().st_mode for path in files}) == 1


def test_damaged_weights_are_never_used(
    whole: Path, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    shutil.copytree(whole, results)
    (key,) = RunStore(results / "runs").keys()
    for weights in (results / "runs" / key / "weights").iterdir():
        flip(weights)
    places = ["--data", str(tiny_scenes), "--results", str(results)]
    assert run(["evaluate", key, "scenes-ucf-crime", *places]) == 1
    assert "missing or damaged (not what was written)" in capsys.readouterr().err


def test_a_moved_store_is_rendered_and_goes_on(whole: Path, tiny_scenes: Path, tmp_path: Path) -> None:
    archive, there = tmp_path / "a.zip", tmp_path / "there"
    assert run(["store", "export", str(archive), "--results", str(whole)]) == 0
    assert run(["store", "import", str(archive), "--results", str(there)]) == 0
    assert run(["render", "all", "--results", str(there)]) == 0
    (table,) = (whole / "tables").glob("*/*.csv")
    assert (there / table.relative_to(whole)).read_bytes() == table.read_bytes()
    (key,) = RunStore(there / "runs").keys()
    places = ["--data", str(tiny_scenes), "--results", str(there)]
    assert run(["evaluate", key, "scenes-ucf-crime", *places]) == 0
    assert train(tiny_scenes, there) == 0
    assert len(list(Results(there).invocations())) == 2
    assert result_of(whole).items() <= result_of(there).items()
