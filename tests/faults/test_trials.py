"""One trial of each kind; `make fault-trials` does hundreds."""

from pathlib import Path

import pytest

from tests.faults.disturbances import KINDS
from tests.faults.trials import Report, run_trials, summary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to look for processes"),
]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    return {report.kind: report for report in run_trials(KINDS, 0, 2, tmp_path_factory.mktemp("trials"))}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_and_one_more_call_completes_the_table(kind: str, reports: dict[str, Report]) -> None:
    assert reports[kind].faults() == []


def test_most_signals_came_while_the_call_was_alive(reports: dict[str, Report]) -> None:
    assert sum(report.delivered > 0 for report in reports.values()) > len(KINDS) / 2


def test_the_summary_counts_what_was_found() -> None:
    kind = next(iter(KINDS))
    found = [Report(0, kind, "train, serial", 1, lost=["a", "b"], false=["c"]), Report(1, kind, "train, local", 2)]
    for line in (summary(found).splitlines()[1], summary(found).splitlines()[-1]):
        assert line.split()[-6:] == ["2", "3", "2", "0", "1", "0"]
