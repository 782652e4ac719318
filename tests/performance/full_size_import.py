"""Import a simulated set of UCF-Crime's size and say memory and rate; by hand, it needs tens of gigabytes.

    python -m tests.performance.full_size_import FOLDER [--share 1.0] [--train-segments 32] [--kill-after 20]

Writes the features once (1,610 + 290 videos, 860,000 snippets, 10 crops, 2048 dimensions, float16: 35 GB), imports them
in a process of its own, and copies the files for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmark.datasets.arrays import NpyWriter

CROPS, DIM = 10, 2048
SPLITS = {"train": (1610, 790_000), "test": (290, 70_000)}


def lengths(videos: int, snippets: int) -> np.ndarray:
    """Draw skewed lengths, in snippets, of the given sum: most videos are short, a few take hours."""
    weights = np.random.default_rng(0).lognormal(sigma=1.2, size=videos)
    return np.maximum(1, np.round(weights / weights.sum() * snippets)).astype(int)


def write_set(folder: Path, share: float) -> None:
    """Write features and annotations, unless they are there from an earlier call."""
    if (folder / "annotations.json").exists():
        return
    noise = np.random.default_rng(0).gamma(0.5, size=(512, CROPS, DIM)).astype(np.float16)
    videos = []
    for split, (count, snippets) in SPLITS.items():
        (folder / "features" / split).mkdir(parents=True, exist_ok=True)
        for i, rows in enumerate(lengths(round(count * share), round(snippets * share))):
            name, label = f"{split}{i:04d}", i % 2
            with NpyWriter(folder / "features" / split / f"{name}.npy", (int(rows), CROPS, DIM), np.float16) as file:
                for start in range(0, rows, len(noise)):
                    file.write(noise[: rows - start])
            entry = {"name": name, "split": split, "label": label, "frames": 16 * int(rows)}
            if split == "test" and label:
                entry["intervals"] = [[0, 8 * int(rows)]]
            videos.append(entry)
    (folder / "annotations.json").write_text(json.dumps({"videos": videos}))


def run_import(folder: Path, data: Path, train_segments: int | None, kill_after: float | None) -> None:
    """Import in a process of its own, killed once if asked for, and print time and peak memory."""
    command = [str(Path(sys.executable).with_name("wvad")), "data", "import", "full-size"]
    command += ["--features", str(folder), "--data", str(data)]
    command += ["--train-segments", str(train_segments)] if train_segments else []
    if kill_after:
        process = subprocess.Popen(command)
        time.sleep(kill_after)
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(f"killed after {kill_after:g} s; the same command again:", flush=True)
    started = time.monotonic()
    subprocess.run(command, check=True)
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"import: {seconds:.1f} s, peak memory {peak:.0f} MiB", flush=True)


def rate(path: Path, seconds: float) -> str:
    """Return how much a folder holds, and at which rate it was passed over."""
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return f"{size / 1e9:.1f} GB in {seconds:.1f} s, {size / 1e6 / seconds:.0f} MB/s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--train-segments", type=int)
    parser.add_argument("--kill-after", type=float)
    options = parser.parse_args()
    source, data = options.folder / "source", options.folder / "data"
    started = time.monotonic()
    write_set(source, options.share)
    print("written: " + rate(source, time.monotonic() - started), flush=True)
    forget(source)
    started = time.monotonic()
    run_import(source, data, options.train_segments, options.kill_after)
    print("read: " + rate(source, time.monotonic() - started), flush=True)
    shutil.rmtree(data)
    forget(source)
    started = time.monotonic()
    subprocess.run(["cp", "-r", source / "features", options.folder / "copy"], check=True)
    os.sync()
    print("copied: " + rate(source, time.monotonic() - started), flush=True)
    shutil.rmtree(options.folder / "copy")


def forget(folder: Path) -> None:
    """Drop the files of a folder from the page cache, so that reading them means the disk."""
    os.sync()
    for path in folder.rglob("*.npy"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
