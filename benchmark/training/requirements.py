"""What datasets and settings have to have for what is asked of them; refused before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.datasets.check import missing_videos
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest
from benchmark.datasets.same_features import check_identity
from benchmark.plugins.pipelines import Pipeline
from benchmark.plugins.settings import known_settings
from benchmark.runs.run_spec import RunSpec
from benchmark.system.errors import InputError
from benchmark.system.near_names import nearest


class UnfitError(InputError):
    """A dataset's features are not of the kind that a method needs, whatever the settings."""


def check_overrides(overrides: Sequence[str], used: set[str], pipelines: Sequence[Pipeline]) -> None:
    """Refuse a setting that no method took, and name the nearest one that there is.

    Parameters
    ----------
    pipelines
        The methods that could have taken it.

    Raises
    ------
    InputError
        If there is one.
    """
    for text in overrides:
        if text not in used:
            sections = [section for pipeline in pipelines for section in known_settings(pipeline).items()]
            names = {key: f"{section}.{key}" for section, keys in sections for key in keys}
            key = nearest(text.partition("=")[0].rpartition(".")[2], names)
            near = ";" if key is None else f"; did you mean --set {names[key]}={text.partition('=')[2]}?"
            raise InputError(
                f"--set {text}: none of these methods has such a setting{near} `wvad methods NAME` lists them"
            )


def check_comparable(datasets: Sequence[Dataset]) -> None:
    """Refuse datasets that claim the same feature set with features of other sizes or another identity.

    Raises
    ------
    InputError
        If there are two.
    """
    seen: list[Manifest] = []
    for manifest in (dataset.manifest for dataset in datasets):
        for other in seen:
            if other.feature_set == manifest.feature_set and other.dim != manifest.dim:
                raise InputError(
                    f"datasets {other.name} and {manifest.name} both say feature set {other.feature_set}, but have "
                    f"{other.dim} and {manifest.dim} dimensions: import one with another --feature-set"
                )
        check_identity(manifest.name, manifest.feature_set, manifest.identity, seen)
        seen.append(manifest)


def check_trainable(dataset: Dataset) -> None:
    """Refuse a dataset that lacks normal or abnormal training videos, or test videos.

    Raises
    ------
    InputError
        If it does.
    """
    lacks = missing_videos(dataset.manifest)
    if lacks:
        raise InputError(f"dataset {'; '.join(lacks)}: add some, and import it again")


def check_fits(pipeline: Pipeline, spec: RunSpec, dataset: Dataset) -> None:
    """Refuse a dataset whose features a method cannot learn from.

    Raises
    ------
    InputError
        If a batch would not have what the method needs; `UnfitError` if the features have too few crops for it, or lack
        a part.
    """
    method, _ = pipeline.load()
    if spec.training.mixture == "natural" and method.supervision != "none":
        raise InputError(
            f"mixture=natural is for methods that learn without labels; method {pipeline.method.name} needs videos of "
            "both classes in a batch"
        )
    there = dataset.manifest.crops
    used = 1 if spec.training.draws_crops else spec.training.crops_of(there)
    if used < method.fewest_crops:
        of = "" if used == there else f", of which {used} {'is' if used == 1 else 'are'} in use"
        raise UnfitError(
            f"method {pipeline.method.name} needs {method.fewest_crops} crops of each video; "
            f"dataset {dataset.name} has {there}{of}"
        )
    check_features(pipeline, spec, dataset)


def check_features(pipeline: Pipeline, spec: RunSpec, dataset: Dataset) -> None:
    """Refuse a dataset whose features lack a part or the patches that a run needs, or have patches in its way.

    Raises
    ------
    UnfitError
        If they do.
    """
    method, _ = pipeline.load()
    needed = method.parts_for(method.Config.model_validate(spec.config))
    if missing := [part for part in needed if part not in dataset.manifest.parts]:
        raise UnfitError(
            f"method {pipeline.method.name} needs features with the parts {', '.join(needed)}; "
            f"dataset {dataset.name} states no part {missing[0]}: "
            "import it with a feature_set.json whose parts say their sizes in order"
        )
    name, grids = pipeline.method.name, dataset.manifest.patch_grids
    if method.takes_patches and not (grids and spec.training.crops is None):
        there = (
            "of which all have to be in use"
            if grids
            else "import it with a feature_set.json whose crop_layout has some"
        )
        same = f"; without them it is {method.same_without_patches}" if method.same_without_patches else ""
        raise UnfitError(
            f"method {name} needs patches of the frame behind the crops{same}; dataset {dataset.name} has "
            f"{len(grids) or 'no'} grids of them: {there}"
        )
    if grids and spec.training.draws_crops:
        raise UnfitError(
            f"method {name} draws a crop of each video, and some of dataset {dataset.name} are patches of the frame: "
            "import it without them"
        )


def check_testable(dataset: Dataset) -> None:
    """Refuse a dataset without test videos.

    Raises
    ------
    InputError
        If it has none.
    """
    if not dataset.manifest.split("test"):
        raise InputError(f"dataset {dataset.name} has no test video: add some, and import it again")


def check_holdout(dataset: Dataset, looks: int) -> None:
    """Refuse a hold-out that could select nothing.

    Raises
    ------
    InputError
        If the weights are never looked at, or a class has no video to spare.
    """
    if not looks:
        raise InputError("--holdout needs looks to choose from: give --looks 1 or more")
    for label, word in ((0, "normal"), (1, "abnormal")):
        if sum(video.label == label for video in dataset.manifest.split("train")) < 2:
            raise InputError(f"dataset {dataset.name} has one {word} training video: too few for --holdout")
