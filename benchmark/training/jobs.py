"""A job: one run trained unless it is stored, and evaluated where it is not yet."""

from __future__ import annotations

import csv
import datetime
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import pair_with_labels
from benchmark.datasets.manifest import Manifest
from benchmark.datasets.pseudo_labels import DEVIATIONS
from benchmark.metrics.frame import test_metrics
from benchmark.plugins.pipelines import Pipeline
from benchmark.runs.checksums import is_intact
from benchmark.runs.records import Evaluation, Failure, RunRecord, describe_environment, evaluation_key
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.score_files import chance_level
from benchmark.runs.store import RunStore
from benchmark.system.errors import NOT_THEIRS, RunTimeoutError, describe
from benchmark.system.process import is_out_of_memory, time_limit
from benchmark.terms import Benchmark, Cached, Selection, Trouble
from benchmark.training.loop import Trained, train
from benchmark.training.numerics import use_float32
from benchmark.training.scoring import Scores, score_videos
from benchmark.training.trained_methods import load_trained


@dataclass(frozen=True)
class Job:
    """A run to train and the datasets to evaluate it on; small enough to be sent to another process.

    Attributes
    ----------
    timeout
        Seconds that it may take; None for as long as it needs.
    memory
        Bytes that it may take beyond what the libraries do, where the executor can limit it; None for what there is.
    """

    spec: RunSpec
    pipeline: Pipeline
    dataset: Path
    evaluate_on: tuple[Path, ...]
    runs: Path
    device: str
    cached: Cached = "use"
    timeout: float | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    job: Job
    status: Literal["ok"] | Trouble
    trained: bool = False
    seconds: float = 0.0
    reason: str = ""


def distinct_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Merge the jobs of one run, of rows, tables or datasets that share it, and order them by seed."""
    found: dict[str, Job] = {}
    for job in jobs:
        known = found.setdefault(job.spec.key, job)
        found[job.spec.key] = replace(known, evaluate_on=tuple(dict.fromkeys(known.evaluate_on + job.evaluate_on)))
    return sorted(found.values(), key=lambda job: job.spec.seed)


def perform(job: Job, report: Callable[[int, float], None]) -> Outcome:
    """Do a job. A failure of the method is recorded in the run store and returned, never raised.

    Parameters
    ----------
    report
        Called now and then with the training step and the loss.
    """
    store = RunStore(job.runs)
    use_float32()
    try:
        with time_limit(job.timeout):
            record = stored_run(job)
            trained = record is None
            if record is None:
                record = _train(job, store, report)
            _evaluate(job, record, store)
    except RunTimeoutError:
        return record_timeout(job)
    except NOT_THEIRS:
        raise
    except BaseException as error:  # a plug-in may call sys.exit, and raise anything
        status: Trouble = "out-of-memory" if is_out_of_memory(error) else "failed"
        return record_failure(job, describe(error), traceback.format_exc(), status)
    store.clear_failure(job.spec.key)
    return Outcome(job, "ok", trained, record.seconds)


def stored_run(job: Job) -> RunRecord | None:
    """Return the record of a job's run where it is stored, with sound weights, and not to be trained again."""
    store = RunStore(job.runs)
    record = store.record(job.spec.key)
    if record is None or job.cached == "refresh":
        return None
    names = {f"weights/{step}.safetensors" for step in record.selected.values()}
    sound = job.cached == "only" or all(is_intact(store.folder(record.key), name) for name in names)
    return record if sound else None


def record_timeout(job: Job) -> Outcome:
    """Record in the run store that a job has used up its time."""
    return record_failure(job, f"took longer than {job.timeout:g} s (--timeout)", status="timeout")


def record_failure(job: Job, reason: str, details: str = "", status: Trouble = "failed") -> Outcome:
    """Record in the run store that a job did not succeed, and why."""
    reason = " ".join(reason.split())
    failure = Failure(key=job.spec.key, spec=job.spec, status=status, reason=reason, traceback=details, failed=now())
    with suppress(OSError):  # a full disk: the outcome says it all the same
        RunStore(job.runs).write_failure(failure)
    return Outcome(job, status, reason=reason)


@dataclass(frozen=True)
class Tested:
    """What an evaluation depends on of the dataset that it is on."""

    hash: str
    benchmark: Benchmark

    @classmethod
    def of(cls, manifest: Manifest) -> Tested:
        """Return that of a dataset."""
        return cls(manifest.test_hash(), manifest.benchmark)


def is_complete(job: Job, tests: Mapping[Path, Tested]) -> bool:
    """Return whether the job's run and all its evaluations are stored.

    Parameters
    ----------
    tests
        Test part of every dataset that the job names.
    """
    store = RunStore(job.runs)
    record = store.record(job.spec.key)
    return record is not None and all(
        _is_evaluated(record.key, selection, tests[path], store)
        for path in job.evaluate_on
        for selection in record.selections(tests[job.dataset].hash)
    )


