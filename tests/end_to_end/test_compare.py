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
        (["--method", "mmil", "--against", ""], "unknown method "),
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


def test_a_notebook_gets_the_same_from_the_stored_runs(compared: Path, tiny_scenes: Path) -> None:
    before = RunStore(compared / "runs").keys()
    found = benchmark.compare(
        PLUGIN,
        ["mmil", "rtfm"],
        ["scenes-avenue", "scenes-ucf-crime"],
        seeds=2,
        settings=["steps=3", "batch_size=2", "training.looks=1"],
        data=tiny_scenes,
        results=compared,
        executor="serial",
    )
    assert set(RunStore(compared / "runs").keys()) - set(before) == set()
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


def test_runs_are_loaded_with_their_metrics(compared: Path, tmp_path: Path) -> None:
    frame = benchmark.load_runs(compared)
    last = frame[(frame["selection"] == "last") & ~frame["shuffled_labels"]]
    assert len(last) == 3 * 2 * 2
    assert last["auc_frame"].between(0, 1).all()
    assert set(last["title"]) == {"Mean MIL", "MMIL", "RTFM"}
    with pytest.raises(InputError, match="no run is stored there"):
        benchmark.load_runs(tmp_path)


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
