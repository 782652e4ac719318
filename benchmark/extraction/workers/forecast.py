"""How long an extraction will take: the snippets that its videos promise, and the time of the first one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmark.extraction.instruments import Instrument, Instruments
from benchmark.system.errors import InputError

_TRIES = 2


@dataclass(frozen=True)
class Survey:
    """What is known of videos before they are extracted.

    Attributes
    ----------
    snippets
        How many each promises; without those that promise none, or cannot be opened.
    seconds
        What a snippet takes a worker; None if no video gave one.
    crops
        Of the features; 0 if there are none.
    on_gpu
        Whether a GPU encodes them.
    """

    snippets: Mapping[str, int]
    seconds: float | None
    crops: int
    on_gpu: bool


@dataclass(frozen=True)
class Forecast:
    """How long an extraction is expected to take.

    Attributes
    ----------
    snippets
        How many the videos promise.
    silent
        Number of videos that promise none.
    each
        Seconds of a snippet.
    crops, on_gpu
        See `Survey`.
    workers
        Videos extracted side by side.
    """

    snippets: int
    silent: int
    each: float
    crops: int
    on_gpu: bool
    workers: int

    @property
    def seconds(self) -> float:
        """Of all snippets; workers that share a GPU are taken for one."""
        return self.snippets * self.each / (1 if self.on_gpu else self.workers)


def survey(videos: Iterable[tuple[str, Path]], instruments: Instruments) -> Survey:
    """Read how many snippets videos promise, and measure the first one of the first video that has one."""
    snippets: dict[str, int] = {}
    seconds = None
    for name, path in videos:
        try:
            promised = instruments.open(path).promised_snippets
        except InputError:  # it will be said when the video's turn comes
            continue
        if promised:
            snippets[name] = promised
            seconds = seconds or _time_snippet(path, instruments)
    features = instruments.features
    return Survey(snippets, seconds, features.crops if features else 0, features is not None and features.on_gpu)


def foresee(found: Survey, videos: int, workers: int) -> Forecast | None:
    """Return how long videos will take, `workers` side by side; None where nothing is known."""
    if found.seconds is None:
        return None
    return Forecast(
        snippets=sum(found.snippets.values()),
        silent=videos - len(found.snippets),
        each=found.seconds,
        crops=found.crops,
        on_gpu=found.on_gpu,
        workers=min(workers, videos),
    )


def _time_snippet(path: Path, instruments: Instruments) -> float | None:
    """Measure the first snippet of a video, but only one of its crops where a CPU takes one after another."""
    features, started = instruments.features, time.perf_counter()
    try:
        frames = next(iter(instruments.open(path)), None)
        if frames is None:
            return None
        prepared = instruments.prepare(frames)
        seconds = time.perf_counter() - started
        for instrument, seen in zip(instruments, prepared, strict=True):
            one_crop = instrument is features and not features.on_gpu
            given, share = ([seen[:, :1]], seen.shape[1]) if one_crop else ([seen] * instrument.together, 1)
            seconds += min(_time(instrument, given) for _ in range(_TRIES)) * share / len(given)
    except Exception:  # it will be said when the video's turn comes
        return None
    return seconds


def _time(instrument: Instrument, prepared: Sequence[NDArray[Any]]) -> float:
    started = time.perf_counter()
    instrument.measure(prepared)
    return time.perf_counter() - started
