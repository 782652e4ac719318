from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets.batches import (
    BagSet,
    hold_out,
    load_bags,
    pair_batches,
    place,
    shuffle_labels,
    steps_per_pass,
)
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Video
from benchmark.datasets.pseudo_labels import motion_source, pseudo_labels
from benchmark.datasets.segments import segment_mean
from benchmark.system.ahead import ahead
from benchmark.terms import SegmentRule, Training

CPU = torch.device("cpu")


def bags(count: int, prefix: str) -> BagSet:
    features = torch.arange(count, dtype=torch.float32).reshape(count, 1, 1, 1)
    return BagSet(features, None, None, tuple(f"{prefix}{i}" for i in range(count)))


def names(
    normal: int, abnormal: int, size: int, seed: int, count: int
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    batches = islice(pair_batches(bags(normal, "n"), bags(abnormal, "a"), Training(batch_size=size), seed, CPU), count)
    return [(batch.normal.video_ids, batch.abnormal.video_ids) for batch in batches]


def test_features_go_with_their_names() -> None:
    batch = next(pair_batches(bags(9, "n"), bags(7, "a"), Training(batch_size=4), 0, CPU))
    assert [f"a{int(x)}" for x in batch.abnormal.features.flatten()] == list(batch.abnormal.video_ids)
    assert [f"n{int(x)}" for x in batch.normal.features.flatten()] == list(batch.normal.video_ids)


def test_batches_made_ahead_are_the_same_in_the_same_order() -> None:
    plain = islice(pair_batches(bags(9, "n"), bags(7, "a"), Training(batch_size=4), 0, CPU), 20)
    early = islice(ahead(pair_batches(bags(9, "n"), bags(7, "a"), Training(batch_size=4), 0, CPU)), 20)
    for ours, theirs in zip(early, plain, strict=True):
        assert ours.normal.video_ids == theirs.normal.video_ids
        assert torch.equal(ours.abnormal.features, theirs.abnormal.features)


def test_a_method_may_keep_a_batch() -> None:
    batches = pair_batches(bags(9, "n"), bags(7, "a"), Training(batch_size=4), 0, CPU)
    first = next(batches).normal
    copied = first.features.clone()
    for _ in range(5):
        next(batches)
    assert torch.equal(first.features, copied)


def test_bags_stay_where_they_are_without_a_gpu() -> None:
    made = bags(3, "n")
    assert place(made, CPU) is made
    assert made.nbytes == 12
    assert torch.equal(made.to(CPU).features, made.features)


def test_an_order_visits_each_video_at_most_once_and_drops_the_rest() -> None:
    epoch = names(10, 10, 3, seed=1, count=3)
    for half in (0, 1):
        seen = Counter(name for batch in epoch for name in batch[half])
        assert len(seen) == 9
        assert set(seen.values()) == {1}


def test_a_batch_shrinks_to_the_videos_there_are() -> None:
    assert [(len(n), len(a)) for n, a in names(10, 2, 16, seed=0, count=3)] == [(2, 2)] * 3


def test_the_order_depends_on_the_seed_alone() -> None:
    assert names(20, 20, 4, seed=5, count=12) == names(20, 20, 4, seed=5, count=12)
    assert names(20, 20, 4, seed=5, count=2) != names(20, 20, 4, seed=6, count=2)
    small = [name for batch in names(20, 20, 2, seed=5, count=8) for name in batch[0]]
    large = [name for batch in names(20, 20, 4, seed=5, count=4) for name in batch[0]]
    assert small == large


def test_bags_are_segments_with_pseudo_labels_by_the_same_edges(tiny_scenes: Path) -> None:
    dataset = Dataset(tiny_scenes / "scenes-ucf-crime")
    videos = dataset.manifest.split("train")[:4]
    labels = pseudo_labels(dataset, {"motion": "given", "objects": "given"})
    loaded = load_bags(dataset, videos, Training(segments=5), labels)
    assert loaded.features.shape == (4, 2, 5, 256)
    assert loaded.motion is not None
    assert loaded.objects is not None
    for i, video in enumerate(videos):
        rows = dataset.features(video).astype(np.float64)
        edges = [j * video.rows // 5 for j in range(6)]
        for j in range(5):
            part = rows[edges[j] : max(edges[j] + 1, edges[j + 1])]
            np.testing.assert_allclose(loaded.features[i, :, j].numpy(), part.mean(axis=0), atol=1e-5)
        expected = segment_mean(motion_source(dataset, "given")(video), 5)
        np.testing.assert_array_equal(loaded.motion[i].numpy(), expected)


def test_one_crop_is_the_first_and_absent_sources_are_left_out(tiny_scenes: Path) -> None:
    dataset = Dataset(tiny_scenes / "scenes-avenue")
    videos = dataset.manifest.split("train")[:2]
    loaded = load_bags(dataset, videos, Training(segments=3, crops=1), pseudo_labels(dataset, {"motion": "none"}))
    both = load_bags(dataset, videos, Training(segments=3, crops=9), {})
    assert loaded.motion is None
    assert loaded.objects is None
    torch.testing.assert_close(loaded.features, both.features[:, :1])


def videos_of(normal: int, abnormal: int) -> list[Video]:
    labels = [0] * normal + [1] * abnormal
    return [
        Video(name=f"v{i}", split="train", label=label, first_row=0, rows=1, sha256="")  # type: ignore[arg-type]
        for i, label in enumerate(labels)
    ]


def test_hold_out_takes_the_same_share_of_each_class() -> None:
    kept, held = hold_out(videos_of(20, 10), 0.2, seed=0)
    assert Counter(v.label for v in held) == {0: 4, 1: 2}
    assert {v.name for v in kept} | {v.name for v in held} == {f"v{i}" for i in range(30)}
    assert not {v.name for v in kept} & {v.name for v in held}


def test_hold_out_keeps_at_least_one_of_each_class() -> None:
    kept, held = hold_out(videos_of(2, 1), 0.9, seed=0)
    assert Counter(v.label for v in kept) == {0: 1, 1: 1}
    assert Counter(v.label for v in held) == {0: 1}
    assert hold_out(videos_of(5, 5), 0.0, seed=0)[1] == []


def test_folds_hold_out_every_video_once_and_the_same_share_of_each_class() -> None:
    videos = videos_of(21, 10)
    folds = [hold_out(videos, 1 / 5, seed=3, fold=fold) for fold in range(5)]
    held = Counter(video.name for _, out in folds for video in out)
    assert held == Counter(video.name for video in videos)
    for kept, out in folds:
        assert Counter(v.label for v in out) in ({0: 4, 1: 2}, {0: 5, 1: 2})
        assert {v.name for v in kept} == {v.name for v in videos} - {v.name for v in out}


def bags_of_crops(videos: int, crops: int, prefix: str) -> BagSet:
    """Bags whose features say video and crop, with lengths and classes."""
    features = torch.arange(videos * crops, dtype=torch.float32).reshape(videos, crops, 1, 1)
    names = tuple(f"{prefix}{i}" for i in range(videos))
    lengths = torch.arange(1, videos + 1)
    return BagSet(features, None, None, names, classes=torch.eye(videos), lengths=lengths)


ONE_CROP = Training(batch_size=4, crops="one-at-random")


def test_a_drawn_crop_is_one_of_the_videos_own_and_each_comes_up() -> None:
    normal, abnormal = bags_of_crops(9, 3, "n"), bags_of_crops(7, 3, "a")
    seen: dict[str, Counter[int]] = {}
    for batch in islice(pair_batches(normal, abnormal, ONE_CROP, 0, CPU), 200):
        for half in (batch.normal, batch.abnormal):
            assert half.features.shape == (4, 1, 1, 1)
            for name, value in zip(half.video_ids, half.features.flatten().tolist(), strict=True):
                video, crop = divmod(int(value), 3)
                assert f"{name[0]}{video}" == name
                seen.setdefault(name, Counter())[crop] += 1
    assert len(seen) == 16
    assert all(set(crops) == {0, 1, 2} for crops in seen.values())
    drawn = sum(seen.values(), Counter[int]())
    assert all(abs(count / drawn.total() - 1 / 3) < 0.05 for count in drawn.values())


def test_drawn_crops_depend_on_the_seed_and_leave_the_order_of_videos() -> None:
    normal, abnormal = bags_of_crops(9, 3, "n"), bags_of_crops(7, 3, "a")

    def draws(seed: int, training: Training) -> tuple[list[tuple[str, ...]], list[list[float]]]:
        batches = list(islice(pair_batches(normal, abnormal, training, seed, CPU), 12))
        halves = [half for batch in batches for half in (batch.normal, batch.abnormal)]
        return [half.video_ids for half in halves], [half.features.flatten().tolist() for half in halves]

    names, crops = draws(0, ONE_CROP)
    assert draws(0, ONE_CROP) == (names, crops)
    assert draws(0, Training(batch_size=4))[0] == names
    # Other crops of the same videos at another seed: compared by the crop's number alone.
    assert [[value % 3 for value in row] for row in draws(1, ONE_CROP)[1]] != [
        [value % 3 for value in row] for row in crops
    ]


def test_lengths_and_classes_go_with_their_videos() -> None:
    for training in (Training(batch_size=4), ONE_CROP):
        for batch in islice(pair_batches(bags_of_crops(9, 2, "n"), bags_of_crops(7, 2, "a"), training, 0, CPU), 5):
            for half in (batch.normal, batch.abnormal):
                places = [int(name[1:]) for name in half.video_ids]
                assert half.lengths is not None
                assert half.classes is not None
                assert half.lengths.tolist() == [place + 1 for place in places]
                assert half.classes.argmax(1).tolist() == places


@pytest.mark.parametrize(
    ("normal", "abnormal", "size", "crops", "expected"),
    [
        (800, 810, 16, None, 50),
        (800, 810, 64, "one-at-random", 800 * 10 // 64),
        (10, 25, 4, None, 2),  # of ten videos two fill no batch
        (3, 25, 16, None, 1),  # the batch shrinks
        (3, 25, 16, "one-at-random", 10),
    ],
)
def test_a_pass_is_over_the_videos_of_the_smaller_class_or_over_their_crops(
    normal: int, abnormal: int, size: int, crops: str | None, expected: int
) -> None:
    training = Training(batch_size=size, crops=crops)  # type: ignore[arg-type]
    assert steps_per_pass(bags_of_crops(normal, 10, "n"), bags_of_crops(abnormal, 10, "a"), training) == expected


@pytest.mark.parametrize("rule", ["index", "average-or-pad"])
def test_lengths_are_told_where_zeros_fill_up_videos(tiny_scenes: Path, rule: SegmentRule) -> None:
    dataset = Dataset(tiny_scenes / "scenes-avenue")
    videos = dataset.manifest.split("train")
    loaded = load_bags(dataset, videos, Training(segments=18, segmenting=rule), {})
    assert loaded.lengths is not None
    assert loaded.lengths.tolist() == [min(video.rows, 18) for video in videos]
    assert len(set(loaded.lengths.tolist())) > 2
    for features, length in zip(loaded.features, loaded.lengths.tolist(), strict=True):
        assert (features[:, length:] == 0).all()
        assert (features[:, :length].norm(dim=-1) > 0).all()
    assert load_bags(dataset, videos, Training(segments=18), {}).lengths is None


def test_pseudo_labels_are_picked_where_features_are(tiny_scenes: Path) -> None:
    dataset = Dataset(tiny_scenes / "scenes-ucf-crime")
    videos = dataset.manifest.split("train")[:3]
    labels = pseudo_labels(dataset, {"motion": "given", "objects": "given"})
    loaded = load_bags(dataset, videos, Training(segments=30, segmenting="index"), labels)
    assert loaded.motion is not None
    assert loaded.objects is not None
    for i, video in enumerate(videos):
        np.testing.assert_array_equal(loaded.motion[i, : video.rows].numpy(), labels["motion"](video))
        np.testing.assert_array_equal(loaded.objects[i, : video.rows].numpy(), labels["objects"](video))
        assert loaded.motion[i, video.rows :].sum() == loaded.objects[i, video.rows :].sum() == 0


def test_classes_are_told_only_where_they_are_asked_for(tiny_scenes: Path) -> None:
    dataset = Dataset(tiny_scenes / "scenes-ucf-crime")
    videos = dataset.manifest.split("train")
    names = ["normal", *sorted({name for video in videos for name in video.classes})]
    assert len(names) > 2
    loaded = load_bags(dataset, videos, Training(segments=2), {}, names)
    assert loaded.classes is not None
    for row, video in zip(loaded.classes, videos, strict=True):
        assert [name for name, of in zip(names, row.tolist(), strict=True) if of] == list(video.classes or ["normal"])
    assert load_bags(dataset, videos, Training(segments=2), {}).classes is None


def test_shuffled_labels_take_their_classes_along() -> None:
    videos = [
        video.model_copy(update={"classes": (f"c{i % 3}",)}) if video.label else video
        for i, video in enumerate(videos_of(12, 9))
    ]
    shuffled = shuffle_labels(videos, seed=1)
    assert [video.name for video in shuffled] == [video.name for video in videos]
    assert [video.label for video in shuffled] != [video.label for video in videos]
    assert Counter(video.classes for video in shuffled) == Counter(video.classes for video in videos)
    assert all(bool(video.classes) == bool(video.label) for video in shuffled)


NATURAL = Training(batch_size=4, mixture="natural")


def test_a_natural_mixture_draws_all_videos_alike_and_splits_them_by_class() -> None:
    batches = list(islice(pair_batches(bags(20, "n"), bags(5, "a"), NATURAL, 0, CPU), 300))
    for batch in batches:
        assert len(batch.normal.video_ids) + len(batch.abnormal.video_ids) == 8
        assert [f"a{int(x)}" for x in batch.abnormal.features.flatten()] == list(batch.abnormal.video_ids)
        assert [f"n{int(x)}" for x in batch.normal.features.flatten()] == list(batch.normal.video_ids)
    sizes = Counter(len(batch.abnormal.video_ids) for batch in batches)
    assert set(sizes) == set(range(6))
    share = sum(size * count for size, count in sizes.items()) / (300 * 8)
    assert share == pytest.approx(5 / 25, abs=0.01)


def test_a_natural_mixture_passes_over_all_videos_whatever_their_class() -> None:
    one_pass = list(islice(pair_batches(bags(20, "n"), bags(4, "a"), NATURAL, 3, CPU), 3))
    seen = Counter(name for batch in one_pass for name in (*batch.normal.video_ids, *batch.abnormal.video_ids))
    assert len(seen) == 24
    assert steps_per_pass(bags(20, "n"), bags(4, "a"), NATURAL) == 3


def test_a_natural_mixture_has_the_same_places_whichever_videos_are_abnormal() -> None:
    def places(normal: int, abnormal: int) -> list[list[int]]:
        batches = islice(pair_batches(bags(normal, "n"), bags(abnormal, "a"), NATURAL, 1, CPU), 30)
        of_all = [
            [*batch.normal.features.flatten().tolist(), *(batch.abnormal.features.flatten() + normal).tolist()]
            for batch in batches
        ]
        return [sorted(map(int, places)) for places in of_all]

    assert places(20, 5) == places(20, 5)
    assert places(19, 6) == places(20, 5)


def test_one_crop_at_random_goes_with_a_natural_mixture() -> None:
    training = Training(batch_size=4, mixture="natural", crops="one-at-random")
    batches = islice(pair_batches(bags_of_crops(9, 3, "n"), bags_of_crops(5, 3, "a"), training, 0, CPU), 20)
    assert {batch.normal.features.shape[1] for batch in batches} == {1}
