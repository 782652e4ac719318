"""Where a scorer comes from: a stored run, an archive of one, or weights from elsewhere."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import torch

from benchmark.api import Method
from benchmark.datasets.catalog import open_dataset
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.official import frame_rate
from benchmark.metrics.events import RATES
from benchmark.metrics.smoothing import moving_mean
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
from benchmark.prediction.scorer import AlarmChoice, RunFeatures, Scorer, Threshold
from benchmark.runs.archive import import_archive
from benchmark.runs.finding import find_run, find_run_of_method
from benchmark.runs.records import ChosenThresholds, RunRecord
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.runs.trained_on import TrainedOn, read_trained_on, write_trained_on
from benchmark.system.entry_points import list_plugins
from benchmark.system.errors import InputError
from benchmark.system.near_names import find_alike
from benchmark.terms import Selection
from benchmark.training.elsewhere.weights import build_with_weights
from benchmark.training.numerics import use_float32
from benchmark.training.scoring import score_videos
from benchmark.training.specification import find_pipeline_of, was_trained_on
from benchmark.training.thresholds import choose_thresholds, held_out_normal, thresholds_of
from benchmark.training.trained_methods import load_trained

ARCHIVE = ".zip"


def open_scorer(
    what: str, results: Results, data: Path, choice: AlarmChoice, selection: Selection = "last", device: str = "cpu"
) -> Scorer:
    """Open a stored run by its key or its method, or the one run of an archive.

    Parameters
    ----------
    what
        First digits of a key, a method's name or title, or the path of an archive.
    data
        Folder of the datasets; that of the run is asked there for its features and its held-out videos, else what is
        kept beside the run.

    Raises
    ------
    InputError
        If there is no such run, its weights are missing or damaged, or it is not known what it was trained on.
    """
    if not what.lower().endswith(ARCHIVE):
        return _of_run(find_stored(results.store, what), results.store, data, choice, selection, device)
    with tempfile.TemporaryDirectory(prefix="wvad-") as folder:
        inside = Results(Path(folder))
        import_archive(inside, Path(what), lambda done, total: None)
        keys = inside.store.keys()
        if len(keys) != 1:
            raise InputError(f"{what}: holds {len(keys)} runs; `wvad store export FILE --run KEY` writes one")
        record = find_run(inside.store, keys[0])
        check_registered(what, record)
        return _of_run(record, inside.store, data, choice, selection, device)


def check_registered(archive: str, record: RunRecord) -> None:
    """Refuse a run whose method is a file: what an archive names is not looked for on this machine's disk.

    Raises
    ------
    InputError
        If it is.
    """
    spec = record.spec
    known = {*list_plugins(MethodPlugin), *list_plugins(AddOnPlugin)}
    if unknown := [name for name in (spec.method, *(add_on.name for add_on in spec.add_ons)) if name not in known]:
        raise InputError(f"{archive}: its run is of {unknown[0]}, which is no method that is installed here")


def find_stored(store: RunStore, what: str) -> RunRecord:
    """Return the stored run that is meant: of a method, else by the first digits of its key."""
    is_key = re.fullmatch("[0-9a-f]+", what) and not find_alike(what, list_plugins(MethodPlugin))
    return find_run(store, what) if is_key else find_run_of_method(store, what)


def open_weights(path: Path, method: str, dataset: Dataset, choice: AlarmChoice, device: str = "cpu") -> Scorer:
    """Open weights from elsewhere as a method of ours, for features like those of a dataset.

    Raises
    ------
    InputError
        If the weights cannot be read, or do not fit the method.
    """
    spec, model = build_with_weights(path, find_pipeline(method), dataset, ())
    no_chosen = "of weights from elsewhere no training video is known to be held out; give --threshold for alarms"
    return Scorer(
        f"{spec.title} with the weights of {path}",
        None,
        "last",
        spec,
        model.to(torch.device(device)),
        torch.device(device),
        RunFeatures.of_dataset(dataset),
        _given(choice) or Threshold(None, no_chosen),
        choice,
    )


def describe_training(record: RunRecord, store: RunStore, data: Path) -> TrainedOn:
    """Describe what a run was trained on, with its thresholds, and keep that beside the run.

    Where the dataset is not at hand, what was kept before is returned.

    Raises
    ------
    InputError
        If nothing was, or the method is not there.
    """
    pipeline = find_pipeline_of(record.spec)
    dataset = _dataset_of(record, pipeline, data)
    if isinstance(dataset, str):
        if (kept := read_trained_on(store, record.key)) is None:
            raise InputError(dataset)
        return kept
    m, rate, chosen = dataset.manifest, frame_rate(dataset.manifest), {}
    if record.spec.holdout:
        use_float32()
        for selection in record.selections(m.test_hash()):
            chosen[selection] = thresholds_of(record, selection, pipeline, dataset, store, torch.device("cpu"))
    described = TrainedOn(
        run_key=record.key,
        feature_set=m.feature_set,
        identity=None if m.identity is None else m.identity.model_dump(mode="json"),
        crops=m.crops,
        stride=m.stride,
        fps=rate.fps,
        assumed=rate.assumed,
        thresholds=chosen,
    )
    write_trained_on(store, described)
    return described


def _of_run(
    record: RunRecord, store: RunStore, data: Path, choice: AlarmChoice, selection: Selection, device: str
) -> Scorer:
    spec = record.spec
    if selection not in record.selected:
        raise InputError(f"run {record.key} has no selection {selection}; it has {', '.join(record.selected)}")
    pipeline, where = find_pipeline_of(spec), torch.device(device)
    dataset = _dataset_of(record, pipeline, data)
    kept = read_trained_on(store, record.key) if isinstance(dataset, str) else None
    if isinstance(dataset, str) and kept is None:
        raise InputError(dataset)
    use_float32()
    try:
        model = load_trained(record, record.selected[selection], pipeline, store, where)
    except RuntimeError as error:
        raise InputError(f"run {record.key}: {error}") from None
    if isinstance(dataset, Dataset):
        features = RunFeatures.of_dataset(dataset)
        threshold = _given(choice) or _from_dataset(record, selection, pipeline, dataset, store, model, where, choice)
    else:
        assert kept is not None
        features = RunFeatures.of_record(kept, record)
        threshold = _given(choice) or _from_kept(record, kept.thresholds.get(selection), choice)
    name = f"{spec.name} on {spec.dataset}, {spec.instance} (run {record.key})"
    return Scorer(name, record.key, selection, spec, model, where, features, threshold, choice)


def _dataset_of(record: RunRecord, pipeline: Pipeline, data: Path) -> Dataset | str:
    """Return the dataset that a run was trained on, or why it is not at hand."""
    name = record.spec.dataset
    try:
        dataset = open_dataset(name, data)
    except InputError as error:
        return (
            f"run {record.key} was trained on {name}, which is not in {data} ({error}); name its folder with "
            "--data, or take an archive of `wvad store export --run`"
        )
    if not was_trained_on(record.spec, pipeline, dataset.manifest):
        return f"run {record.key} was trained on other videos or labels than {name} in {data} has now; train it again"
    return dataset


def _given(choice: AlarmChoice) -> Threshold | None:
    return None if choice.threshold is None else Threshold(choice.threshold, "as given")


def _from_dataset(
    record: RunRecord,
    selection: Selection,
    pipeline: Pipeline,
    dataset: Dataset,
    store: RunStore,
    model: Method,
    device: torch.device,
    choice: AlarmChoice,
) -> Threshold:
    if not record.spec.holdout:
        return Threshold(None, _NONE_HELD_OUT)
    if choice.smooth == 1:
        return _chosen(thresholds_of(record, selection, pipeline, dataset, store, device), choice)
    videos, manifest = held_out_normal(record, dataset), dataset.manifest
    scores = score_videos(model, dataset, videos, record.spec.training, device)
    smoothed = {name: moving_mean(values, choice.smooth) for name, values in scores.items()}
    return _chosen(choose_thresholds(videos, smoothed, manifest.stride, frame_rate(manifest).fps, 0.0), choice)


def _from_kept(record: RunRecord, kept: ChosenThresholds | None, choice: AlarmChoice) -> Threshold:
    if kept is None:
        return Threshold(None, _NONE_HELD_OUT)
    if choice.smooth > 1:
        return Threshold(
            None, "the thresholds that are kept with the run are of scores as they are; give --threshold for alarms"
        )
    return _chosen(kept, choice)


_NONE_HELD_OUT = (
    "the run held out no training videos (--holdout) that one could be chosen on; give --threshold for alarms"
)


def _chosen(chosen: ChosenThresholds, choice: AlarmChoice) -> Threshold:
    if choice.per_hour not in RATES:
        raise InputError(f"--per-hour {choice.per_hour}: thresholds are chosen for {', '.join(map(str, RATES))}")
    value = chosen.thresholds.get(choice.per_hour)
    held = f"{chosen.videos} held-out normal training videos of {60 * chosen.hours:.1f} minutes"
    if value is None:
        return Threshold(
            None,
            f"{held} are too short to tell {choice.per_hour} false alarms per hour; give --threshold for alarms, or "
            "a higher --per-hour",
        )
    return Threshold(value, f"at most {choice.per_hour} false alarms per hour on {held}")
