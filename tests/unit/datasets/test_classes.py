"""Classes of training videos, their labels, and a vector for each."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.classes import RANDOM_DIM, class_labels, class_names, class_vectors, lacks_vectors
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest, Video


def video(name: str, label: int, *classes: str, split: str = "train") -> Video:
    return Video(
        name=name,
        split=split,  # type: ignore[arg-type]
        label=label,  # type: ignore[arg-type]
        classes=classes,
        first_row=0,
        rows=0,
        frames=8,
        intervals=((0, 4),) if label and split == "test" else (),
        sha256="",
    )


VIDEOS = (
    video("a", 1, "riot", "abuse"),
    video("b", 0),
    video("c", 1, "fighting"),
    video("d", 1, "arson", split="test"),
    video("e", 0, split="test"),
)
MANIFEST = Manifest(name="mine", benchmark="other", metric="auc_frame", feature_set="f", dim=4, crops=1, videos=VIDEOS)


def test_classes_are_normal_and_then_those_of_training_videos_by_name() -> None:
    assert class_names(MANIFEST) == ("normal", "abuse", "fighting", "riot")


def test_a_video_may_be_of_several_classes_and_a_normal_one_is_normal() -> None:
    assert class_labels(VIDEOS[:3], class_names(MANIFEST)).tolist() == [[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]]


def test_classes_without_a_vector_are_named() -> None:
    assert lacks_vectors(MANIFEST) == ["normal", "abuse", "fighting", "riot"]
    given = MANIFEST.model_copy(update={"class_vectors": ("riot", "normal", "abuse", "more")})
    assert lacks_vectors(given) == ["fighting"]


class Described:
    """A dataset of which only the manifest is asked."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    def class_vectors(self) -> np.ndarray:
        return np.arange(2.0 * len(self.manifest.class_vectors), dtype=np.float32).reshape(-1, 2)


def test_random_vectors_have_unit_length_and_depend_on_the_name_alone() -> None:
    vectors = class_vectors(Described(MANIFEST), "random")  # type: ignore[arg-type]
    assert vectors is not None
    assert (vectors.shape, vectors.dtype) == ((4, RANDOM_DIM), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float64), axis=1), 1, atol=1e-6)
    # Far from parallel, as directions drawn at random in so many dimensions are.
    assert np.abs(vectors @ vectors.T - np.eye(4)).max() < 0.25
    fewer = Described(MANIFEST.model_copy(update={"name": "other", "videos": VIDEOS[1:]}))
    some = class_vectors(fewer, "random")  # type: ignore[arg-type]
    np.testing.assert_array_equal(some, vectors[[0, 2]])


def test_given_vectors_come_in_the_order_of_the_classes_and_none_are_none() -> None:
    given = Described(MANIFEST.model_copy(update={"class_vectors": ("riot", "normal", "more", "fighting", "abuse")}))
    vectors = class_vectors(given, "given")  # type: ignore[arg-type]
    assert vectors is not None
    assert vectors.tolist() == [[2, 3], [8, 9], [6, 7], [0, 1]]
    assert class_vectors(given, "none") is None  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["scenes-ucf-crime", "scenes-avenue"])
def test_the_scenes_say_the_classes_of_their_training_videos(tiny_scenes: Path, name: str) -> None:
    dataset = Dataset(tiny_scenes / name)
    assert all(bool(of.classes) == bool(of.label) for of in dataset.manifest.split("train"))
    vectors = class_vectors(dataset, "random")
    assert vectors is not None
    assert len(vectors) == len(class_names(dataset.manifest)) > 2
