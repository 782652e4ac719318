"""What an import is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from benchmark.terms import Benchmark, Layout, Metric, RowUnit, TestTail


@dataclass(frozen=True)
class ImportRequest:
    """What to import, and under which name.

    Attributes
    ----------
    name
        Name of the dataset.
    features
        Folder of the feature files, or one that holds them in `features/`.
    annotations
        Main annotation file, or the folder of the annotation files; None: found in or beside the features.
    benchmark
        None: the dataset's name if it is a benchmark's, else ``other``.
    feature_set
        Identity of the features: an id, or a file that states one; None: what `feature_set.json` beside the
        features states, else the dataset's name, so that no feature space is taken to be shared.
    layout
        ``auto``: found by looking.
    stride
        Number of frames from one row to the next; None: what the feature set states, else 16.
    fps
        Frames a second; None: those of the benchmark, else not known.
    lists
        Lists of the feature files: they choose what is imported, and say the split where annotations do not.
    motion, objects
        Folders of the pseudo-labels; None: `motion/` and `objects/` beside the features folder, if they are
        there.
    missing
        File that names annotated videos without features.
    metric
        None: average precision for XD-Violence, else ROC AUC.
    train_unit
        What a row of a training video is; ``auto``: found by looking.
    train_segments
        Store training videos as so many segments; None: as they come.
    tail
        What the last snippet stands for where a test video's frames do not fill it.
    split_seed
        Seed of the split where there is no official one (Avenue).
    follow_links
        Whether links may lead out of the features folder.
    replace
        Whether to replace a dataset of that name.
    """

    name: str
    features: Path
    annotations: Path | None = None
    benchmark: Benchmark | None = None
    feature_set: str | None = None
    layout: Literal["auto", Layout] = "auto"
    stride: int | None = None
    fps: float | None = None
    lists: tuple[Path, ...] = ()
    motion: Path | None = None
    objects: Path | None = None
    missing: Path | None = None
    metric: Metric | None = None
    train_unit: Literal["auto", RowUnit] = "auto"
    train_segments: int | None = None
    tail: TestTail = "cut"
    split_seed: int = 0
    follow_links: bool = False
    replace: bool = False

    @property
    def of_benchmark(self) -> Benchmark:
        """The benchmark that the videos belong to."""
        known: tuple[Benchmark, ...] = get_args(Benchmark)
        named: Benchmark = known[known.index(self.name)] if self.name in known else "other"
        return self.benchmark or named
