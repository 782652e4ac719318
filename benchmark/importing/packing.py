"""Writing the packed arrays: several videos at once, in bounded memory, and resumable after a kill."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import write_header
from benchmark.datasets.segments import streamed_segment_mean
from benchmark.importing.import_plan import PlannedVideo
from benchmark.importing.pseudo_label_files import PseudoLabelFiles
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError

JOURNAL = "packed.jsonl"

# So much is written before it is put on the disk for good and noted in the journal.
_SYNC_BYTES = 1 << 28


@dataclass(frozen=True)
class Column:
    """A packed array that is to be written: `NAME.npy`.

    Attributes
    ----------
    shape
        Shape of a row.
    blocks
        Gives a video's rows in any number of blocks, of the column's type; videos are read several at once.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    blocks: Callable[[str], Iterator[NDArray[Any]]]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class PackedVideo:
    """What is known of a video once it has been written.

    Attributes
    ----------
    sha256
        Hash of its rows in all columns, one column after the other.
    features_sha256
        Hash of its rows in the first column alone.
    norm
        Mean Euclidean norm of the features' first crop.
    """

    name: str
    sha256: str
    features_sha256: str
    norm: float


def packed_bytes(columns: Sequence[Column], rows: int) -> int:
    """Return how much room the packed arrays take."""
    return rows * sum(column.row_bytes for column in columns)


def pack(
    folder: Path,
    columns: Sequence[Column],
    rows: Mapping[str, int],
    amounts: Mapping[str, int],
    fingerprint: str,
    workers: int,
    progress: Progress = lambda done, total: None,
) -> dict[str, PackedVideo]:
    """Write the columns into a folder, going on where an earlier call with the same fingerprint was killed.

    Every video has its place in the arrays beforehand, so that workers need not wait for one another, and
    the bytes do not depend on their number.

    Parameters
    ----------
    folder
        An existing folder, which the caller has to itself.
    columns
        The features come first.
    rows
        Video -> its number of rows, in the order that they are stored in.
    amounts
        Video -> what reading it amounts to in bytes, for the progress.
    fingerprint
        Says what is written; what an earlier call with another one left is overwritten.
    workers
        Number of videos that are read side by side.
    progress
        Called with (bytes done, bytes in all), first with what was done before.

    Returns
    -------
    Video -> what is known of it, in the order of `rows`.
    """
    first_rows = dict(zip(rows, accumulate(rows.values(), initial=0), strict=False))
    total = sum(rows.values())
    row_bytes = sum(column.row_bytes for column in columns)
    with ExitStack() as stack:
        journal = stack.enter_context(closing(_Journal(folder / JOURNAL, fingerprint)))
        done = journal.done
        writers = [stack.enter_context(_open(folder / f"{c.name}.npy", c, total, new=not done)) for c in columns]
        files = [file for file, _ in writers]
        stack.callback(journal.flush, files)
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=workers))
        stack.callback(pool.shutdown, cancel_futures=True)

        def write(name: str) -> PackedVideo:
            return _write_video(name, first_rows[name], columns, writers)

        waiting = [pool.submit(write, name) for name in rows if name not in done]
        finished, amount = sum(amounts[name] for name in done), sum(amounts.values())
        progress(finished, amount)
        for future in waiting:  # in order, so that of several faulty videos the first is named
            packed = future.result()
            journal.note(packed, rows[packed.name] * row_bytes, files)
            finished += amounts[packed.name]
            progress(finished, amount)
    return {name: done[name] for name in rows}


def _write_video(
    name: str, first_row: int, columns: Sequence[Column], writers: Sequence[tuple[BinaryIO, int]]
) -> PackedVideo:
    digest, norm, rows, features_sha256 = hashlib.sha256(), 0.0, 0, ""
    for column, (file, start) in zip(columns, writers, strict=True):
        place = start + first_row * column.row_bytes
        for block in column.blocks(name):
            if block.dtype != column.dtype or block.shape[1:] != column.shape:
                raise TypeError(f"block of {block.dtype} {block.shape[1:]} in {column.name}")
            content = np.ascontiguousarray(block).data.cast("B")
            digest.update(content)
            place += _write_at(file, content, place)
            if not features_sha256:
                rows, norm = rows + len(block), norm + _norms(block)
        features_sha256 = features_sha256 or digest.hexdigest()
    return PackedVideo(name, digest.hexdigest(), features_sha256, norm / max(1, rows))