def _is_evaluated(run_key: str, selection: Selection, test: Tested, store: RunStore) -> bool:
    """Return whether an evaluation is stored that was made when the dataset was of the same benchmark as it is now."""
    found = store.evaluation(run_key, evaluation_key(run_key, selection, test.hash))
    return found is not None and found.benchmark in (None, test.benchmark)


def _train(job: Job, store: RunStore, report: Callable[[int, float], None]) -> RunRecord:
    dataset = Dataset(job.dataset)
    replace = store.record(job.spec.key) is not None  # to be refreshed, or damaged
    with store.stage(job.spec, replace) as folder:
        result = train(job.spec, job.pipeline, dataset, torch.device(job.device), report)
        _write_curves(folder / "losses.csv", result.losses)
        (folder / "weights").mkdir()
        for step, state in result.weights.items():
            # Not `save_file`: it gives the file to this user alone, whatever mode files here have.
            (folder / "weights" / f"{step}.safetensors").write_bytes(save(state))
        record = _record(job, result, dataset)
        (folder / "record.json").write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return record


def _record(job: Job, result: Trained, dataset: Dataset) -> RunRecord:
    features = result.features
    deviations = [DEVIATIONS[pair] for pair in job.spec.inputs.items() if pair in DEVIATIONS]
    return RunRecord(
        key=job.spec.key,
        spec=job.spec,
        looks=result.looks,
        selected=result.selected,
        oracle_test_hash=dataset.manifest.test_hash() if "oracle" in result.selected else None,
        deviations=tuple(deviations),
        dim=features.dim,
        object_classes=features.object_classes,
        parameters=result.parameters,
        seconds=round(result.seconds, 3),
        finished=now(),
        environment=describe_environment(job.device),
        peak_memory=result.peak_memory,
        notes=result.notes,
        classes=features.classes,
        class_vector_dim=0 if features.class_vectors is None else features.class_vectors.shape[1],
        parts=dict(features.parts),
        patch_grids=features.patch_grids,
    )


def _evaluate(job: Job, record: RunRecord, store: RunStore) -> None:
    """Evaluate every selection on every dataset of the job, scoring the same weights once."""
    selections = record.selections(Dataset(job.dataset).manifest.test_hash())
    for path in job.evaluate_on:
        dataset = Dataset(path)
        test = Tested.of(dataset.manifest)
        scores_of_step: dict[int, tuple[Scores, float]] = {}
        for selection in selections:
            step = record.selected[selection]
            if job.cached != "refresh" and _is_evaluated(record.key, selection, test, store):
                continue
            if step not in scores_of_step:
                scores_of_step[step] = _score(job, record, step, dataset, store)
            scores, speed = scores_of_step[step]
            evaluate_scores(record.key, selection, step, scores, dataset, store, speed)


def evaluate_scores(
    run_key: str,
    selection: Selection,
    step: int,
    scores: Scores,
    dataset: Dataset,
    store: RunStore,
    snippets_per_second: float | None = None,
) -> None:
    """Store the scores of a dataset's test videos, and after them their metrics, with the run that they are of."""
    metric, test_hash = dataset.manifest.metric, dataset.manifest.test_hash()
    key = evaluation_key(run_key, selection, test_hash)
    scored = pair_with_labels(dataset.manifest, scores)
    store.write_scores(run_key, key, scored)
    store.write_evaluation(
        Evaluation(
            key=key,
            run_key=run_key,
            selection=selection,
            step=step,
            dataset=dataset.name,
            test_hash=test_hash,
            metric=metric,
            metrics=test_metrics(scored),
            chance=chance_level(metric, scored),
            finished=now(),
            benchmark=dataset.manifest.benchmark,
            snippets_per_second=snippets_per_second,
        )
    )


def _score(job: Job, record: RunRecord, step: int, dataset: Dataset, store: RunStore) -> tuple[Scores, float]:
    """Score a dataset's test videos; return how many snippets a second took, too."""
    device = torch.device(job.device)
    model = load_trained(record, step, job.pipeline, store, device, dataset.manifest.benchmark)
    started = time.perf_counter()
    scores = score_videos(model, dataset, dataset.manifest.split("test"), record.spec.training, device)
    return scores, sum(map(len, scores.values())) / (time.perf_counter() - started)


def _write_curves(path: Path, losses: Mapping[str, NDArray[np.float64]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *losses])
        writer.writerows([step, *row] for step, row in enumerate(zip(*losses.values(), strict=True), start=1))


def now() -> str:
    """Return the time, as records state it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
