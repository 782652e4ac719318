"""`wvad compare` and the notebook's `compare`: one answer, and nothing trained twice."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

import benchmark
from benchmark.cli import run
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError

PLUGIN = f"{Path(__file__).parents[1] / 'plugins' / 'mean_mil.py'}:MeanMIL"
TINY = ["--seeds", "2", "--set", "steps=3", "--set", "batch_size=2", "--looks", "1"]


@pytest.fixture(scope="module")
def compared(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    places = ["--data", str(tiny_scenes), "--results", str(results), "--executor", "serial", "--tracking", "none"]
    arguments = ["--method", PLUGIN, "--against", "mmil,rtfm", "--dataset", "scenes-avenue,scenes-ucf-crime"]
    assert run(["compare", *arguments, "--power", "2", *places, *TINY]) == 0
    return results


def test_the_answer_is_there_in_all_forms(compared: Path) -> None:
    folder = compared / "tables" / "scenes-avenue+scenes-ucf-crime-quick"
    name = "compare-mean_mil.py-MeanMIL"
    frame = pd.read_csv(folder / f"{name}.csv")
    assert frame.loc[frame["selection"] == "last", "row"].tolist() == ["Mean MIL", "MMIL", "RTFM"] * 2
    text = (folder / f"{name}.md").read_text()
    for part in ("Differences between rows", "Differences by class", "Videos that differ most", "What it would take"):
        assert part in text
    assert "| Mean MIL − RTFM" in text
    page = (compared / "reports" / f"{name}-scenes-avenue+scenes-ucf-crime-quick.html").read_text()
    assert page.count("<img") >= 10
    assert "Mean MIL is " in page


def test_the_runs_may_have_a_gpu_that_the_driver_lacks(
    compared: Path, tiny_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    shutil.copytree(compared / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns("projections"))
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path), "--tracking", "none", "--cached", "only"]
    arguments = ["--method", "mmil", "--against", "rtfm", "--dataset", "scenes-avenue", *places, *TINY]
    assert run(["compare", *arguments, "--device", "cuda"]) == 2
    assert run(["compare", *arguments, "--device", "cuda", "--executor", "slurm", "--address", "debug"]) == 0
    assert list((tmp_path / "runs" / "projections").iterdir())


def test_it_is_rendered_again_without_the_plug_in(compared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (compared / "tables" / "scenes-avenue+scenes-ucf-crime-quick").glob("*.md")
    texts = {path: path.read_text() for path in before}
    assert run(["render", "compare-mean_mil.py-MeanMIL", "--results", str(compared)]) == 0
    assert all(path.read_text() == text for path, text in texts.items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "mmil", "--against", "mmil"], "mmil is named twice; compare it with others"),
        (["--method", "mmil", "--against", "rtfm,rtfm"], "rtfm is named twice"),
        (["--method", "mmil", "--against", ""], "--against: an empty argument"),
        (["--method", "./none.py:X", "--against", "rtfm"], "there is no file ./none.py"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    arguments: list[str], message: str, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--dataset", "scenes-avenue", "--data", str(tiny_scenes), "--results", str(tmp_path / "results")]
    assert run(["compare", *arguments, *places]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "results").exists()


def test_a_notebook_gets_the_same_from_the_stored_runs(compared: Path, tiny_scenes: Path, tmp_path: Path) -> None:
    # Its answer has no power, and would take the place of the one that the other tests read.
    results = tmp_path / "results"
    shutil.copytree(compared / "runs", results / "runs")
    before = RunStore(results / "runs").keys()
    found = benchmark.compare(
        PLUGIN,
        ["mmil", "rtfm"],
        ["scenes-avenue", "scenes-ucf-crime"],
        seeds=2,
        settings=["steps=3", "batch_size=2", "training.looks=1"],
        data=tiny_scenes,
        results=results,
        executor="serial",
    )
    assert set(RunStore(results / "runs").keys()) - set(before) == set()
    frame = pd.read_csv(
        compared / "tables" / "scenes-avenue+scenes-ucf-crime-quick" / "compare-mean_mil.py-MeanMIL.csv"
    )
    frame = frame[frame["selection"] == "last"]
    assert found.results["mean"].tolist() == pytest.approx(frame["mean"].tolist())
    assert found.differences["other"].tolist() == ["MMIL", "RTFM"] * 2
    gaps = frame.loc[frame["row"] != "Mean MIL", "gap"]
    assert found.differences["difference"].tolist() == pytest.approx((-gaps).tolist())
    assert set(found.classes["definition"]) == {"auc_class", "auc_class_vs_normal"}
    assert {"video", "share_one", "share_other"} <= set(found.videos)
    assert len(found.verdicts) == 2
    assert repr(found).startswith("\n".join(found.verdicts))
    assert f"{100 * frame['mean'].iloc[0]:.2f}" in repr(found)
    assert "<table" in found._repr_html_()
    axis = found.plot().axes[0]
    drawn = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "s"]
    assert drawn == pytest.approx((100 * found.differences["difference"]).tolist())


def test_the_verdict_is_said_first_and_last_around_one_table(
    compared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["render", "compare-mean_mil.py-MeanMIL", "--results", str(compared)]
    assert run(call) == 0
    brief = capsys.readouterr().out.splitlines()
    assert all("): Mean MIL is " in line for line in brief[:2])
    assert brief[-2:] == brief[:2]
    assert sum(line.startswith("┏") for line in brief) == 1
    (named,) = (line for line in brief if "printed with --details" in line)
    assert run([*call, "--details"]) == 0
    whole = capsys.readouterr().out.splitlines()
    assert whole[-2:] == whole[:2] == brief[:2]
    below = named.partition("--details: ")[2].count(", ") + 1
    assert sum(line.startswith("┏") for line in whole) >= 1 + below
    assert set(brief) - {named} <= set(whole)


def test_the_scores_of_a_run_give_its_metric(compared: Path) -> None:
    _, stored = next(benchmark.load_runs(compared).iterrows())
    scores = benchmark.load_scores(stored, compared)
    rows = list(zip(scores["score"], scores["abnormal_frames"], scores["frames"], strict=True))
    ordered = sum(
        abnormal * (frames - other) * ((above > below) + 0.5 * (above == below))
        for above, abnormal, _ in rows
        if abnormal
        for below, other, frames in rows
    )
    pairs = sum(abnormal for _, abnormal, _ in rows) * sum(frames - abnormal for _, abnormal, frames in rows)
    assert ordered / pairs == pytest.approx(stored["auc_frame"])
    assert (scores.groupby("video")["snippet"].max() + 1 == scores.groupby("video").size()).all()
    assert (scores.loc[scores["classes"] == "", "abnormal_frames"] == 0).all()


def test_scores_that_are_not_stored_are_one_line(compared: Path, tmp_path: Path) -> None:
    stored = benchmark.load_runs(compared).iloc[0]
    with pytest.raises(InputError, match="no scores of run"):
        benchmark.load_scores(stored, tmp_path)
    with pytest.raises(InputError, match="no scores of run"):
        benchmark.load_scores(stored.replace({"last": "validation"}), compared)


def test_runs_are_loaded_under_one_selection_with_their_settings(compared: Path) -> None:
    frame = benchmark.load_runs(compared)
    assert len(frame) == 3 * 2 * 2
    assert set(frame["selection"]) == {"last"}
    assert frame["auc_frame"].between(0, 1).all()
    assert set(frame["title"]) == {"Mean MIL", "MMIL", "RTFM"}
    assert set(frame["training.steps"]) == {3}
    assert frame.loc[frame["title"] == "Mean MIL", "config.spoil"].notna().all()
    assert not any(column.startswith("auc_class") for column in frame)
    # A configuration is a method on one training dataset: its rows are its seeds.
    assert frame.groupby("configuration")["seed"].agg(sorted).tolist() == [[0, 1]] * 6
    assert frame.groupby("configuration")[["title", "train_dataset"]].nunique().eq(1).all(axis=None)


def test_the_oracle_s_answer_stands_beside_that_of_the_last_step(compared: Path, tiny_scenes: Path) -> None:
    arguments = ["--method", PLUGIN, "--against", "mmil,rtfm", "--dataset", "scenes-avenue,scenes-ucf-crime", *TINY]
    places = ["--data", str(tiny_scenes), "--results", str(compared), "--executor", "serial", "--tracking", "none"]
    folder, name = compared / "tables" / "scenes-avenue+scenes-ucf-crime-quick", "compare-mean_mil.py-MeanMIL"
    honest = (folder / f"{name}.tex").read_text().splitlines()[2:]
    assert run(["compare", *arguments, "--power", "2", "--selection", "oracle", *places]) == 0
    assert (folder / f"{name}.tex").read_text().splitlines()[2:] == honest
    assert "ORACLE" in (folder / f"{name}-oracle.md").read_text()
    page = (compared / "reports" / f"{name}-scenes-avenue+scenes-ucf-crime-quick-oracle.html").read_text()
    assert "ORACLE selection" in page


def test_controls_and_other_selections_are_loaded_when_asked_for(compared: Path, tmp_path: Path) -> None:
    with_controls = benchmark.load_runs(compared, controls=True)
    assert with_controls["shuffled_labels"].sum() == len(with_controls) - 12 > 0
    assert set(benchmark.load_runs(compared, "oracle")["selection"]) == {"oracle"}
    with pytest.raises(InputError, match="under the selection validation"):
        benchmark.load_runs(compared, "validation")
    with pytest.raises(InputError, match="choose one of last, validation, oracle"):
        benchmark.load_runs(compared, "best")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no run is stored there"):
        benchmark.load_runs(tmp_path)


def test_class_wise_values_are_rows_of_the_same_runs(compared: Path) -> None:
    runs, classes = benchmark.load_runs(compared), benchmark.load_class_wise(compared)
    assert set(classes["run_key"]) == set(runs["run_key"])
    assert set(classes["definition"]) == {"auc_class", "auc_class_vs_normal"}
    assert not classes.duplicated(["run_key", "eval_dataset", "class", "definition"]).any()
    assert classes["auc"].between(0, 1).all()


def test_a_failed_run_is_an_error_of_a_notebook(tiny_scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^failed: Mean MIL on scenes-avenue, seed 0: MethodError: loss became nan at step 2"
    ):
        benchmark.compare(
            PLUGIN,
            ["mmil"],
            ["scenes-avenue"],
            seeds=1,
            settings=["spoil=nan", "steps=3", "batch_size=2"],
            data=tiny_scenes,
            results=tmp_path,
            executor="serial",
        )


def test_the_interface_brings_no_torch_until_it_is_used() -> None:
    code = (
        "import sys, benchmark; assert 'torch' not in sys.modules; benchmark.load_runs; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        benchmark.nothing  # noqa: B018
