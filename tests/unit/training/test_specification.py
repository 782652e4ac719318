from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.datasets.manifest import Manifest, Video
from benchmark.plugins.pipelines import find_pipeline
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices
from benchmark.training.requirements import check_comparable, check_overrides, check_trainable
from benchmark.training.specification import choose_source, plan_runs

PLUGINS = Path(__file__).parents[2] / "plugins" / "mean_mil.py"


@dataclass
class Described:
    """A dataset as planning sees it: its manifest."""

    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.name


def described(motion: bool = False, labels: tuple[tuple[str, int], ...] = (("train", 0), ("train", 1))) -> Described:
    tests = (("test", 0), ("test", 1))
    videos = tuple(
        Video(
            name=f"v{i}",
            split=split,  # type: ignore[arg-type]
            label=label,  # type: ignore[arg-type]
            first_row=i,
            rows=1,
            frames=16,
            intervals=((0, 8),) if (split, label) == ("test", 1) else (),
            sha256="",
        )
        for i, (split, label) in enumerate((*labels, *tests))
    )
    return Described(
        Manifest(
            name="mine",
            benchmark="other",
            metric="auc_frame",
            feature_set="f",
            dim=4,
            crops=1,
            motion=motion,
            videos=videos,
        )
    )


ACCEPTED = ("given", "feature-difference", "none")


@pytest.mark.parametrize(
    ("accepted", "wanted", "motion", "chosen"),
    [
        (ACCEPTED, "auto", True, "given"),
        (ACCEPTED, "auto", False, "feature-difference"),
        (ACCEPTED, "none", True, "none"),
        (("none",), "auto", True, "none"),
    ],
)
def test_a_source_is_the_wanted_one_or_the_first_there_is(
    accepted: tuple[str, ...], wanted: str, motion: bool, chosen: str
) -> None:
    assert choose_source("m", "motion", accepted, wanted, described(motion)) == chosen  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accepted", "wanted", "message"),
    [
        (("given",), "auto", "method m needs motion, and dataset mine has none: import it again with --motion DIR"),
        (ACCEPTED, "given", "or --set motion=feature-difference"),
        (ACCEPTED, "soft-kmeans", "method m cannot use motion=soft-kmeans; it accepts given, feature-difference, none"),
    ],
)
def test_a_source_that_is_not_there_is_refused_before_training(
    accepted: tuple[str, ...], wanted: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        choose_source("m", "motion", accepted, wanted, described())  # type: ignore[arg-type]


def test_runs_share_everything_but_the_seed_and_keys_are_stable() -> None:
    plugin = find_pipeline(f"{PLUGINS}:NeedsMotion")
    first, _ = plan_runs(plugin, described(motion=True), Choices(seeds=3))  # type: ignore[arg-type]
    again, _ = plan_runs(plugin, described(motion=True), Choices(seeds=3))  # type: ignore[arg-type]
    assert [run.seed for run in first] == [0, 1, 2]
    assert [run.key for run in first] == [run.key for run in again]
    assert len({run.key for run in first}) == 3
    assert first[0].inputs == {"motion": "given"}


@pytest.mark.parametrize(
    ("labels", "looks", "message"),
    [
        ((("train", 0), ("train", 1), ("train", 1)), 1, "dataset mine has one normal training video"),
        ((("train", 0), ("train", 0), ("train", 1), ("train", 1)), 0, "--holdout needs looks"),
    ],
)
def test_a_hold_out_that_could_select_nothing_is_refused(
    labels: tuple[tuple[str, int], ...], looks: int, message: str
) -> None:
    options = Choices(holdout=0.5, settings=(f"looks={looks}",))
    with pytest.raises(InputError, match=message):
        plan_runs(find_pipeline(f"{PLUGINS}:MeanMIL"), described(labels=labels), options)  # type: ignore[arg-type]


def test_one_feature_set_has_one_size() -> None:
    other = Described(described().manifest.model_copy(update={"name": "other", "dim": 9}))
    check_comparable([described(), described()])  # type: ignore[list-item]
    with pytest.raises(InputError, match="datasets mine and other both say feature set f, but have 4 and 9 dimensions"):
        check_comparable([described(), other])  # type: ignore[list-item]


def test_a_setting_that_nobody_took_is_refused() -> None:
    check_overrides(["a=1"], {"a=1"}, [])
    with pytest.raises(InputError, match="--set b=1: none of these methods"):
        check_overrides(["a=1", "b=1"], {"a=1"}, [])


@pytest.mark.parametrize("labels", [(("train", 1),), (("train", 0),)])
def test_a_dataset_needs_both_kinds_of_training_videos(labels: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(InputError, match=r"dataset mine has no (normal|abnormal) training video"):
        check_trainable(described(labels=labels))  # type: ignore[arg-type]
