"""What methods ask of a dataset: given, replaced by what they accept, or refused; and what of it is in a run's key."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from benchmark.datasets.feature_sets import CropLayout, FeatureSet
from benchmark.datasets.manifest import Manifest, Video
from benchmark.plugins.pipelines import find_pipeline
from benchmark.runs.run_spec import RunSpec
from benchmark.system.errors import InputError
from benchmark.tables.planning import plan_diagnosis
from benchmark.terms import Schedule
from benchmark.training.choices import Choices
from benchmark.training.feature_spec import features_to_train
from benchmark.training.requirements import UnfitError
from benchmark.training.specification import plan_runs, supervision_of

ASKS = Path(__file__).parents[2] / "plugins" / "asks.py"
CLASSES = ("normal", "fall", "fight")


@dataclass
class Described:
    """A dataset as planning sees it: its manifest."""

    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.name


def identity(**parts: int) -> FeatureSet:
    return FeatureSet(id="f", extractor="x", checkpoint="y", dim=4, normalisation="none", parts=parts)


def video(name: str, split: str, *classes: str, label: int = 0) -> Video:
    return Video(
        name=name,
        split=split,  # type: ignore[arg-type]
        label=1 if classes else label,  # type: ignore[arg-type]
        classes=classes,
        first_row=0,
        rows=0,
        frames=8,
        intervals=((0, 4),) if classes and split == "test" else (),
        sha256="",
    )


VIDEOS = (
    video("a", "train"),
    video("b", "train", "fall"),
    video("c", "train", "fight"),
    video("d", "test"),
    video("e", "test", "fall"),
)


def described(**changes: Any) -> Described:
    values = {"name": "mine", "benchmark": "other", "metric": "auc_frame", "feature_set": "f", "dim": 4, "crops": 10}
    return Described(Manifest.model_validate({**values, "videos": VIDEOS, **changes}))


UNKNOWN = described(videos=(*VIDEOS[:2], video("c", "train", label=1), *VIDEOS[3:]))
WITH_VECTORS = described(class_vectors=CLASSES, class_vectors_sha256="ab")


def plan(method: str, dataset: Described, *settings: str) -> RunSpec:
    choices = Choices(profile="paper", seeds=1, settings=settings)
    return plan_runs(find_pipeline(f"{ASKS}:{method}"), dataset, choices)[0][0]  # type: ignore[arg-type]


# Inputs


@pytest.mark.parametrize(
    ("dataset", "settings", "expected"),
    [
        (WITH_VECTORS, (), ("given", "given")),
        (described(), (), ("given", "random")),
        (described(class_vectors=("normal", "fall"), class_vectors_sha256="ab"), (), ("given", "random")),
        (WITH_VECTORS, ("class_vectors=random",), ("given", "random")),
        (WITH_VECTORS, ("class_vectors=none",), ("given", "none")),
        # Without classes there is nothing to have a vector.
        (UNKNOWN, (), ("none", "none")),
        (WITH_VECTORS, ("classes=none",), ("none", "none")),
        (WITH_VECTORS, ("classes=none", "class_vectors=none"), ("none", "none")),
    ],
)
def test_classes_and_vectors_are_the_first_that_there_are(
    dataset: Described, settings: tuple[str, ...], expected: tuple[str, str]
) -> None:
    inputs = plan("Classes", dataset, *settings).inputs
    assert (inputs["classes"], inputs["class_vectors"]) == expected


@pytest.mark.parametrize(
    ("method", "dataset", "settings", "message"),
    [
        (
            "Classes",
            UNKNOWN,
            ("classes=given",),
            "dataset mine does not say the class of c: import it with annotations",
        ),
        ("Classes", described(), ("class_vectors=given",), "mine has none of normal: `wvad data add mine --class-vec"),
        (
            "Classes",
            WITH_VECTORS,
            ("classes=none", "class_vectors=given"),
            "class_vectors mean nothing without classes",
        ),
        ("Classes", UNKNOWN, ("class_vectors=random",), "asks.py:Classes: class_vectors mean nothing without classes"),
        ("NeedsVectors", described(), (), "needs class_vectors, and dataset mine has none of normal"),
        ("NeedsVectors", WITH_VECTORS, ("classes=none",), "class_vectors mean nothing without classes"),
        ("Classes", WITH_VECTORS, ("class_vectors=clip",), "cannot use class_vectors=clip; it accepts given, random"),
    ],
)
def test_what_is_asked_for_by_name_and_not_there_is_refused(
    method: str, dataset: Described, settings: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        plan(method, dataset, *settings)
    assert "\n" not in str(caught.value)


# Features that do not fit


@pytest.mark.parametrize(
    ("method", "dataset", "settings", "message"),
    [
        ("TwoCrops", described(crops=1), (), "needs 2 crops of each video; dataset mine has 1$"),
        (
            "TwoCrops",
            described(),
            ("crops=1",),
            "needs 2 crops of each video; dataset mine has 10, of which 1 is in use",
        ),
        ("TwoCrops", described(), ("crops=one-at-random",), "dataset mine has 10, of which 1 is in use"),
        (
            "TwoStreams",
            described(),
            (),
            "needs features with the parts visual, text; dataset mine states no part visual",
        ),
        (
            "TwoStreams",
            described(identity=identity(visual=4)),
            (),
            "dataset mine states no part text: import it with a",
        ),
    ],
)
def test_features_that_are_not_for_a_method_are_refused(
    method: str, dataset: Described, settings: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UnfitError, match=message) as caught:
        plan(method, dataset, *settings)
    assert "\n" not in str(caught.value)


def test_a_natural_mixture_is_for_methods_that_learn_without_labels() -> None:
    with pytest.raises(InputError, match=r"^mixture=natural is for methods that learn without labels; method .*:Plain"):
        plan("Plain", described(), "mixture=natural")
    assert plan("NoLabels", described(), "mixture=natural").training.mixture == "natural"


@pytest.mark.parametrize(
    ("method", "dataset", "settings"),
    [
        ("TwoCrops", described(crops=2), ()),
        ("TwoCrops", described(), ("crops=2",)),
        ("TwoStreams", described(identity=identity(visual=3, text=1)), ()),
        ("TwoStreams", described(identity=identity(audio=1, text=1, visual=2)), ()),
        ("Plain", described(crops=1), ("crops=one-at-random",)),
    ],
)
def test_features_that_fit_are_taken(method: str, dataset: Described, settings: tuple[str, ...]) -> None:
    assert plan(method, dataset, *settings).dataset == "mine"


PATCHED = described(
    crops=17,
    identity=identity().model_copy(update={"crop_layout": CropLayout(crops=2, grids=((2, 3), (3, 3)))}),
)


def test_patches_are_for_methods_that_take_them_and_others_see_the_frame_alone() -> None:
    assert PATCHED.manifest.frame_crops == 2
    assert plan("Patches", PATCHED).training.crops is None
    assert features_to_train(plan("Patches", PATCHED), PATCHED).patch_grids == ((2, 3), (3, 3))  # type: ignore[arg-type]
    for settings, crops in (((), 2), (("crops=1",), 1), (("crops=9",), 2)):
        spec = plan("Plain", PATCHED, *settings)
        assert spec.training.crops == crops
        assert features_to_train(spec, PATCHED).patch_grids == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "dataset", "settings", "message"),
    [
        ("Patches", described(), (), "needs patches of the frame behind the crops; dataset mine has no grids of them"),
        ("Patches", PATCHED, ("crops=2",), "dataset mine has 2 grids of them: of which all have to be in use$"),
        ("Plain", PATCHED, ("crops=one-at-random",), "draws a crop of each video, and some of dataset mine are patch"),
    ],
)
def test_patches_that_are_missing_or_in_the_way_are_refused(
    method: str, dataset: Described, settings: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UnfitError, match=message) as caught:
        plan(method, dataset, *settings)
    assert "\n" not in str(caught.value)


def test_the_layout_of_patches_is_in_the_key_of_a_method_that_takes_them_alone() -> None:
    other = described(
        crops=17,
        identity=identity().model_copy(update={"crop_layout": CropLayout(crops=2, grids=((3, 3), (2, 3)))}),
    )
    assert plan("Patches", other).key != plan("Patches", PATCHED).key
    assert plan("Plain", other).key == plan("Plain", PATCHED).key


def test_a_quick_run_has_as_many_crops_as_its_method_needs() -> None:
    runs = {}
    for method in ("Plain", "TwoCrops"):
        pipeline = find_pipeline(f"{ASKS}:{method}")
        (spec,), _ = plan_runs(pipeline, described(), Choices(profile="quick", seeds=1))  # type: ignore[arg-type]
        runs[method] = spec.training.crops
    assert runs == {"Plain": 1, "TwoCrops": 2}


def test_a_diagnosis_refuses_features_that_do_not_fit_too() -> None:
    videos = (video("z", "train"), *VIDEOS)
    with pytest.raises(UnfitError, match="states no part visual"):
        plan_diagnosis(
            find_pipeline(f"{ASKS}:TwoStreams"),
            described(videos=videos),  # type: ignore[arg-type]
            Choices(seeds=1, holdout=0.5),
            "",
        )


def test_parts_make_the_whole_and_two_orders_of_them_are_two_feature_sets() -> None:
    with pytest.raises(ValidationError, match="the parts have 5 dimensions together, not 4"):
        identity(visual=3, text=2)
    first, other = identity(visual=2, text=2), identity(text=2, visual=2)
    assert "its parts are" in first.contradiction(other)
    assert first.contradiction(identity(visual=2, text=2)) == first.contradiction(identity()) == ""


# Settings of a training as they are given


def test_a_schedule_is_set_in_one_piece() -> None:
    training = plan("Plain", described(), "training.schedule={shape: cosine, unit: passes}", "clip_norm=1").training
    assert training.schedule == Schedule(shape="cosine", unit="passes")
    assert training.clip_norm == 1
    milestones = "schedule={shape: milestones, unit: steps, milestones: [4, 8], factor: 0.5, warm_up: 2}"
    assert plan("Plain", described(), milestones).training.schedule == Schedule(
        shape="milestones", unit="steps", milestones=(4, 8), factor=0.5, warm_up=2
    )
    assert plan("Plain", described(), milestones, "schedule=null").key == plan("Plain", described()).key


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("schedule=cosine", "schedule: "),
        ("schedule={shape: cosine}", "schedule.unit: Field required"),
        ("schedule={shape: cosine, unit: days}", "schedule.unit: Input should be 'steps' or 'passes'"),
        ("schedule={shape: cosine, unit: steps, warmup: 3}", "schedule.warmup: Extra inputs are not permitted"),
        ("schedule={shape: milestones, unit: steps, milestones: [0]}", "schedule.milestones.0: "),
        ("clip_norm=0", "clip_norm: Input should be greater than 0"),
        ("momentum=1", "momentum: Input should be less than 1"),
        ("crops=at-random", "crops"),
        ("segmenting=mean", "segmenting: Input should be 'average'"),
    ],
)
def test_a_setting_that_is_none_is_refused_in_one_line(setting: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        plan("Plain", described(), setting)
    assert "\n" not in str(caught.value)


# Supervision


@pytest.mark.parametrize(
    ("method", "dataset", "settings", "expected"),
    [
        ("Plain", WITH_VECTORS, (), "weak"),
        ("NormalOnly", WITH_VECTORS, (), "normal-only"),
        ("Classes", WITH_VECTORS, (), "weak-classes"),
        ("Classes", UNKNOWN, (), "weak"),
        ("SaysClasses", WITH_VECTORS, (), "weak-classes"),
        ("SaysClasses", WITH_VECTORS, ("classes=none",), "weak"),
    ],
)
def test_a_run_that_is_given_classes_is_said_to_know_them_and_no_other(
    method: str, dataset: Described, settings: tuple[str, ...], expected: str
) -> None:
    assert supervision_of(find_pipeline(f"{ASKS}:{method}"), plan(method, dataset, *settings)) == expected


# Keys


USUAL = described(class_vectors=CLASSES, class_vectors_sha256="ab", identity=identity(visual=3, text=1))


def changed(**changes: object) -> Described:
    return Described(USUAL.manifest.model_copy(update=changes))


OTHERS = {
    "classes": changed(videos=(*VIDEOS[:2], video("c", "train", "fall"), *VIDEOS[3:])),
    "class vectors": changed(class_vectors_sha256="cd"),
    "sizes of parts": changed(identity=identity(visual=1, text=3)),
    "order of parts": changed(identity=identity(text=1, visual=3)),
}


@pytest.mark.parametrize(
    ("method", "settings", "told"),
    [
        ("Plain", (), set()),
        ("NormalOnly", (), set()),
        ("Classes", (), {"classes", "class vectors"}),
        ("Classes", ("class_vectors=random",), {"classes"}),
        ("Classes", ("classes=none",), set()),
        ("TwoStreams", (), {"sizes of parts", "order of parts"}),
    ],
)
def test_only_what_a_method_is_told_is_in_its_key(method: str, settings: tuple[str, ...], told: set[str]) -> None:
    key = plan(method, USUAL, *settings).key
    assert {name for name, other in OTHERS.items() if plan(method, other, *settings).key != key} == told


def test_the_train_hash_of_a_method_that_is_told_nothing_more_is_the_one_that_it_was() -> None:
    # Whoever changes this hash gives every stored run a new key.
    for dataset in (described(), USUAL, *OTHERS.values()):
        assert dataset.manifest.train_hash() == "cfe6357fbe5260048ab8b8356d2c2ec0f7bfb0faac232746ca3447f7f1429a17"
