"""A report on 200 runs of 25 methods: made from what is stored, small enough to send, and quick to open."""

import re
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from tests.chromium import PATIENCE, needs_chromium, open_browser, playwright
from tests.wide_store import Size, make_wide_results

METHODS, SEEDS = 25, 2
# As large as the test sets of three of the scenes and of ucf-captions.
SIZES = (
    *(Size("street", 8, 5, 70), Size("films", 13, 4, 66), Size("campus", 6, 9, 50)),
    Size("captions", 13, 11, 242),
)
MOST_BYTES = 8_000_000
PAINTED = """() => new Promise((done) => new PerformanceObserver((seen) => {
  if (seen.getEntriesByName("first-contentful-paint").length) done(true);
}).observe({ type: "paint", buffered: true }))"""


@pytest.fixture(scope="module")
def methods(request: pytest.FixtureRequest) -> int:
    """How many methods are compared; few where nothing is measured."""
    return 3 if request.config.getoption("benchmark_disable") else METHODS


@pytest.fixture(scope="module")
def results(methods: int, tmp_path_factory: pytest.TempPathFactory) -> Results:
    sizes, seeds = (SIZES, SEEDS) if methods == METHODS else (SIZES[:1], 1)
    return make_wide_results(tmp_path_factory.mktemp("results"), methods, sizes, seeds)


def make_report(results: Results) -> Path:
    """Make the report; no dataset is at hand, so that nothing is embedded."""
    folder = str(results.root)
    command = ["report", "--results", folder, "--data", f"{folder}/none", "--format", "png", "--tracking", "none"]
    assert run(command) == 0
    return results.reports / "report.html"


@pytest.fixture(scope="module")
def report(results: Results) -> Path:
    """Return the report that was measured, or one of which only the opening is."""
    made = results.reports / "report.html"
    return made if made.is_file() else make_report(results)


@pytest.mark.benchmark(group="a report on 200 runs of 25 methods on 4 datasets")
def test_making(benchmark: BenchmarkFixture, results: Results, methods: int) -> None:
    benchmark.extra_info.update(kind="seconds", what="wvad report, 200 runs, nothing compared before", aim="≤ 30 s")
    made = benchmark.pedantic(make_report, (results,), rounds=1)
    assert made.stat().st_size <= MOST_BYTES
    assert len(re.findall('<tr data-method="', made.read_text())) == methods


@needs_chromium
@pytest.mark.benchmark(group="a report on 200 runs in Chromium")
def test_first_paint(benchmark: BenchmarkFixture, report: Path) -> None:
    benchmark.extra_info.update(kind="seconds", what="first paint of the report of 200 runs", aim="≤ 1.5 s")
    with open_browser() as browser:
        opened = benchmark.pedantic(until_painted, (browser, report.as_uri()), rounds=3)
        assert opened.locator("#ranking").is_visible()


def until_painted(browser: "playwright.Browser", address: str) -> "playwright.Page":
    """Open a page, and wait for its first paint with content."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address, wait_until="commit")
    page.evaluate(PAINTED)
    return page
