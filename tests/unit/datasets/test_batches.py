from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from benchmark.datasets.batches import BagSet, ahead, hold_out, load_bags, pair_batches, place
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Video
from benchmark.datasets.pseudo_labels import motion_source, pseudo_labels
from benchmark.datasets.segments import segment_mean
from benchmark.terms import Training

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
