"""What the figures of a line-up are drawn from: stored scores, curves and records, each read once."""

from __future__ import annotations

import hashlib
from functools import cached_property
from io import BytesIO
from pathlib import Path

import pandas as pd

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.records import Evaluation, RunRecord
from benchmark.runs.store import RunStore
from benchmark.system.amounts import count
from benchmark.system.files import read_regular
from benchmark.tables.line_ups import Contender, LineUp
from benchmark.tables.projections import stored_projections
from reports.figures.style import Colours, Palette
from reports.tables.captions import SIMULATED, fallback_sentences, selection_sentence, share


class Evidence:
    """A line-up with its stored runs.

    Parameters
    ----------
    line_up
        With the contenders to show.
    palette
        The colours of all methods.
    """

    def __init__(self, line_up: LineUp, store: RunStore, palette: Palette) -> None:
        self.line_up = line_up
        self.store = store
        self.colours: Colours = palette.colours(line_up.contenders)

    @cached_property
    def scores(self) -> dict[Contender, list[ScoredVideos]]:
        """Scored test videos of each contender, one per seed; a contender without those of a seed is left out."""
        found = {}
        for contender in self.line_up.contenders:
            seeds = [self.store.read_scores(run, key) for run, key in contender.seeds]
            whole = [scored for scored in seeds if scored is not None]
            if len(whole) == len(seeds):
                found[contender] = whole
        return found

    def without_scores(self) -> tuple[str, ...]:
        """Say which contenders are left out of what scores show."""
        missing = [contender.label for contender in self.line_up.contenders if contender not in self.scores]
        return (f"Left out, as stored scores are missing or damaged: {', '.join(missing)}.",) if missing else ()

    @cached_property
    def records(self) -> dict[Contender, list[RunRecord]]:
        """Records of each contender's runs, one per seed."""
        records = {c: [self.store.record(run) for run, _ in c.seeds] for c in self.line_up.contenders}
        return {c: [r for r in found if r is not None] for c, found in records.items()}

    def evaluations(self, contender: Contender) -> list[Evaluation]:
        """Return the evaluations of a contender, one per seed."""
        found = [self.store.evaluation(run, key) for run, key in contender.seeds]
        return [evaluation for evaluation in found if evaluation is not None]

    def losses(self, contender: Contender) -> list[pd.DataFrame]:
        """Return the loss terms over the steps of a contender's runs, a table per seed that can be read."""
        return [
            frame for run, _ in contender.seeds if (frame := _read(self.store.folder(run) / "losses.csv")) is not None
        ]

    def content(self) -> tuple[object, ...]:
        """Return all that figures are drawn from, as its `repr` says it: scores and losses by their sums."""
        seeds = [seed for contender in self.line_up.contenders for seed in contender.seeds]
        losses = [_content(self.store.folder(run) / "losses.csv") for run, _ in seeds]
        return (
            self.line_up,
            self.colours,
            self.records,
            [self.store.evaluation(run, key) for run, key in seeds],
            [content and hashlib.sha256(content).hexdigest() for content in losses],
            self.store.events(self.line_up.dataset.test_hash),
            stored_projections(self.line_up, self.store),
        )

    def about(self, selected: bool = True) -> tuple[str, ...]:
        """Say what the figures rest on: data, profile, seeds, fallbacks, and the selection where one counts."""
        line_up, data = self.line_up, self.line_up.dataset
        seeds = sorted({len(contender.seeds) for contender in line_up.contenders})
        trained = [record for found in self.records.values() for record in found if not record.spec.imported]
        looks = sorted({len(record.looks) for record in trained})
        crops = sorted({record.spec.training.crops_of(data.crops) for record in trained})
        holdout = f", {share(line_up.holdout)} of the training videos held out" if line_up.holdout else ""
        changed = f", changed settings {', '.join(line_up.overrides)}" if line_up.overrides else ""
        runs = f"{'/'.join(map(str, seeds))} seed{'' if seeds == [1] else 's'}"
        fallbacks = [(d, c.label) for c, found in self.records.items() for r in found for d in r.deviations]
        return (
            f"{data.name} ({data.feature_set}, {count(data.test_videos, 'test video')}), profile {line_up.profile}, "
            f"{runs}, {'/'.join(map(str, crops)) or 'unknown'} of {data.crops} crops"
            f"{holdout}{changed}.",
            *((selection_sentence(line_up.selection, looks, line_up.holdout),) if selected else ()),
            *((SIMULATED,) if data.simulated else ()),
            *fallback_sentences(fallbacks),
        )


def _content(path: Path) -> bytes | None:
    try:
        return read_regular(path)
    except OSError:  # absent, or nobody may read it
        return None


def _read(path: Path) -> pd.DataFrame | None:
    try:
        frame = pd.read_csv(BytesIO(_content(path) or b""), dtype=float)
    except ValueError:  # absent or damaged
        return None
    return frame if {"step", "loss"} <= set(frame.columns) and len(frame) else None
