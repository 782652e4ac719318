"""What is said of how long an extraction will take."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cli.videos.on_the_way import say_forecast
from benchmark.extraction.workers.forecast import Forecast, Survey, foresee
from benchmark.system.amounts import duration

UCF = Forecast(snippets=860_000, silent=0, each=5.6, crops=10, on_gpu=False, workers=1)


def said(forecast: Forecast, capsys: pytest.CaptureFixture[str], fewer_crops: str = "--crops one") -> list[str]:
    say_forecast(forecast, fewer_crops)
    return capsys.readouterr().out.splitlines()


def test_all_of_ucf_crime_in_ten_crops_is_56_days_of_a_core(capsys: pytest.CaptureFixture[str]) -> None:
    first, advice = said(UCF, capsys)
    assert (
        first
        == "About 860,000 snippets of 10 crops, at 5.6 s each as measured on the first: about 55.7 days on 1 core."
    )
    assert "a GPU or fewer crops (--crops one) would shorten it" in advice
    assert "fewer crops" not in said(UCF, capsys, "")[1]
    assert "a GPU would shorten it" in said(replace(UCF, crops=1), capsys)[1]


def test_cores_share_the_work_and_those_of_one_gpu_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(replace(UCF, workers=64), capsys)[0].endswith("about 20.9 h on 64 cores.")
    on_gpu = said(replace(UCF, workers=64, each=0.05, on_gpu=True), capsys)
    assert on_gpu[0].endswith("about 11.9 h on the GPU.")
    assert "That is long: fewer crops (--crops one) would shorten it." in on_gpu[1]


def test_short_work_is_not_worth_a_line_and_motion_no_advice(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(replace(UCF, snippets=1), capsys) == []
    assert len(said(replace(UCF, snippets=100), capsys)) == 1
    assert len(said(replace(UCF, crops=0), capsys)) == 1


def test_videos_that_state_no_length_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    found = Survey({"a": 3, "b": 40}, 2.0, 5, on_gpu=False)
    forecast = foresee(found, 4, 8)
    assert forecast is not None
    assert (forecast.snippets, forecast.silent, forecast.workers, forecast.seconds) == (43, 2, 4, 43 * 2.0 / 4)
    assert (
        "43 snippets of 5 crops in the videos that state a length, which 2 do not, at 2 s" in said(forecast, capsys)[0]
    )
    assert foresee(replace(found, seconds=None), 4, 8) is None


@given(st.floats(0, 1e9))
def test_a_duration_is_in_the_largest_unit_that_there_are_two_of(seconds: float) -> None:
    number, unit = duration(seconds).split()
    length = {"s": 1, "min": 60, "h": 3600, "days": 86400}[unit]
    assert abs(float(number) * length - seconds) <= 0.0501 * length
    assert unit == "s" or seconds >= 2 * length
    larger = {"s": 60, "min": 3600, "h": 86400, "days": float("inf")}[unit]
    assert seconds < 2 * larger
