"""Speed of training on a GPU at the paper's size, on simulated features; needs no network and no MLflow.

    make bench-gpu            or: python -m tests.performance.gpu [--steps 50] [--folder DIR]

Prints for RTFM and CLAV+CoMo at UCF-Crime's shape, UR-DMU and VadCLIP at ShanghaiTech's, and each arithmetic: time of a
step, operations per second, how busy the GPU is, its memory, and the time of 15,000 steps; then how much longer five
seeds of MMIL take side by side.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

import torch

from benchmark.datasets.dataset import Dataset
from benchmark.execution.paper_scale import count_run
from benchmark.execution.rehearsal import Rehearsal, rehearse, write_simulated
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from benchmark.terms import Benchmark, Numerics
from benchmark.training.choices import Choices
from benchmark.training.numerics import use_float32
from benchmark.training.specification import plan_runs

STEPS = 15_000
SEEDS = 5
GPU = torch.device("cuda")
METHODS: tuple[tuple[str, Benchmark], ...] = (
    ("rtfm", "ucf-crime"),
    ("clav", "ucf-crime"),
    ("ur-dmu", "shanghaitech"),  # with 200 and 256 segments a video, UCF-Crime would be 13 GB on disk
    ("vadclip", "shanghaitech"),
)


def measure(method: str, benchmark: Benchmark, settings: tuple[str, ...], steps: int, folder: Path) -> Rehearsal:
    """Rehearse a method on the GPU; the simulated features are written once for all methods of the same T."""
    pipeline = find_pipeline(method)
    options = Choices(profile="paper", seeds=1, settings=settings, device="cuda")
    run = count_run(pipeline, benchmark, settings)
    assert run is not None
    segments = resolve_recipe(pipeline, benchmark, "paper", settings)[0].training().segments
    probe = folder / f"{benchmark}-{segments}"
    if not probe.exists():
        probe.mkdir()
        write_simulated(benchmark, segments, probe)
    dataset = Dataset(probe)
    (spec,), _ = plan_runs(pipeline, dataset, options)
    torch.cuda.reset_peak_memory_stats()
    return rehearse(pipeline, run, spec, dataset, GPU, steps, None, lambda done, total: None)


def busy(method: str, benchmark: Benchmark, numerics: str, folder: Path) -> float:
    """Return the share of the wall time of ten steps in which the GPU computes."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        measured = measure(method, benchmark, (f"training.numerics={numerics}",), 10, folder)
    events = [event for event in profile.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    # Of all kernels, those of the measured steps: loading copies, and scoring is small beside them.
    kernels = sum(event.device_time for event in events if "Memcpy" not in event.name) / 1e6
    return min(1.0, kernels / sum(measured.steps))


def side_by_side(count: int, folder: Path) -> float:
    """Return the seconds that so many trainings of MMIL take at the same time, each a process of its own."""
    code = (
        "from pathlib import Path; from tests.performance.gpu import measure;"
        f"measure('mmil', 'shanghaitech', (), 1000, Path({str(folder)!r}))"
    )
    started = time.monotonic()
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(count)]
    assert [process.wait() for process in processes] == [0] * count
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="where the features are written; 2 GB")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("bench-gpu: PyTorch finds no GPU here")
    use_float32()
    print(torch.cuda.get_device_name())
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        for method, benchmark in METHODS:
            for numerics in get_args(Numerics):
                measured = measure(method, benchmark, (f"training.numerics={numerics}",), options.steps, folder)
                print(
                    f"{method}, {benchmark}, {numerics}: {1e3 * measured.step:.1f} ms a step, "
                    f"{measured.rate / 1e12:.0f} TFLOP/s, GPU busy {busy(method, benchmark, numerics, folder):.0%}, "
                    f"{measured.memory / 2**30:.1f} GiB, loading {measured.loading:.1f} s, "
                    f"{STEPS:,} steps {STEPS * measured.step / 60:.1f} min",
                    flush=True,
                )
        one = side_by_side(1, folder)
        many = side_by_side(SEEDS, folder)
        print(f"mmil, ShanghaiTech, 1,000 steps: one {one:.1f} s, {SEEDS} side by side {many:.1f} s, {many / one:.2f}x")


if __name__ == "__main__":
    main()
