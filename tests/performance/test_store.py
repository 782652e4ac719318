"""A run store with 10,000 runs: only what is needed is read."""

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.runs.table_plan import TablePlan
from tests.performance.large_store import make_large_results

RUNS, FEW = 10_000, 300


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A large store, or a small one where nothing is measured."""
    measured = not request.config.getoption("benchmark_disable")
    return make_large_results(tmp_path_factory.mktemp("results"), RUNS if measured else FEW)


def plan(results: Results, table: str) -> TablePlan:
    (found,) = results.plans(table)
    return found


@pytest.mark.benchmark(group="wvad status of 10,000 runs, all planned")
def test_status(benchmark: BenchmarkFixture, results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.extra_info.update(kind="seconds", aim="≤ 1 s")
    assert benchmark.pedantic(run, (["status", "--results", str(results.root)],), rounds=5, warmup_rounds=1) == 0
    said = capsys.readouterr().out
    assert plan(results, "sweep-rtfm").run_keys()[-1] in said


@pytest.mark.benchmark(group="wvad status table4 among 10,000 runs")
def test_status_of_a_table(benchmark: BenchmarkFixture, results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.extra_info.update(kind="seconds", aim="≤ 1 s")
    command = ["status", "table4", "--results", str(results.root)]
    assert benchmark.pedantic(run, (command,), rounds=5, warmup_rounds=1) == 0
    said = capsys.readouterr().out
    assert plan(results, "table4").run_keys()[-1] in said
    assert plan(results, "sweep-rtfm").run_keys()[-1] not in said


@pytest.mark.benchmark(group="wvad render table4 among 10,000 runs")
def test_render(benchmark: BenchmarkFixture, results: Results) -> None:
    benchmark.extra_info.update(kind="seconds", aim="≤ 1 s")
    # The first call compares the rows, which takes as long as bootstraps do, and keeps what it found.
    command = ["render", "table4", "--results", str(results.root)]
    assert benchmark.pedantic(run, (command,), rounds=5, warmup_rounds=1) == 0
    (path,) = Path(results.root).glob("tables/*/table4.csv")
    assert len(path.read_text().splitlines()) > 2 * 3 * 3
