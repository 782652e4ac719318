import hashlib
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.arrays import rows_sha256
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import snippet_labels
from benchmark.datasets.manifest import read_manifest, write_manifest
from benchmark.datasets.scenes import SCENES, ensure_scenes, make_scenes, write_scenes
from benchmark.datasets.scenes.build import FEATURE_SET
from benchmark.datasets.scenes.ceilings import ceilings
from benchmark.datasets.scenes.domains import ALWAYS_ABNORMAL, CONTEXTS, DOMAINS, MOTIONS
from benchmark.datasets.scenes.generator import (
    CONTEXT_NAMES,
    JITTER_FRAMES,
    MOTION_NAMES,
    SCENES_VERSION,
    render,
    scripts,
)
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES

FILES = ("features.npy", "motion.npy", "objects.npy", "manifest.json")
by_domain = pytest.mark.parametrize("domain", DOMAINS.values(), ids=SCENES)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """All four datasets, made once; ask for one by name."""
    root = tmp_path_factory.mktemp("scenes")
    return lambda name: ensure_scenes(name, root)


def small(name="scenes-xd-violence"):
    return replace(DOMAINS[name], train=(4, 8), test=(3, 8))


def test_two_generations_are_equal_byte_for_byte(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_scenes(small(), tmp_path / folder)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_videos_of_different_domains_and_splits_differ():
    domain = small()
    plan = list(scripts(domain))
    other = next(iter(scripts(small("scenes-ucf-crime"))))
    first = {s.split: render(domain, s).features[0, 0] for s in reversed(plan)}
    assert not np.array_equal(first["train"], first["test"])
    assert not np.array_equal(render(small("scenes-ucf-crime"), other).features[0, 0], first["train"])


@by_domain
def test_dataset_is_what_its_manifest_says(domain, scenes):
    dataset = scenes(domain.name)
    manifest = dataset.manifest
    assert (manifest.name, manifest.benchmark) == (domain.name, domain.name.removeprefix("scenes-"))
    assert manifest.metric == ("ap_frame" if manifest.benchmark == "xd-violence" else "auc_frame")
    assert (manifest.feature_set, manifest.dim, manifest.crops) == (FEATURE_SET, 256, 2)
    for split, counts in (("train", domain.train), ("test", domain.test)):
        labels = [video.label for video in manifest.split(split)]
        assert (labels.count(0), labels.count(1)) == counts
        assert {c for v in manifest.split(split) for c in v.classes} == {c.name for c in domain.classes()}
    assert len({video.name for video in manifest.videos}) == len(manifest.videos)
    assert sum((dataset.path / file).stat().st_size for file in FILES) < 40e6
    for video in manifest.videos:
        features, motion, objects = dataset.features(video), dataset.motion(video), dataset.objects(video)
        assert np.isfinite(features).all()
        for known in (motion, objects):
            assert known.min() >= 0
            assert known.max() <= 1
        assert video.sha256 == rows_sha256((features, motion, objects))
        assert video.rows == -(-video.frames // SNIPPET_FRAMES)


@by_domain
def test_intervals_lie_in_abnormal_test_videos_only(domain, scenes):
    manifest = scenes(domain.name).manifest
    assert not any(video.intervals for video in manifest.videos if video.label == 0 or video.split == "train")
    assert any(video.frames % SNIPPET_FRAMES for video in manifest.videos)
    partial = 0
    for video in manifest.split("test"):
        assert bool(video.intervals) == bool(video.label) == bool(video.classes)
        borders = [0, *(frame for interval in video.intervals for frame in interval), video.frames]
        assert borders == sorted(borders)
        assert all(start < end for start, end in video.intervals)
        positive, negative = snippet_labels(video, 16)
        partial += int(((positive > 0) & (negative > 0)).sum())
    assert partial > 0


@by_domain
def test_snippets_are_abnormal_exactly_where_the_pair_is_forbidden(domain):
    for script in scripts(domain):
        forbidden = [
            MOTION_NAMES[m] in ALWAYS_ABNORMAL or (MOTION_NAMES[m], CONTEXT_NAMES[c]) in domain.forbidden
            for c, m in zip(script.contexts, script.motions, strict=True)
        ]
        np.testing.assert_array_equal(script.abnormal, forbidden)
        assert script.abnormal.any() == bool(script.label)
        annotated = np.zeros(script.frames, dtype=bool)
        for start, end in script.intervals:
            annotated[start:end] = True
        truth = np.repeat(script.abnormal, SNIPPET_FRAMES)[: script.frames]
        assert (annotated != truth).sum() <= 2 * JITTER_FRAMES * len(script.intervals)


@by_domain
def test_every_forbidden_motion_is_normal_in_another_context_of_the_domain(domain):
    plan = list(scripts(domain))
    normal = {pair for s in plan for pair in zip(s.contexts[~s.abnormal], s.motions[~s.abnormal], strict=True)}
    abnormal = {pair for s in plan for pair in zip(s.contexts[s.abnormal], s.motions[s.abnormal], strict=True)}
    assert not normal & abnormal
    for motion, context in domain.forbidden:
        index = MOTION_NAMES.index(motion)
        assert (CONTEXT_NAMES.index(context), index) in abnormal
        assert any(m == index for _, m in normal)


def test_domains_share_some_forbidden_pairs_and_contradict_each_other_in_others():
    for domain in DOMAINS.values():
        others = [other for other in DOMAINS.values() if other is not domain]
        shared = {pair for other in others for pair in set(domain.forbidden) & set(other.forbidden)}
        disputed = {
            pair
            for other in others
            for pair in set(domain.forbidden) ^ set(other.forbidden)
            if pair[1] in domain.contexts and pair[1] in other.contexts
        }
        assert shared
        assert disputed


def test_tables_of_the_domains_name_known_contexts_and_motions():
    strongest = sorted(MOTIONS, key=MOTIONS.__getitem__)[-3:]
    assert not set(strongest) & set(ALWAYS_ABNORMAL)
    for domain in DOMAINS.values():
        assert set(domain.contexts) <= set(CONTEXTS)
        assert {m for m, _ in domain.forbidden} <= set(MOTIONS) - set(ALWAYS_ABNORMAL)
        assert {c for _, c in domain.forbidden} <= set(domain.contexts)
        assert set(domain.always) <= set(ALWAYS_ABNORMAL)


@by_domain
def test_ceilings_show_a_relation_that_is_learnable_but_not_given_away(domain, scenes):
    found = ceilings(scenes(domain.name))
    reached = {reach.seen: reach for reach in (*found.supervised, *found.controls)}
    assert 0.93 <= reached["features"].auc <= 0.98
    for part in ("motion", "context", "motion intensity"):
        assert 0.5 < reached[part].auc <= 0.85
        assert reached[part].auc < reached["features"].auc - 0.1
        assert reached[part].ap < reached["features"].ap - 0.2
    for control in ("feature norm", "video length"):
        assert reached[control].auc == pytest.approx(0.5, abs=0.1)
    assert 0.08 <= found.base_rate <= 0.25


def test_ceilings_of_another_dataset_are_refused(scenes):
    dataset = scenes("scenes-avenue")
    dataset = Dataset(dataset.path)
    dataset.manifest = dataset.manifest.model_copy(update={"feature_set": "i3d"})
    with pytest.raises(InputError, match="wvad data scenes"):
        ceilings(dataset)


@pytest.fixture
def few(monkeypatch):
    """Make the domain `scenes-avenue` small."""
    monkeypatch.setitem(DOMAINS, "scenes-avenue", small("scenes-avenue"))


def test_second_call_makes_nothing(tmp_path, few):
    calls = []
    ensure_scenes("scenes-avenue", tmp_path / "data", lambda done, total: calls.append((done, total)))
    assert calls == [(i, 23) for i in range(1, 24)]
    before = {file: (tmp_path / "data/scenes-avenue" / file).stat() for file in FILES}
    ensure_scenes("scenes-avenue", tmp_path / "data", lambda done, total: pytest.fail("made again"))
    assert {file: (tmp_path / "data/scenes-avenue" / file).stat() for file in FILES} == before
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["scenes-avenue"]


@pytest.mark.parametrize("harm", ["older version", "truncated"])
def test_scenes_of_another_version_or_damaged_are_made_again(tmp_path, few, harm):
    folder = make_scenes("scenes-avenue", tmp_path)
    intact = (folder / "features.npy").read_bytes()
    if harm == "truncated":
        (folder / "features.npy").write_bytes(intact[:1000])
    else:
        write_manifest(read_manifest(folder).model_copy(update={"feature_set": "scenes-256-v0"}), folder)
    assert ensure_scenes("scenes-avenue", tmp_path).manifest.feature_set == FEATURE_SET
    assert (folder / "features.npy").read_bytes() == intact
    assert [path.name for path in tmp_path.iterdir()] == ["scenes-avenue"]


def test_a_real_dataset_of_that_name_is_left_alone(tmp_path, few):
    folder = make_scenes("scenes-avenue", tmp_path)
    write_manifest(read_manifest(folder).model_copy(update={"feature_set": "i3d"}), folder)
    for make in (ensure_scenes, make_scenes):
        with pytest.raises(InputError, match="not simulated"):
            make("scenes-avenue", tmp_path)
    assert read_manifest(folder).feature_set == "i3d"


def test_a_failed_generation_leaves_nothing(tmp_path, few):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_scenes("scenes-avenue", tmp_path, stop)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_at_once_are_harmless(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        made = pool.starmap(make_scenes, [("scenes-avenue", tmp_path)] * 2)
    assert made == [tmp_path / "scenes-avenue"] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["scenes-avenue"]
    Dataset(made[0])


def test_unknown_name_and_unwritable_root_are_input_errors(tmp_path):
    with pytest.raises(InputError, match="scenes-ucf-crime"):
        ensure_scenes("scenes-nowhere", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        ensure_scenes("scenes-avenue", tmp_path / "file")


def test_the_bytes_of_the_scenes_change_only_with_their_version(tiny_scenes: Path) -> None:
    # Other bytes under the same version would be taken for the same datasets: raise SCENES_VERSION.
    content = b"".join((tiny_scenes / name / "features.npy").read_bytes() for name in SCENES)
    assert (SCENES_VERSION, hashlib.sha256(content).hexdigest()[:16]) == (1, "9d840ad8a6bffa9d")
