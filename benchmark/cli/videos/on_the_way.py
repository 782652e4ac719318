"""What is said of an extraction on its way: how long it will take, and what is odd about a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.cli.common import err, say
from benchmark.system.amounts import count, duration

if TYPE_CHECKING:
    from benchmark.extraction.one_video import Outcome
    from benchmark.extraction.workers.forecast import Forecast

_WORTH_SAYING, _LONG = 10, 6 * 3600
"""Seconds from which on an extraction is forecast, and from which on there is advice."""


def say_forecast(forecast: Forecast, fewer_crops: str = "") -> None:
    """Say how long an extraction will take, if that is worth a line, and what would shorten a long one.

    Parameters
    ----------
    fewer_crops
        The option that has fewer crops encoded; empty where there is none.
    """
    if forecast.seconds < _WORTH_SAYING:
        return
    crops = f" of {forecast.crops} crops" if forecast.crops > 1 else ""
    silent = f" in the videos that state a length, which {forecast.silent} do not" if forecast.silent else ""
    place = "the GPU" if forecast.on_gpu else count(forecast.workers, "core")
    say(
        f"About {forecast.snippets:,} snippets{crops}{silent}, at {forecast.each:.2g} s each as measured on the first: "
        f"about {duration(forecast.seconds)} on {place}."
    )
    shorter = [] if forecast.on_gpu or not forecast.crops else ["a GPU"]
    shorter += [f"fewer crops ({fewer_crops})"] if fewer_crops and forecast.crops > 1 else []
    if forecast.seconds >= _LONG and shorter:
        say(f"That is long: {' or '.join(shorter)} would shorten it. What is finished is kept, whenever it is stopped.")


def say_warning(outcome: Outcome) -> None:
    """Say what is odd about a video that was extracted, if anything is."""
    if outcome.warning:
        err.print(f"warning: {outcome.warning}", style="yellow", soft_wrap=True)
