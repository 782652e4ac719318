"""`wvad import-scores`: scores from elsewhere are a run like any other, and wrong ones are one line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.cli import run
from benchmark.datasets.dataset import Dataset
from benchmark.execution.forecast import expect_seconds
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.tables.planning import find_imported

DATASET = "scenes-avenue"
TINY = ["--seeds", "2", "--set", "steps=3", "--set", "batch_size=2", "--looks", "1"]
Scores = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def trained(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    places = ["--data", str(tiny_scenes), "--results", str(results), "--executor", "serial", "--tracking", "none"]
    assert run(["train", "mmil", DATASET, *places, *TINY]) == 0
    return results


def scores_of(results: Path, seed: int) -> Scores:
    """The scores of a trained run by video."""
    store = RunStore(results / "runs")
    (record,) = [r for r in store.records() if r.spec.seed == seed and not r.spec.imported]
    (key,) = [e.key for e in store.evaluations(record.key) if e.selection == "last"]
    scored = store.read_scores(record.key, key)
    assert scored is not None
    return {name: scored.scores[scored.video == i] for i, name in enumerate(scored.names)}


def write(folder: Path, scores: Scores, form: str = "npy") -> Path:
    folder.mkdir(exist_ok=True)
    for name, values in scores.items():
        if form == "npy":
            np.save(folder / f"{name}.npy", values.astype(np.float32))
        else:
            np.savetxt(folder / f"{name}.{form}", values, fmt="%.17g")
    return folder


def import_scores(results: Path, data: Path, *folders: Path, name: str = "theirs", more: tuple[str, ...] = ()) -> int:
    named = [word for folder in folders for word in ("--scores", str(folder))]
    places = ["--dataset", DATASET, "--data", str(data), "--results", str(results)]
    return run(["import-scores", name, *places, *named, *(more or ("--tracking", "none"))])


@pytest.mark.parametrize("form", ["npy", "txt", "csv"])
def test_imported_scores_give_the_numbers_of_the_methods_own_run(
    form: str, trained: Path, tiny_scenes: Path, tmp_path: Path
) -> None:
    folders = [write(tmp_path / str(seed), scores_of(trained, seed), form) for seed in range(2)]
    results = tmp_path / "results"
    assert import_scores(results, tiny_scenes, *folders) == 0
    own, imported = RunStore(trained / "runs"), RunStore(results / "runs")
    metrics = {
        record.spec.seed: next(e.metrics for e in own.evaluations(record.key) if e.selection == "last")
        for record in own.records()
    }
    records = list(imported.records())
    assert sorted(record.spec.seed for record in records) == [0, 1]
    for record in records:
        (evaluation,) = imported.evaluations(record.key)
        assert evaluation.metrics == metrics[record.spec.seed]
        assert record.spec.imported


def test_scores_of_frames_are_averaged_over_snippets(trained: Path, tiny_scenes: Path, tmp_path: Path) -> None:
    videos = Dataset(tiny_scenes / DATASET).manifest.split("test")
    per_snippet = scores_of(trained, 0)
    per_frame = {v.name: np.repeat(per_snippet[v.name], 16)[: v.frames] for v in videos}
    # Whatever the values inside a snippet are, their mean counts.
    for values in per_frame.values():
        shift = min(values[0], 1 - values[0]) / 2
        values[:2] += (-shift, shift)
    results = tmp_path / "results"
    assert import_scores(results, tiny_scenes, write(tmp_path / "scores", per_frame)) == 0
    store = RunStore(results / "runs")
    (record,) = store.records()
    (evaluation,) = store.evaluations(record.key)
    scored = store.read_scores(record.key, evaluation.key)
    assert scored is not None
    assert scored.scores == pytest.approx(np.concatenate([per_snippet[v.name] for v in videos]), abs=1e-6)


def test_the_same_scores_are_the_same_run_and_others_another(trained: Path, tiny_scenes: Path, tmp_path: Path) -> None:
    results, scores = tmp_path / "results", scores_of(trained, 0)
    folder = write(tmp_path / "scores", scores)
    assert import_scores(results, tiny_scenes, folder) == 0
    assert import_scores(results, tiny_scenes, folder) == 0
    assert len(RunStore(results / "runs").keys()) == 1
    first = next(iter(scores))
    write(folder, {first: scores[first] / 2})
    assert import_scores(results, tiny_scenes, folder) == 0
    assert len(RunStore(results / "runs").keys()) == 2


def test_tables_status_reports_and_mlflow_take_it_like_any_other(
    trained: Path,
    tiny_scenes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folders = [write(tmp_path / str(seed), scores_of(trained, seed)) for seed in range(2)]
    results = tmp_path / "results"
    assert import_scores(results, tiny_scenes, *folders, more=("--tracking", "mlflow")) == 0
    out = capsys.readouterr()
    assert "theirs (imported)" in out.out
    assert "MLflow at" not in out.err  # no trouble
    places = ["--data", str(tiny_scenes), "--results", str(results)]
    tracking = ["--tracking", "none"]
    arguments = ["--method", "imported:theirs", "--against", "mmil", "--dataset", DATASET, "--executor", "serial"]
    assert run(["compare", *arguments, *places, *tracking, *TINY]) == 0
    out = capsys.readouterr()
    assert f"{DATASET} (AUC): theirs (imported) is not distinguishable from MMIL (+0.00, 95 % interval" in out.out
    assert run(["render", "all", "--results", str(results)]) == 0
    assert run(["status", "--results", str(results)]) == 0
    assert "theirs (imported)" in capsys.readouterr().out
    assert run(["report", *places, *tracking, "--format", "png"]) == 0
    page = (results / "reports" / "report.html").read_text()
    assert "theirs (imported)" in page
    assert "has scores from elsewhere and no method" in page
    (path,) = (results / "tables").glob("*/compare-*.csv")
    means = pd.read_csv(path).query("selection == 'last'")["mean"]
    assert means.nunique() == 1


Change = Callable[[Scores, Path], None]


def lengthen(scores: Scores, folder: Path) -> None:
    name = next(iter(scores))
    np.save(folder / f"{name}.npy", np.append(scores[name], 0.5))


def replace_first(values: object) -> Change:
    return lambda scores, folder: np.save(folder / f"{next(iter(scores))}.npy", values)  # type: ignore[arg-type]


def change_text(text: bytes) -> Change:
    def change(scores: Scores, folder: Path) -> None:
        name = next(iter(scores))
        (folder / f"{name}.npy").unlink()
        (folder / f"{name}.txt").write_bytes(text)

    return change


def add_text(scores: Scores, folder: Path) -> None:
    (folder / f"{next(iter(scores))}.txt").write_text("0.5\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scores, folder: (folder / f"{next(iter(scores))}.npy").unlink(), "1 videos are missing"),
        (lambda scores, folder: np.save(folder / "more.npy", np.zeros(3)), "more is no test video of scenes-avenue"),
        (lengthen, " snippets and "),
        (replace_first(np.zeros((3, 2))), "holds float64 (3, 2), not one score per snippet or frame"),
        (replace_first(np.array([0.1, np.nan])), "holds scores that are not finite"),
        (replace_first(np.array([0.1, 7.5])), "scores from 0.1 to 7.5; scale all videos' to [0, 1]"),
        (replace_first(np.array([{}], dtype=object)), "holds pickled Python objects, never loaded here"),
        (change_text(b"0.5\nhalf\n"), "line 2, 'half', is not a number; write one per line"),
        (change_text(b"0.5 0.5\n"), "line 1, '0.5 0.5', is not a number; write one per line"),
        (change_text(b"0.5\n# 0.5\n"), "line 2, '# 0.5', is not a number"),
        (change_text(b"\xff\xfe\x00"), "damaged text in UTF-16; save it again, in UTF-8"),
        (add_text, ".txt are both of "),
        (change_text(b""), " snippets and "),
    ],
)
def test_what_is_no_scores_is_one_line_and_leaves_nothing(
    change: Change, message: str, trained: Path, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = scores_of(trained, 0)
    folder = write(tmp_path / "scores", scores)
    change(scores, folder)
    capsys.readouterr()
    assert import_scores(tmp_path / "results", tiny_scenes, folder) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import-scores", "a,b", "--dataset", DATASET, "--scores", "."], "'a,b': not a name for a method"),
        (
            ["import-scores", "a\nb", "--dataset", DATASET, "--scores", "."],
            "'a\\nb': not a name for a method; write one",
        ),
        (["import-scores", "a" * 61, "--dataset", DATASET, "--scores", "."], "write one line of 60 characters at most"),
        (["import-scores", "a", "--dataset", DATASET, "--scores", "./none"], "none: no folder of scores"),
        (
            ["compare", "--method", "imported:nobody", "--against", "mmil", "--dataset", DATASET],
            "imported:nobody: no such scores on scenes-avenue, profile quick; `wvad import-scores` brings them in",
        ),
    ],
)
def test_what_cannot_be_imported_is_one_line(
    arguments: list[str], message: str, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--data", str(tiny_scenes), "--results", str(tmp_path / "results")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_a_seed_is_not_counted_twice(
    trained: Path, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, same = (write(tmp_path / form, scores_of(trained, 0), form) for form in ("npy", "txt"))
    assert import_scores(tmp_path / "results", tiny_scenes, one, same) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"{one} and {same} hold the same scores; give --scores once for each seed" in line
    assert not (tmp_path / "results").exists()


def test_the_latest_import_is_compared_whole(trained: Path, tiny_scenes: Path, tmp_path: Path) -> None:
    """Neither a seed of an earlier import with more of them, nor scores that were imported again long ago."""
    results, scores = tmp_path / "results", scores_of(trained, 0)
    folders = [write(tmp_path / str(i), {n: v / (i + 1) for n, v in scores.items()}) for i in range(3)]
    dataset = Dataset(tiny_scenes / DATASET)

    def hashes() -> list[str | None]:
        return [spec.source for spec in find_imported("imported:theirs", dataset, "quick", Results(results))]

    assert import_scores(results, tiny_scenes, *folders) == 0
    first = hashes()
    assert len(set(first)) == 3
    assert import_scores(results, tiny_scenes, folders[2]) == 0
    assert hashes() == [first[2]]
    assert import_scores(results, tiny_scenes, *folders[:2]) == 0
    assert hashes() == first[:2]


def test_captions_claim_nothing_of_training_that_was_done_elsewhere(
    trained: Path, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    assert import_scores(results, tiny_scenes, write(tmp_path / "scores", scores_of(trained, 0))) == 0
    printed = capsys.readouterr().out
    assert "Fallback DEV-IMPORTED (imported scores: how they were trained and which weights were chosen" in printed
    assert f"Crops in use: {DATASET} not known (imported)." in printed
    assert run(["render", "imported-theirs", "--results", str(results), "--selection", "oracle"]) == 0
    assert "has no oracle selection: its scores were imported" in capsys.readouterr().out
    (record,) = RunStore(results / "runs").records()
    mmil = record.spec.model_copy(update={"method": "mmil", "imported": False})
    assert expect_seconds([mmil], [record], workers=1) is None
