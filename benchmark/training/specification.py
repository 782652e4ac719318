"""From what was asked for to the runs it needs; what cannot run is refused before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from benchmark.datasets.classes import lacks_vectors
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest
from benchmark.datasets.pseudo_labels import is_informative
from benchmark.plugins.contract.declaring import SOURCES
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import Recipe, resolve_recipe
from benchmark.runs.run_spec import AddOnSpec, RunSpec
from benchmark.system.errors import InputError
from benchmark.terms import Benchmark, Supervision, Training
from benchmark.training.choices import Choices
from benchmark.training.jobs import Job

if TYPE_CHECKING:
    from benchmark.api import Method, MethodConfig
from benchmark.training.requirements import check_fits, check_holdout, check_trainable


def plan_runs(
    pipeline: Pipeline,
    dataset: Dataset,
    choices: Choices,
    settings: Sequence[str] = (),
    shuffled_labels: bool = False,
) -> tuple[list[RunSpec], set[str]]:
    """Plan the runs of a method, with its add-ons if any, on a dataset, one per seed.

    Parameters
    ----------
    settings
        In place of the recipe's values and of the chosen ones.
    shuffled_labels
        Whether to train on video labels that are dealt out at random: a control.

    Returns
    -------
    The runs in the order of their seeds, and those of the overrides that the method took.

    Raises
    ------
    InputError
        If the recipe is wrong, or the dataset lacks videos or an input that the method needs; `UnfitError` if its
        features are not for the method.
    """
    check_trainable(dataset)
    first, used = describe_run(pipeline, dataset, choices, settings)
    check_fits(pipeline, first, dataset)
    if shuffled_labels:
        first = first.model_copy(update={"shuffled_labels": True, "title": f"{first.title} on shuffled labels"})
    if choices.holdout:
        check_holdout(dataset, first.training.looks)
    return [first.model_copy(update={"seed": seed}) for seed in choices.every_seed], used


def describe_run(
    pipeline: Pipeline,
    dataset: Dataset,
    choices: Choices,
    settings: Sequence[str] = (),
    benchmark: Benchmark | None = None,
) -> tuple[RunSpec, set[str]]:
    """Describe the run of seed 0, whether or not the dataset can be trained on; see `plan_runs`.

    Parameters
    ----------
    benchmark
        Whose recipe counts; the dataset's by default.
    """
    manifest = dataset.manifest
    benchmark = benchmark or manifest.benchmark
    recipe, used = resolve_recipe(pipeline, benchmark, choices.profile, (*choices.overrides, *settings))
    method, _ = pipeline.load()
    config = method.Config.model_validate(recipe.values("config"))
    inputs = choose_inputs(pipeline, config, recipe, dataset)
    spec = RunSpec(
        method=pipeline.method.name,
        version=method.version,
        source=pipeline.method.source_hash(),
        add_ons=describe_add_ons(pipeline, recipe),
        config=config.model_dump(mode="json"),
        training=_of_frames(recipe.training(), manifest, method.takes_patches),
        inputs=inputs,
        profile=choices.profile,
        holdout=choices.holdout,
        train_hash=manifest.train_hash(_told(method, config, inputs)),
        seed=0,
        title=pipeline.title(config),
        dataset=dataset.name,
        benchmark=benchmark,
        feature_set=manifest.feature_set,
        settings=tuple(settings),
    )
    return spec, used


def was_trained_on(spec: RunSpec, pipeline: Pipeline, manifest: Manifest) -> bool:
    """Return whether the training part of a dataset is the one that a stored run was trained on."""
    method, _ = pipeline.load()
    return manifest.train_hash(_told(method, method.Config.model_validate(spec.config), spec.inputs)) == spec.train_hash


def _told(method: type[Method], config: MethodConfig, inputs: Mapping[str, str]) -> list[str]:
    """Return what a method is told of a training part that not all are."""
    told = [name for name in ("classes", "class_vectors") if inputs.get(name) == "given"]
    others = (("parts", method.parts_for(config)), ("patch_grids", method.takes_patches))
    return told + [name for name, told_of in others if told_of]


def _of_frames(training: Training, manifest: Manifest, patches: bool) -> Training:
    """Leave patches out of the crops of a method that does not take them; drawn ones are refused by `check_fits`."""
    if patches or not manifest.patch_grids or training.draws_crops:
        return training
    return training.model_copy(update={"crops": training.crops_of(manifest.frame_crops)})


def find_pipeline_of(spec: RunSpec, reference: str = "") -> Pipeline:
    """Find the method and the add-ons of a stored run.

    Parameters
    ----------
    reference
        `Pipeline.reference` when the run was planned, where it is known: files have to be looked for somewhere.

    Raises
    ------
    InputError
        If one of them is unknown today, or is of another version.
    """
    if spec.imported:
        raise InputError(f"run {spec.key} has scores from elsewhere and no method; import those of other datasets too")
    pipeline = find_pipeline(reference or "+".join([spec.method, *(add_on.name for add_on in spec.add_ons)]))
    method, add_ons = pipeline.load()
    today = [(pipeline.method.name, method.version, pipeline.method.source_hash())]
    today += [(p.name, a.version, p.source_hash()) for p, a in zip(pipeline.add_ons, add_ons, strict=True)]
    stored = [(spec.method, spec.version, spec.source), *((a.name, a.version, a.source) for a in spec.add_ons)]
    for part, known in zip(today, stored, strict=True):
        if part != known:
            raise InputError(f"run {spec.key} is of another version of {part[0]}; train it again")
    return pipeline


def describe_add_ons(pipeline: Pipeline, recipe: Recipe) -> tuple[AddOnSpec, ...]:
    """Describe the add-ons of a run: what they are and their settings."""
    _, classes = pipeline.load()
    return tuple(
        AddOnSpec(
            name=plugin.name,
            version=add_on.version,
            source=plugin.source_hash(),
            config=add_on.Config.model_validate(recipe.values(plugin.name)).model_dump(mode="json"),
        )
        for plugin, add_on in zip(pipeline.add_ons, classes, strict=True)
    )


def choose_inputs(pipeline: Pipeline, config: MethodConfig, recipe: Recipe, dataset: Dataset) -> dict[str, str]:
    """Choose the source of each pseudo-label that a method uses with this configuration.

    Raises
    ------
    InputError
        If the method or the dataset cannot do what is wanted.
    """
    method, _ = pipeline.load()
    wanted, inputs = recipe.values("inputs"), method.inputs_for(config)
    chosen = {
        name: choose_source(pipeline.method.name, name, accepted, wanted[name], dataset)
        for name, accepted in inputs.items()
    }
    if chosen.get("classes") == "none" and chosen.get("class_vectors", "none") != "none":
        if wanted["class_vectors"] != "auto" or "none" not in inputs["class_vectors"]:
            raise InputError(f"method {pipeline.method.name}: class_vectors mean nothing without classes")
        chosen["class_vectors"] = "none"
    return chosen


def choose_source(method: str, name: str, accepted: Sequence[str], wanted: str, dataset: Dataset) -> str:
    """Choose where a pseudo-label comes from: as wanted, or the first accepted source that the dataset has.

    A source that has nothing to teach is taken only if it is asked for by name.

    Raises
    ------
    InputError
        If the method or the dataset cannot do what is wanted.
    """
    if unknown := [source for source in accepted if source not in SOURCES.get(name, ())]:
        known = ", ".join(f"{name}={source}" for name, sources in SOURCES.items() for source in sources)
        raise InputError(f"method {method} accepts {name}={unknown[0]}; there are {known}")
    lacks = _lacks(name, dataset.manifest)
    possible = [source for source in accepted if source != "given" or not lacks]
    if wanted == "auto" and (found := next((source for source in possible if is_informative(dataset, source)), None)):
        return found
    if wanted in possible:
        return wanted
    if wanted in ("auto", "given"):
        raise InputError(
            f"method {method} needs {name}, and dataset {dataset.name} {lacks}"
            + (f", or --set {name}={possible[0]}" if possible else "")
        )
    raise InputError(f"method {method} cannot use {name}={wanted}; it accepts {', '.join(accepted)}")


def _lacks(name: str, manifest: Manifest) -> str:
    """Say what a dataset lacks to give an input, and what to do; empty if nothing."""
    match name:
        case "motion" | "objects":
            has = manifest.motion if name == "motion" else manifest.object_classes > 0
            return "" if has else f"has none: import it again with --{name} DIR"
        case "classes":
            of_none = [v.name for v in manifest.split("train") if v.label and not v.classes]
            return f"does not say the class of {of_none[0]}: import it with annotations that do" if of_none else ""
        case _:
            missing = lacks_vectors(manifest)
            return f"has none of {missing[0]}: `wvad data add {manifest.name} --class-vectors FILE`" if missing else ""


def supervision_of(pipeline: Pipeline, spec: RunSpec) -> Supervision:
    """Return what a run is told of its training videos."""
    method, _ = pipeline.load()
    if spec.inputs.get("classes") == "given":
        return "weak-classes"
    return "weak" if method.supervision == "weak-classes" else method.supervision


def make_job(
    spec: RunSpec, pipeline: Pipeline, dataset: Dataset, evaluate_on: Sequence[Dataset], choices: Choices
) -> Job:
    """Make the job that trains a run and evaluates it on some datasets."""
    return Job(
        spec=spec,
        pipeline=pipeline,
        dataset=dataset.path,
        evaluate_on=tuple(target.path for target in evaluate_on),
        runs=choices.runs,
        device=choices.place,
        cached=choices.cached,
        timeout=choices.timeout,
        memory=choices.memory,
    )
