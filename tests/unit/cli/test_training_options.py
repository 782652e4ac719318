"""The options that all commands have that train: read, checked against each other, and passed on."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import pytest
import torch
import typer

from benchmark.cli import whole_command
from benchmark.cli.quantities import parse_gpus, parse_size, parse_time
from benchmark.cli.training_options import takes_choices
from benchmark.datasets.dataset import Dataset
from benchmark.execution.executors import Resources
from benchmark.execution.executors.choice import choose_executor
from benchmark.execution.executors.local import LocalExecutor
from benchmark.plugins.pipelines import find_pipeline
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices
from benchmark.training.specification import make_job, plan_runs

COMMANDS = ("reproduce", "train", "compare", "sweep")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("0.5s", 0.5), ("10m", 600), ("1.5H", 5400), (" 2h ", 7200)]
)
def test_times_are_seconds(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("500", 500), ("1K", 1024), ("500M", 500 * 1024**2), ("1.5g", 3 * 2**29), ("2T", 2**41)]
)
def test_sizes_are_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-5", "1e3", "nan", "inf", "5 x", "5d", "s", "9999h", "9" * 18])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write seconds above 0"):
        parse_time(text)


@pytest.mark.parametrize("text", ["", "0", "0.5", "-1G", "1GB", "nan", "G", "1025T"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write bytes"):
        parse_size(text)


def test_a_run_takes_a_part_of_a_gpu_or_whole_ones() -> None:
    assert [parse_gpus(text) for text in ("0.25", "1", "2", "2.0")] == [0.25, 1, 2, 2]
    for text in ("0", "1.5", "nan", "-1", "1K"):
        with pytest.raises(typer.BadParameter, match="a share of a GPU"):
            parse_gpus(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_the_same_options_beside_its_own(name: str) -> None:
    given = [parameter.name for parameter in whole_command().commands[name].params]  # type: ignore[attr-defined]
    shared = {field.name for field in fields(Choices)}
    assert len(given) == len(set(given))
    assert set(given) > shared
    assert "choices" not in given


def test_a_command_takes_its_own_options_and_the_shared_ones_as_one() -> None:
    taken: list[object] = []
    small = typer.Typer()

    @small.command()
    @takes_choices
    def do(choices: Choices, what: str, often: Annotated[int, typer.Option()] = 1) -> None:
        taken.extend([choices, what, often])

    given = ["it", "--often", "2", "--timeout", "2m", "--memory", "1K", "--executor", "ray", "--address", "auto"]
    small(args=[*given, "--set", "a=1", "--set", "b=2"], standalone_mode=False)
    expected = Choices(timeout=120.0, memory=1024, executor="ray", address="auto", settings=("a=1", "b=2"))
    assert taken == [expected, "it", 2]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"address": "auto"}, "--address auto: only --executor ray and --executor slurm have one"),
        ({"address": "auto", "executor": "local"}, "--address auto"),
        ({"address": "auto", "executor": "serial"}, "--address auto"),
        ({"memory": 5, "executor": "serial"}, "--memory: --executor serial cannot limit it"),
        ({"gpus_per_run": 2.0}, "--gpus-per-run 2: on this machine"),
        ({"gpus_per_run": 0.5, "executor": "serial"}, "--gpus-per-run 0.5: --executor serial"),
    ],
)
def test_an_option_without_effect_is_refused_at_once(choices: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Choices(**choices)  # type: ignore[arg-type]


def test_a_share_of_a_gpu_is_refused_on_a_cpu() -> None:
    with pytest.raises(InputError, match=r"--gpus-per-run 0\.25: the runs go to a CPU; give --device cuda"):
        Choices(gpus_per_run=0.25, executor="ray", device="cpu").place  # noqa: B018


def test_a_gpu_elsewhere_needs_none_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for executor in ("ray", "slurm", "somebodys"):
        choices = Choices(device="cuda", executor=executor, address="there", workers=3, gpus_per_run=0.25)
        assert choices.place == "cuda"
        assert Resources.of(choices) == Resources(3, "cuda", 0.25, "there")
        assert Choices(executor=executor).place == "cpu"
    for executor in (None, "serial", "local"):
        with pytest.raises(InputError, match="--device cuda: PyTorch finds no GPU here"):
            Choices(device="cuda", executor=executor).place  # noqa: B018


def test_limits_reach_the_jobs_and_stay_out_of_the_keys(tiny_scenes: Path) -> None:
    dataset, pipeline = Dataset(tiny_scenes / "scenes-avenue"), find_pipeline("mmil")
    limited, free = Choices(timeout=60.0, memory=1 << 30), Choices()
    specs, _ = plan_runs(pipeline, dataset, limited)
    job = make_job(specs[0], pipeline, dataset, [dataset], limited)
    assert (job.timeout, job.memory) == (60.0, 1 << 30)
    assert [spec.key for spec in plan_runs(pipeline, dataset, free)[0]] == [spec.key for spec in specs]


def test_a_run_of_limited_memory_gets_a_process_even_on_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert not isinstance(choose_executor(Choices()), LocalExecutor)
    assert isinstance(choose_executor(Choices(memory=1 << 30)), LocalExecutor)
