"""Extraction: from videos to the files that an import reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.video_names import video_name
from benchmark.extraction.folder import ExtractionFolder, finished_in, write_identity
from benchmark.extraction.instruments import Instruments
from benchmark.extraction.motion import fastest, write_motion
from benchmark.extraction.one_video import Outcome
from benchmark.extraction.settings import ExtractionRequest, MotionScale
from benchmark.extraction.video_naming import find_video
from benchmark.extraction.workers.forecast import Forecast, Survey, foresee
from benchmark.extraction.workers.processes import extract_videos
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError
from benchmark.system.near_names import did_you_mean
from benchmark.system.text_files import and_more, read_lines

SCALED = 1.0
"""Motion up to which an import takes it for scaled already."""


@dataclass(frozen=True)
class Extraction:
    """How an extraction ended.

    Attributes
    ----------
    outcomes
        How each video ended that was not finished before.
    finished_before
        Number of videos that were.
    motion_scale
        What motion was scaled by; None where it is in pixels per frame or was not measured.
    looks_scaled
        Whether motion is in pixels per frame, but so slow that an import would take it for scaled already.
    """

    folder: ExtractionFolder
    outcomes: tuple[Outcome, ...]
    finished_before: int
    motion_scale: MotionScale | None
    looks_scaled: bool

    @property
    def failed(self) -> int:
        """Number of videos that could not be extracted."""
        return sum(bool(outcome.reason) for outcome in self.outcomes)


def extract(
    videos: Mapping[str, Path],
    request: ExtractionRequest,
    out: Path,
    *,
    training: Path | None = None,
    workers: int = 1,
    replace: bool = False,
    expected: Callable[[Forecast], None] = lambda forecast: None,
    progress: Progress = lambda done, total: None,
    ended: Callable[[Outcome], None] = lambda outcome: None,
) -> Extraction:
    """Extract videos into a folder, several side by side; one that cannot be extracted does not stop the others.

    Parameters
    ----------
    videos
        Files, or folders of frames, by the videos' names.
    training
        File with the names of the training videos, one a line, to scale motion by; None to leave it in pixels per
        frame.
    workers
        How many videos at the same time.
    replace
        Whether results that are there are removed first.
    expected
        Called, before much is done, with how long it will take.
    progress
        Called with the number of snippets that are done and that are to do, by what the videos promise.
    ended
        Called with how each video ended, as it ends.

    Raises
    ------
    InputError
        If the request cannot be met whatever the videos, or does not fit the results that are there.
    """
    instruments = Instruments.of(request)
    if training is not None and instruments.motion is None:
        raise InputError(f"--train {training}: scales motion, which is not asked for; give --motion, or leave it out")
    known = [*videos] if replace or training is None else [*videos, *finished_in(out)]
    names = None if training is None else _read_training(training, known)
    folder = ExtractionFolder(out, instruments.settings(), replace=replace)
    to_do = {name: path for name, path in videos.items() if not folder.is_finished(name)}
    outcomes = []
    tally = _Tally(dict.fromkeys(to_do, 1), progress)

    def surveyed(found: Survey) -> None:
        tally.expect(found.snippets)
        if forecast := foresee(found, len(to_do), workers):
            expected(forecast)

    for outcome in extract_videos(to_do, request, out, workers, surveyed=surveyed, advanced=tally.advance):
        if not outcome.reason:
            folder.finish(outcome.name, outcome.frames)
        outcomes.append(outcome)
        ended(outcome)
        tally.finish(outcome.name)
    scale = None
    if instruments.motion is not None:
        scale = write_motion(folder, names)
        folder.write_record(scale)
    write_identity(folder)
    slow = instruments.motion is not None and scale is None and 0 < fastest(folder) <= SCALED
    return Extraction(folder, tuple(outcomes), len(videos) - len(to_do), scale, slow)


class _Tally:
    """Counts snippets as they are measured, of those that the videos promise."""

    def __init__(self, promised: dict[str, int], progress: Progress) -> None:
        self._promised, self._progress = promised, progress
        self._measured = dict.fromkeys(promised, 0)
        self._finished: set[str] = set()
        self._say()

    def expect(self, promised: Mapping[str, int]) -> None:
        self._promised.update(promised)
        self._say()

    def advance(self, name: str, snippets: int) -> None:
        self._measured[name] += snippets
        self._say()

    def finish(self, name: str) -> None:
        self._finished.add(name)
        self._say()

    def _say(self) -> None:
        done = (
            promised if name in self._finished else min(self._measured[name], promised)
            for name, promised in self._promised.items()
        )
        self._progress(sum(done), sum(self._promised.values()))


def _read_training(path: Path, known: Sequence[str]) -> list[str]:
    entries = [line for _, line in read_lines(path)]
    if not entries:
        raise InputError(f"{path}: no names of training videos, one a line")
    names = {entry: find_video(entry, known) for entry in entries}
    if unknown := [entry for entry, name in names.items() if name is None]:
        raise InputError(f"{path}: {and_more(unknown)}: there is no such video{_hint(video_name(unknown[0]), known)}")
    return list(dict.fromkeys(name for name in names.values() if name is not None))


def _hint(name: str, known: Sequence[str]) -> str:
    """Return what to do about a name that no video has."""
    if longer := [each for each in known if each.endswith(f"_{name}")]:
        return f"; videos with folders in their names are {and_more(longer)}: write one of these"
    return did_you_mean(name, known) or "; take it off the list"
