"""A run store with 10,000 runs: what is needed is read, once. Beside it, reading the files of all runs."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.runs.table_plan import TablePlan
from tests.performance.large_store import SEEDS, make_large_results

RUNS, FEW = 10_000, 300
GROUP = "10,000 runs, beside reading their files"
VERIFIED = "wvad store verify of 10,000 runs, beside reading all of their files, with sums"


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A large store, or a small one where nothing is measured."""
    measured = not request.config.getoption("benchmark_disable")
    return make_large_results(tmp_path_factory.mktemp("results"), RUNS if measured else FEW)


def plan(results: Results, table: str) -> TablePlan:
    (found,) = results.plans(table)
    return found


@pytest.mark.benchmark(group=GROUP)
def test_files_alone(benchmark: BenchmarkFixture, results: Results) -> None:
    def read() -> int:
        paths = [*results.runs.glob("*/record.json"), *results.runs.glob("*/evaluations/*.json")]
        return sum("sha256" in json.loads(path.read_bytes()) for path in paths)

    assert benchmark.pedantic(read, rounds=5, warmup_rounds=1) > 0


@pytest.mark.benchmark(group=GROUP)
def test_status(benchmark: BenchmarkFixture, results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.extra_info.update(kind="limit", what="wvad status", aim="≤ 2 × reading the files")
    assert benchmark.pedantic(run, (["status", "--results", str(results.root)],), rounds=5, warmup_rounds=1) == 0
    said = capsys.readouterr().out
    rows = len(plan(results, "sweep-rtfm").rows)
    counted = f"{rows} rows" if benchmark.enabled else plan(results, "sweep-rtfm").rows[-1].label
    runs = rows * SEEDS if benchmark.enabled else SEEDS
    assert [line for line in said.splitlines() if counted in line and f" {runs} " in line]


@pytest.mark.benchmark(group=GROUP)
def test_status_of_a_table(benchmark: BenchmarkFixture, results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.extra_info.update(kind="limit", what="wvad status table4", aim="≤ 0.2 × reading the files")
    command = ["status", "table4", "--results", str(results.root)]
    assert benchmark.pedantic(run, (command,), rounds=5, warmup_rounds=1) == 0
    said = capsys.readouterr().out
    assert plan(results, "table4").run_keys()[-1] in said
    assert plan(results, "sweep-rtfm").run_keys()[-1] not in said


@pytest.mark.benchmark(group=GROUP)
def test_render(benchmark: BenchmarkFixture, results: Results) -> None:
    benchmark.extra_info.update(kind="limit", what="wvad render table4", aim="≤ 0.3 × reading the files")
    # The first call compares the rows, which takes as long as bootstraps do, and keeps what it found.
    command = ["render", "table4", "--results", str(results.root)]
    assert benchmark.pedantic(run, (command,), rounds=5, warmup_rounds=1) == 0
    (path,) = Path(results.root).glob("tables/*/table4.csv")
    assert len(path.read_text().splitlines()) > 2 * 3 * 3


@pytest.mark.benchmark(group=GROUP)
def test_report(benchmark: BenchmarkFixture, results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    if benchmark.disabled:
        pytest.skip("draws all figures of a report: for make bench alone")
    benchmark.extra_info.update(kind="limit", what="wvad report", aim="≤ 10 × reading the files")
    # The first call compares rows and draws figures, and keeps both.
    command = ["report", "--results", str(results.root), "--data", str(results.root), "--tracking", "none"]
    assert benchmark.pedantic(run, (command,), rounds=3, warmup_rounds=1) == 0
    assert f"{len(results.store.keys()):d} runs stored, none missing." in capsys.readouterr().out
    page = (results.reports / "report.html").read_text()
    assert all(row.label in page for row in plan(results, "sweep-rtfm").rows)


def contents(path: Path) -> object:
    """Read a file with its sum, by the library of its form."""
    content = path.read_bytes()
    hashlib.sha256(content)
    if path.suffix == ".npz":
        with np.load(io.BytesIO(content)) as arrays:
            return dict(arrays)
    return json.loads(content) if path.suffix == ".json" else content


@pytest.mark.benchmark(group=VERIFIED)
def test_contents_alone(benchmark: BenchmarkFixture, results: Results) -> None:
    def read() -> int:
        return sum(bool(contents(path)) for path in results.runs.glob("*/**/*") if path.is_file())

    assert benchmark.pedantic(read, rounds=3, warmup_rounds=1) > len(results.store.keys())


@pytest.mark.benchmark(group=VERIFIED)
def test_verify(benchmark: BenchmarkFixture, results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.extra_info.update(kind="limit", aim="≤ 2 × reading all of them")
    command = ["store", "verify", "--results", str(results.root)]
    assert benchmark.pedantic(run, (command,), rounds=3, warmup_rounds=1) == 0
    assert f"{len(results.store.keys())} runs and " in (said := capsys.readouterr().out)
    assert "0 problems" in said
