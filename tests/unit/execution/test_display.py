from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.execution.display import BarDisplay, LineDisplay, run_display
from benchmark.execution.pace import Pace
from benchmark.plugins.pipelines import Pipeline
from benchmark.plugins.registry import MethodPlugin
from benchmark.training.jobs import Job, Outcome
from tests.unit.runs.test_records import spec


def job(seed: int, title: str = "MMIL") -> Job:
    here = Path()
    pipeline = Pipeline(MethodPlugin("mmil", "methods.mmil", "MMIL"))
    return Job(spec(seed=seed, title=title), pipeline, here, (), here, "cpu")


def shown(terminal: bool) -> str:
    """What two runs of three print, the third being stored; the second fails."""
    console = Console(file=StringIO(), force_terminal=terminal, width=120, markup=False)
    pace = Pace([job(seed).spec for seed in (0, 1)], [])
    with run_display(3, 1, console, pace) as display:
        assert isinstance(display, BarDisplay if terminal else LineDisplay)
        for seed in (0, 1):
            display.started(job(seed, "Odd [b]title"))
            display.stepped(job(seed), 100, 0.5)
        display.finished(Outcome(job(0, "Odd [b]title"), "ok", True, 2.0))
        display.finished(Outcome(job(1), "failed", reason="MethodError: loss became nan"))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("terminal", [True, False])
def test_failures_are_said_with_their_reason(terminal: bool) -> None:
    assert "MethodError: loss became nan" in shown(terminal)


def test_a_terminal_gets_bars_and_the_loss() -> None:
    text = shown(terminal=True)
    assert "3/3" in text
    assert "1 stored" in text


def test_a_log_gets_a_line_per_run_and_no_control_characters() -> None:
    text = shown(terminal=False)
    assert "\x1b" not in text
    assert text.splitlines()[0] == "3 runs, 1 of them stored"
    assert text.splitlines()[1].startswith("[2/3] Odd [b]title on ucf-crime, seed 0: 2.0 s; about ")
    assert text.splitlines()[2].startswith("[3/3] MMIL on ucf-crime, seed 1: failed: ")


def test_a_log_says_hours_of_a_long_run_and_nothing_is_left_after_the_last() -> None:
    console = Console(file=StringIO(), width=120, markup=False)
    with run_display(1, 0, console, Pace([job(0).spec], [])) as display:
        display.started(job(0))
        display.finished(Outcome(job(0), "ok", True, 7500.0))
    assert console.file.getvalue().splitlines()[-1] == "[1/1] MMIL on ucf-crime, seed 0: 2.1 h"  # type: ignore[attr-defined]
