"""A results folder with made-up runs: scores, looks and loss curves of several methods, without any training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.frame import test_metrics as metrics_of
from benchmark.runs.records import AnnotatedEvents, Evaluation, Look, evaluation_key
from benchmark.runs.results_folder import Results
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.score_files import chance_level
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedDataset, PlannedRow, TablePlan
from benchmark.terms import Training
from tests.records import make_record

SKILLS = {"rtfm": 0.3, "clav": 0.8}
LABELS = {"rtfm": "RTFM", "clav": "CLAV+CoMo", "mmil": "MMIL"}
CLASSES = ("Arson", "Assault", "Abuse")
NORMAL, SNIPPETS = 6, 10
# Videos of each class.
COUNTS = {"Arson": 4, "Assault": 3, "Abuse": 1}
TEST_HASH = "test part of cameras"


def draw_scores(
    seed: int, skill: float, counts: Mapping[str, int] = COUNTS, normal: int = NORMAL, snippets: int = SNIPPETS
) -> ScoredVideos:
    """Scores better than chance by `skill`; the same videos and labels for every seed."""
    classes = [(name,) for name, count in counts.items() for _ in range(count)] + [()] * normal
    labels = np.array([int(bool(names)) for names in classes])
    truth = np.random.default_rng(5)
    positive = np.zeros((len(classes), snippets), dtype=np.int64)
    for video in np.flatnonzero(labels):
        start = int(truth.integers(0, snippets - 4))
        positive[video, start : start + 3] = (7, 16, 16)
    noise = np.random.default_rng(seed).random(positive.shape)
    return ScoredVideos(
        scores=(0.5 * noise + 0.5 * skill * (positive > 0)).ravel().clip(0, 1),
        positive=positive.ravel(),
        negative=16 - positive.ravel(),
        video=np.repeat(np.arange(len(classes)), snippets),
        labels=labels,
        classes=tuple(classes),
        names=tuple(f"{''.join(names) or 'Normal'}_{i:03}" for i, names in enumerate(classes)),
    )


def events_of(scored: ScoredVideos, test_hash: str = TEST_HASH) -> AnnotatedEvents:
    """The events of drawn scores, and a frame rate at which the test set has two and a half hours."""
    positive = scored.positive.reshape(len(scored.names), -1)
    found = {
        name: ((16 * int(start) + 9, 16 * int(start) + 48),)
        for name, counts in zip(scored.names, positive, strict=True)
        for start in np.flatnonzero(counts == 7)
    }
    return AnnotatedEvents(test_hash=test_hash, fps=0.2, assumed=True, intervals=found)


def spec_of(method: str, seed: int, dataset: str = "cameras", steps: int = 40) -> RunSpec:
    return RunSpec(
        method=method,
        version=1,
        config={},
        training=Training(steps=steps, looks=2, crops=1),
        inputs={},
        profile="quick",
        holdout=0.0,
        train_hash=f"train part of {dataset}",
        seed=seed,
        title=LABELS.get(method, method),
        dataset=dataset,
        benchmark="other",
        feature_set="i3d",
    )


def store_run(
    store: RunStore, spec: RunSpec, scored: ScoredVideos, looks: Sequence[Look] = (), test_hash: str = TEST_HASH
) -> None:
    """Store a run that was tested on the dataset that it was trained on, under `last` and the oracle."""
    with store.stage(spec) as folder:
        curve = [f"{step},{2 / step},{1.5 / step},{0.5 / step}" for step in range(1, spec.training.steps + 1)]
        (folder / "losses.csv").write_text("\n".join(["step,loss,mil,smooth", *curve]) + "\n")
        (folder / "evaluations").mkdir()
        record = make_record(
            spec,
            looks=tuple(looks),
            selected={"last": spec.training.steps, **({"oracle": 20} if looks else {})},
            oracle_test_hash=test_hash if looks else None,
            finished="2026-01-01T00:00:00+00:00",
        )
        (folder / "record.json").write_text(record.model_dump_json())
    for selection, step in record.selected.items():
        key = evaluation_key(spec.key, selection, test_hash)
        store.write_scores(spec.key, key, scored)
        store.write_evaluation(
            Evaluation(
                key=key,
                run_key=spec.key,
                selection=selection,
                step=step,
                dataset=spec.dataset,
                test_hash=test_hash,
                metric="auc_frame",
                metrics=metrics_of(scored),
                chance=chance_level("auc_frame", scored),
                finished="2026-01-01T00:00:00+00:00",
            )
        )


def dataset_of(scored: ScoredVideos, name: str = "cameras", test_hash: str = TEST_HASH) -> PlannedDataset:
    return PlannedDataset(
        name=name,
        benchmark="other",
        metric="auc_frame",
        feature_set="i3d",
        crops=2,
        test_hash=test_hash,
        test_videos=len(scored.names),
        missing=0,
        simulated=False,
    )


def plan_of(dataset: PlannedDataset, methods: Sequence[str], seeds: int, table: str = "table1") -> TablePlan:
    return TablePlan(
        table=table,
        title="Methods compared",
        protocol="in-domain",
        folder=f"{dataset.name}-quick",
        profile="quick",
        seeds=seeds,
        holdout=0.0,
        overrides=(),
        command="wvad reproduce table1",
        datasets=(dataset,),
        rows=tuple(
            PlannedRow(
                label=LABELS.get(method, method),
                method=method,
                against=LABELS.get(methods[0], methods[0]),
                paper=None,
                runs={dataset.name: tuple(spec_of(method, seed, dataset.name).key for seed in range(seeds))},
            )
            for method in methods
        ),
    )


def make_results(
    root: Path, seeds: int = 3, counts: Mapping[str, int] = COUNTS, looks: bool = True, stored: bool = True
) -> Results:
    """Make a results folder with one planned table of two methods."""
    results = Results(root)
    plan = plan_of(dataset_of(draw_scores(0, 0, counts)), list(SKILLS), seeds)
    results.write_invocation(plan)
    store = RunStore(results.runs)
    store.prepare()
    store.write_events(events_of(draw_scores(0, 0, counts)))
    if not stored:
        return results
    for method, skill in SKILLS.items():
        for seed in range(seeds):
            scored = draw_scores(100 * len(method) + ord(method[0]) + seed, skill, counts)
            auc = metrics_of(scored)["auc_frame"]
            judged = [Look(step=20, test=min(1.0, (auc or 0) + 0.02)), Look(step=40, test=auc)] if looks else []
            store_run(store, spec_of(method, seed), scored, judged)
    return results


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
