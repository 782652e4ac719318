"""The command that measures what the paper's experiments would cost on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import err, say
from benchmark.system.amounts import duration

if TYPE_CHECKING:
    from benchmark.execution.rehearsal import Rehearsal
    from benchmark.tables.declaration import TableDeclaration
    from benchmark.terms import Training

PLACES = (1, 8, 64)
"""Numbers of GPUs, or CPU threads, that the cost of several tables is told for."""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(rehearse)


def rehearse(
    benchmark: Annotated[terms.PublicBenchmark, typer.Argument(help="Train at the size of this benchmark.")],
    method: Annotated[str, typer.Option(help="Train this method, named as METHOD[@PRESET][+ADD-ON...].")] = "rtfm",
    steps: Annotated[int, typer.Option(min=1, max=10_000, help="Measure this many steps.")] = 3,
    tables: Annotated[str, typer.Option(help="Say the cost of these tables, joined by commas, or of all.")] = "table4",
    device: options.Device = "auto",
    settings: options.Settings = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write a trace of the steps by torch.profiler to this file.")
    ] = None,
    data: options.Data = None,
) -> None:
    """Train a recipe at the paper's size on simulated features, and say what tables would cost here."""
    import torch

    from benchmark.datasets.catalog import data_root
    from benchmark.datasets.dataset import Dataset
    from benchmark.execution.display import counting
    from benchmark.execution.paper_scale import count_run
    from benchmark.execution.rehearsal import rehearse as run_rehearsal
    from benchmark.execution.rehearsal import write_simulated
    from benchmark.plugins.pipelines import find_pipeline
    from benchmark.plugins.recipes import resolve_recipe
    from benchmark.system.errors import InputError
    from benchmark.system.files import writing_to
    from benchmark.tables.declaration import list_paper_tables, read_table
    from benchmark.training.choices import Choices, choose_device
    from benchmark.training.numerics import use_float32
    from benchmark.training.requirements import check_overrides
    from benchmark.training.specification import plan_runs

    pipeline = find_pipeline(method)
    declared = [read_table(name) for name in (list_paper_tables() if tables == "all" else options.split(tables))]
    chosen = choose_device(device)
    overrides = tuple(settings or ())
    recipe, _ = resolve_recipe(pipeline, benchmark, "paper", overrides)
    run = count_run(pipeline, benchmark, overrides)
    if run is None:
        raise InputError(
            f"{method}: does not train step by step, so there is nothing to rehearse; choose another --method"
        )
    root = data_root(data)
    with writing_to(root, "--data"):
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".rehearsal-", dir=root) as name:
            write_simulated(benchmark, recipe.training().segments, Path(name))
            dataset = Dataset(Path(name))
            specs, used = plan_runs(pipeline, dataset, Choices(profile="paper", seeds=1, settings=overrides))
            check_overrides(overrides, used, [pipeline])
            torch.set_num_threads(1)
            use_float32()
            with counting(f"rehearsing {method} on {benchmark}", err) as progress:
                measured = run_rehearsal(pipeline, run, specs[0], dataset, torch.device(chosen), steps, trace, progress)
    _say_measured(measured, chosen, specs[0].training)
    for table in declared:
        _say_table(measured, table)
    if len(declared) > 1:
        _say_together(measured, declared, chosen)


def _say_measured(measured: Rehearsal, device: str, training: Training) -> None:
    from benchmark.execution.paper_scale import SHAPES

    run, shape = measured.run, SHAPES[measured.run.benchmark]
    videos = shape.normal + shape.abnormal
    say(
        f"{run.method} on {run.benchmark}: {videos:,} training videos, {shape.crops} crops, T = {training.segments}, "
        f"D = {shape.dim}, {training.numerics}, one {_place(device)}"
    )
    say(f"  loading the training videos: {duration(measured.loading)}; peak memory {measured.memory / 2**30:.1f} GiB")
    say(
        f"  a step: {measured.step:.3g} s (of {len(measured.steps)}), {run.step_flops / 1e9:,.0f} GFLOP, so "
        f"{measured.rate / 1e9:,.0f} GFLOP/s; of it the batch {measured.batches:.3g} s"
    )
    say(f"  scoring {run.scored_snippets:,} snippets: {duration(run.scored_snippets * measured.scoring)}")
    say(f"  the whole run, {run.steps:,} steps: {duration(measured.seconds)}")


def _say_table(measured: Rehearsal, table: TableDeclaration) -> None:
    from benchmark.execution.paper_scale import paper_runs
    from benchmark.training.choices import SEEDS

    runs = paper_runs(table)
    seeds = SEEDS["paper"]
    seconds = seeds * sum(measured.expect(run) for run in runs)
    say(
        f"{table.name} at the paper's size: {len(runs)} runs x {seeds} seeds, {duration(seconds)} one after another; "
        "other methods taken to compute at the same rate"
    )


def _say_together(measured: Rehearsal, tables: Sequence[TableDeclaration], device: str) -> None:
    from benchmark.execution.forecast import makespan
    from benchmark.execution.paper_scale import paper_runs
    from benchmark.training.choices import SEEDS

    runs = {run for table in tables for run in paper_runs(table)}
    seeds = SEEDS["paper"]
    seconds = seeds * [measured.expect(run) for run in runs]
    times = ", ".join(f"{duration(makespan(seconds, places))} on {places}" for places in PLACES)
    say(f"together: {len(runs)} distinct runs x {seeds} seeds; {times} such {_place(device)}s")


def _place(device: str) -> str:
    return "CPU thread" if device == "cpu" else "GPU"
