"""The events of test sets, kept with the runs that are tested there: tables are filled without the datasets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.datasets.manifest import Manifest, read_manifest
from benchmark.datasets.official import frame_rate
from benchmark.runs.records import AnnotatedEvents
from benchmark.runs.store import RunStore
from benchmark.system.files import writing_to


def keep_events(datasets: Iterable[Path], store: RunStore) -> None:
    """Keep the events of some datasets' test videos, where they are not as they are stored.

    Raises
    ------
    InputError
        If a manifest cannot be read or the run store cannot be written.
    """
    for path in sorted(set(datasets)):
        events = read_events(read_manifest(path))
        if store.events(events.test_hash) != events:
            with writing_to(store.root, "--results"):
                store.write_events(events)


def read_events(manifest: Manifest) -> AnnotatedEvents:
    """Return the events of a dataset's test videos, and their frame rate."""
    rate = frame_rate(manifest)
    return AnnotatedEvents(
        test_hash=manifest.test_hash(),
        fps=rate.fps,
        assumed=rate.assumed,
        intervals={video.name: video.intervals for video in manifest.split("test") if video.intervals},
    )
