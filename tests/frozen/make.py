"""Write the frozen results that the rendering tests read, and the golden files. By hand, when a record's schema or the
look of a table changes; then read the differences:

python -m tests.frozen.make
"""

import shutil
import tempfile
from pathlib import Path

from benchmark.runs.records import Evaluation, Failure, Look, evaluation_key
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedDataset, PlannedRow, TablePlan
from benchmark.system.files import write_atomically
from benchmark.terms import Training
from tests.frozen.make_golden import make_golden
from tests.records import make_record

FOLDER = Path(__file__).parent
DATASETS = {"cameras": ("auc_frame", "i3d"), "films": ("ap_frame", "i3d"), "tracks": ("auc_frame", "tracks-128")}
CHANCE = {"cameras": 0.5, "films": 0.23, "tracks": 0.5}
TITLES = {"rtfm": "RTFM", "clav": "CLAV+CoMo"}
# method, trained on -> tested on -> the primary metric of each seed, under `last`
VALUES = {
    ("rtfm", "cameras"): {"cameras": [0.8448, 0.84, 0.85], "films": [0.37, 0.36, 0.38]},
    ("rtfm", "films"): {"cameras": [0.45, 0.47, 0.46], "films": [0.7662, 0.75, 0.77]},
    ("rtfm", "tracks"): {"tracks": [0.7, 0.7, 0.7]},
    ("clav", "cameras"): {"cameras": [0.8607, 0.87, None], "films": [0.4674, 0.45, None]},
    ("clav", "films"): {"cameras": [0.6989, 0.71, 0.70], "films": [0.8131, 0.80, 0.82]},
    ("clav", "tracks"): {"tracks": [None, None, None]},
}


def spec_of(method: str, dataset: str, seed: int) -> RunSpec:
    return RunSpec(
        method=method,
        version=1,
        config={},
        training=Training(steps=200, looks=10, crops=1),
        inputs={},
        profile="quick",
        holdout=0.0,
        train_hash=f"train part of {dataset}",
        seed=seed,
        title=TITLES[method],
        dataset=dataset,
        benchmark="other",
        feature_set=DATASETS[dataset][1],
    )


def main() -> None:
    shutil.rmtree(FOLDER / "runs", ignore_errors=True)
    store = RunStore(FOLDER / "runs")
    for (method, dataset), by_target in VALUES.items():
        for seed in range(3):
            spec = spec_of(method, dataset, seed)
            values = {target: seeds[seed] for target, seeds in by_target.items()}
            if None in values.values():
                if dataset == "cameras":
                    reason = "MethodError: loss became nan at step 17"
                    store.write_failure(Failure(key=spec.key, spec=spec, reason=reason, traceback="", failed="2026"))
                continue
            write_run(store, spec, values)
    shutil.rmtree(FOLDER / "runs" / "staging")
    write_atomically(FOLDER / "table4.plan.json", plan().model_dump_json(indent=1) + "\n")
    with tempfile.TemporaryDirectory() as scratch:
        make_golden(Path(scratch))


def write_run(store: RunStore, spec: RunSpec, values: dict[str, float]) -> None:
    with store.stage(spec) as folder:
        (folder / "spec.json").unlink()
        (folder / "evaluations").mkdir()
        record = make_record(
            spec,
            looks=tuple(Look(step=step, test=0.5) for step in range(20, 201, 20)),
            selected={"last": 200, "oracle": 140},
            oracle_test_hash=f"test part of {spec.dataset}",
            deviations=("DEV-INT-DIFF",) if spec.method == "clav" and spec.dataset == "cameras" else (),
            finished="2026-01-01T00:00:00+00:00",
        )
        (folder / "record.json").write_text(record.model_dump_json() + "\n", encoding="utf-8")
    for target, value in values.items():
        for selection, gain, step in (("last", 0.0, 200), ("oracle", 0.01, 140)):
            test_hash = f"test part of {target}"
            key = evaluation_key(spec.key, selection, test_hash)
            store.write_evaluation(
                Evaluation(
                    key=key,
                    run_key=spec.key,
                    selection=selection,
                    step=step,
                    dataset=target,
                    test_hash=test_hash,
                    metric=DATASETS[target][0],
                    metrics={DATASETS[target][0]: value + gain},
                    chance=CHANCE[target],
                    finished="2026-01-01T00:00:00.000+00:00",
                )
            )
            # A number counts with its scores alone; none is drawn from these.
            (store.folder(spec.key) / "evaluations" / f"{key}.npz").touch()


def plan() -> TablePlan:
    rows = [
        PlannedRow(
            label=TITLES[method],
            method=method,
            paper=None,
            runs={name: tuple(spec_of(method, name, seed).key for seed in range(3)) for name in DATASETS},
        )
        for method in TITLES
    ]
    datasets = [
        PlannedDataset(
            name=name,
            benchmark="other",
            metric=metric,
            feature_set=feature_set,
            crops=2,
            test_hash=f"test part of {name}",
            test_videos=10,
            missing=4 if name == "films" else 0,
            simulated=False,
        )
        for name, (metric, feature_set) in DATASETS.items()
    ]
    return TablePlan(
        table="table4",
        title="Cross-dataset generalisation",
        folder="cameras+films+tracks-quick",
        profile="quick",
        seeds=3,
        holdout=0.0,
        overrides=(),
        command="wvad reproduce table4 --datasets cameras,films,tracks",
        datasets=tuple(datasets),
        rows=tuple(rows),
    )


if __name__ == "__main__":
    main()
