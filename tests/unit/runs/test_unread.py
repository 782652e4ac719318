"""What cannot be read is not damaged: it is named, and neither deleted nor made again."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from tests.small_store import contents, make_results, spec_of

KEY = spec_of("clav", 0).key


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return make_results(tmp_path / "results", seeds=1, looks=False)


def lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to read a file or a folder as the system does; bits of a mode do not bind everybody who runs tests."""
    for name in ("open", "listdir", "scandir", "stat"):
        original = getattr(os, name)

        def guarded(what: Any = ".", *more: Any, original: Any = original, name: str = name, **options: Any) -> Any:
            asked = Path(os.fspath(what)) if isinstance(what, (str, os.PathLike)) else None
            inside = asked is not None and path in asked.parents
            if inside or (asked == path and name != "stat"):
                raise PermissionError(errno.EACCES, "Permission denied", str(what))
            return original(what, *more, **options)

        monkeypatch.setattr(os, name, guarded)


def locked(results: Results, kind: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = next(results.root.glob(kind.replace("KEY", KEY)))
    lock(path, monkeypatch)
    return path


RUN_PARTS = [
    "runs/KEY",
    "runs/KEY/record.json",
    "runs/KEY/losses.csv",
    "runs/KEY/checksums.json",
    "runs/KEY/evaluations",
    "runs/KEY/evaluations/*.json",
    "runs/KEY/evaluations/*.npz",
]


@pytest.mark.parametrize("kind", RUN_PARTS)
def test_a_run_that_cannot_be_read_is_named_and_left_alone(
    kind: str, results: Results, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(results.root)
    with monkeypatch.context() as patched:
        path = locked(results, kind, patched)
        assert run(["store", "verify", "--results", str(results.root)]) == 1
        said = capsys.readouterr().out
        assert f"run {KEY}: {path}" in said.replace("\n", "")
        assert "cannot be read (Permission denied)" in said
        assert "gc --delete" not in said
        assert run(["store", "gc", "--delete", "--results", str(results.root)]) == 1
        said = capsys.readouterr()
        assert f"left alone: run {KEY}: {path}" in said.err.replace("\n", "")
        assert KEY not in said.out
    assert contents(results.root) == before


@pytest.mark.parametrize("kind", ["runs", "runs/drivers", "tables", "invocations"])
def test_a_folder_that_cannot_be_read_is_not_an_empty_one(
    kind: str, results: Results, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (results.runs / "drivers").mkdir()
    before = contents(results.root)
    with monkeypatch.context() as patched:
        path = locked(results, kind, patched)
        assert run(["store", "gc", "--delete", "--results", str(results.root)]) == 2
        assert f"{path}" in capsys.readouterr().err
        if kind != "runs/drivers":
            assert run(["store", "verify", "--results", str(results.root)]) == 2
    assert contents(results.root) == before


def test_a_run_that_cannot_be_read_is_no_empty_cell_and_not_trained_anew(
    results: Results, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        path = locked(results, "runs/KEY/record.json", patched)
        for command in (["status"], ["render", "all"]):
            assert run([*command, "--results", str(results.root)]) == 2
            assert f"{path}: cannot be read (Permission denied)" in capsys.readouterr().err


def test_an_evaluation_without_its_scores_is_no_number(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(results.runs)
    (evaluation,) = store.evaluations(KEY)
    (store.folder(KEY) / "evaluations" / f"{evaluation.key}.npz").unlink()
    store.write_evaluation(evaluation.model_copy(update={"metrics": {"auc_frame": 0.999}, "scores": None}))
    assert list(store.evaluations(KEY)) == []
    assert run(["render", "all", "--results", str(results.root)]) == 0
    assert "99.90" not in capsys.readouterr().out
    assert run(["store", "verify", "--results", str(results.root)]) == 1
    assert f"run {KEY}, evaluation {evaluation.key}: unverified" in capsys.readouterr().out
    assert run(["store", "export", str(results.root / "a.zip"), "--results", str(results.root)]) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": {}},
        {"metrics": {"auc_frame": 1.5}},
        {"metrics": {"auc_frame": None}},
        {"metric": "ap_frame", "chance": 0.5},
        {"chance": 0.1},
        {"step": 7},
        {"selection": "oracle"},
        {"run_key": "0" * 16},
        {"test_hash": "of others"},
    ],
)
def test_an_evaluation_that_says_else_than_its_scores_is_found(change: dict[str, Any], results: Results) -> None:
    store = RunStore(results.runs)
    (evaluation,) = store.evaluations(KEY)
    path = store.folder(KEY) / "evaluations" / f"{evaluation.key}.json"
    path.write_text(evaluation.model_copy(update=change).model_dump_json())
    assert run(["store", "verify", "--results", str(results.root)]) == 1