def _norms(features: NDArray[Any]) -> float:
    """Sum the norms of the first crop: all crops cost more than the whole import besides."""
    return float(np.linalg.norm(features[:, 0].astype(np.float32), axis=-1).sum(dtype=np.float64))


def _write_at(file: BinaryIO, content: memoryview, place: int) -> int:
    written = 0
    while written < len(content):
        written += os.pwrite(file.fileno(), content[written:], place + written)
    return written


@contextmanager
def _open(path: Path, column: Column, rows: int, new: bool) -> Iterator[tuple[BinaryIO, int]]:
    """Open a packed array for writing anywhere; gives the file and where its first row begins."""
    with path.open("w+b" if new else "r+b", buffering=0) as file:
        start = write_header(file, (rows, *column.shape), column.dtype)
        file.truncate(start + rows * column.row_bytes)
        yield file, start


class _Journal:
    """Notes what has been written, after it has reached the disk."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.done = _finished(path, fingerprint)
        self._waiting = list(self.done.values())
        self._bytes = 0
        self._file: TextIO = path.open("w", encoding="utf-8")
        self._file.write(json.dumps({"fingerprint": fingerprint}) + "\n")
        self.flush(())

    def note(self, video: PackedVideo, size: int, written: Sequence[BinaryIO]) -> None:
        self.done[video.name] = video
        self._waiting.append(video)
        self._bytes += size
        if self._bytes > _SYNC_BYTES:
            self.flush(written)

    def flush(self, written: Sequence[BinaryIO]) -> None:
        for file in written:
            os.fdatasync(file.fileno())
        self._file.writelines(json.dumps(asdict(video)) + "\n" for video in self._waiting)
        self._file.flush()
        self._waiting, self._bytes = [], 0

    def close(self) -> None:
        self._file.close()


def _finished(path: Path, fingerprint: str) -> dict[str, PackedVideo]:
    """Return the videos that an earlier call has finished; none if it wrote something else."""
    done: dict[str, PackedVideo] = {}
    with suppress(OSError, ValueError, TypeError):  # no journal, or a torn line: what stands before it counts
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(first) == {"fingerprint": fingerprint}:
            for line in lines:
                video = PackedVideo(**json.loads(line))
                done[video.name] = video
    return done


_BLOCK_VALUES = 1 << 21


def dataset_columns(videos: Sequence[PlannedVideo], labels: Sequence[PseudoLabelFiles]) -> list[Column]:
    """Return the columns of a dataset: its features, then its pseudo-labels."""
    planned = {video.name: video for video in videos}
    _, crops, dim = videos[0].files.shape
    features = Column("features", (crops, dim), np.dtype(np.float16), lambda name: feature_blocks(planned[name]))
    return [features, *map(label_column, labels)]


def label_column(labels: PseudoLabelFiles) -> Column:
    """Return the column of a pseudo-label."""
    return Column(labels.what, labels.row_shape, labels.dtype, lambda name: iter([labels.read(name)]))


def feature_blocks(video: PlannedVideo) -> Iterator[NDArray[Any]]:
    """Yield a video's stored rows in blocks, (rows, crops, dim) float16; segments are averaged on the way."""
    rows, crops, dim = video.files.shape
    step = max(1, _BLOCK_VALUES // (crops * dim))
    if not video.averaged:
        yield from video.files.blocks(step, np.float16)
        return
    means = streamed_segment_mean(video.files.blocks(step, np.float32), rows, video.rows).astype(np.float16)
    if not np.isfinite(means).all():
        raise InputError(f"{video.files.place}: values beyond what float16 can hold; scale the features down")
    yield means
