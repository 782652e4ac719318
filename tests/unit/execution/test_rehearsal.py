"""The paper's experiments at their true size: what is counted, simulated and told."""

import re
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import run
from benchmark.datasets.dataset import Dataset
from benchmark.execution.paper_scale import SHAPES, PaperRun, Shape, count_run, paper_runs
from benchmark.execution.rehearsal import Rehearsal, write_simulated
from benchmark.plugins.pipelines import find_pipeline
from benchmark.tables.declaration import choose_rows, read_table


def test_operations_of_mmil_are_those_of_its_three_layers() -> None:
    counted = count_run(find_pipeline("mmil"), "ucf-crime")
    assert counted is not None
    weights = 2048 * 512 + 512 * 32 + 32
    rows = 2 * 30 * 10 * 32  # videos of both labels, crops, segments
    forward, backward = 2 * rows * weights, 2 * 2 * rows * weights
    unneeded = 2 * rows * 2048 * 512  # no gradient of the features themselves
    assert counted.step_flops == pytest.approx(forward + backward - unneeded, rel=0.01)
    assert counted.snippet_flops == 10 * 2 * weights
    assert counted.flops == counted.steps * counted.step_flops + 69_634 * counted.snippet_flops


def test_settings_of_a_row_count() -> None:
    whole, half = (count_run(find_pipeline("mmil"), "xd-violence", (f"training.batch_size={n}",)) for n in (8, 4))
    assert whole is not None
    assert half is not None
    assert whole.step_flops == 2 * half.step_flops


def test_a_table_has_a_run_for_each_row_that_trains_step_by_step_and_each_benchmark() -> None:
    runs = paper_runs(read_table("table4"))
    assert [(run.method, run.benchmark) for run in runs] == [
        (method, benchmark) for method in ("rtfm", "clav") for benchmark in ("ucf-crime", "xd-violence", "shanghaitech")
    ]
    (few,) = choose_rows([read_table("table1")], ["openness", "binary-svm", "smil", "mmil"])
    assert {run.method for run in paper_runs(few)} == {"smil", "mmil"}


def test_a_batch_has_the_crops_and_the_classes_that_a_run_has() -> None:
    drawn, one = (
        count_run(find_pipeline("hl-net"), "xd-violence", (f"crops={crops}",)) for crops in ("one-at-random", "1")
    )
    assert drawn is not None
    assert one is not None
    assert drawn.step_flops == one.step_flops
    assert count_run(find_pipeline("pel4vad"), "shanghaitech") is None  # it sees classes, and looks at values


def test_a_simulated_dataset_has_the_true_numbers_of_videos(tmp_path: Path) -> None:
    write_simulated("avenue", 4, tmp_path)
    dataset = Dataset(tmp_path)
    train = dataset.manifest.split("train")
    assert [sum(v.label == label for v in train) for label in (0, 1)] == [13, 17]
    assert {(v.rows, v.unit) for v in train} == {(4, "segments")}
    assert {(v.label, len(v.classes)) for v in train} == {(0, 0), (1, 1)}
    for video in dataset.manifest.videos:
        assert np.isfinite(dataset.features(video)).all()
    assert (dataset.manifest.crops, dataset.manifest.dim) == (SHAPES["avenue"].crops, SHAPES["avenue"].dim)


def test_what_a_run_will_take_is_told_from_what_was_measured() -> None:
    shape: Shape = SHAPES["avenue"]
    measured = Rehearsal(PaperRun("m", (), "avenue", 100, 6, 2, shape.test_snippets), 3.0, (2.0, 1.0, 4.0), 0.1, 0.5, 1)
    assert (measured.step, measured.rate) == (2.0, 3.0)
    assert measured.seconds == 3.0 + 100 * 2.0 + shape.test_snippets * 0.5
    twice = PaperRun("n", (), "avenue", 200, 6, 4, shape.test_snippets)
    assert measured.expect(twice) == pytest.approx(2 * measured.seconds)


def test_the_command_says_what_tables_would_take_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace.json"
    options = ["--method", "mmil", "--steps", "1", "--tables", "table4,table5", "--trace", str(trace)]
    assert (
        run(["rehearse", "avenue", *options, "--set", "training.batch_size=4", "--data", str(tmp_path / "data")]) == 0
    )
    said = capsys.readouterr().out
    assert "mmil on avenue: 30 training videos, 10 crops, T = 32, D = 2048, float32, one CPU thread" in said
    assert "table4 at the paper's size: 6 runs x 5 seeds" in said
    assert re.search(r"together: 12 distinct runs x 5 seeds; \S+ \S+ on 1, \S+ \S+ on 8, \S+ \S+ on 64 such CPU", said)
    assert trace.stat().st_size > 1000
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--method", "binary-svm"], "does not train step by step"),
        (["--tables", "table9"], "unknown table table9"),
        (["--set", "training.stesp=3"], "none of these methods has such a setting"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(
    arguments: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rehearse", "avenue", *arguments, "--data", str(tmp_path)]) == 2
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
