"""SSRL: scores and loss terms of every stage in plain loops under the official names, stages, gates, long videos."""

import numpy as np
import pytest
import torch

from benchmark.api import FeatureSpec, TrainingContext
from methods.parts import long_videos
from methods.rtfm import RTFM
from methods.ssrl import SSRL, PatchStream
from tests.unit.methods import bags, plain_rtfm

DIM = 8
GRIDS = ((2, 3), (3, 5), (4, 7))
CELLS = {(2, 3): 6, (3, 5): 3, (4, 7): 10, (1, 1): 1, (3, 3): 1, (5, 2): 10}
"""Places where a kernel of 3 x 3 fits, with a frame of zeros around grids of less than 3 rows or columns."""
WEIGHTS = {"magnitude_margin": 30.0, "magnitude_weight": 0.01, "smoothness": 0.3, "sparsity": 0.2}


def official_weights(grids=GRIDS, dim=DIM):
    weights = plain_rtfm.Weights()
    for i, grid in enumerate(grids):
        weights.aggregate(f"Aggregate_patch.{i}", dim, plain_rtfm.RTFM_NAMES, norm_at=2, running=True)
        weights.layer(f"patch_to_clip.{i}.0", dim // 2, dim, 3, 3)
        weights.norm(f"patch_to_clip.{i}.2", dim // 2)
        weights.layer(f"linear_out.{i}", dim, dim // 2 * CELLS[grid])
    weights.aggregate("Aggregate_clip", dim, plain_rtfm.RTFM_NAMES, norm_at=2, running=True)
    weights.layer("classfier.fc1", 512, dim)
    weights.layer("classfier.fc2", 128, 512)
    weights.layer("classfier.fc3", 1, 128)
    return weights.tensors()


def convolve_grid(image, weight, bias):
    """Kernel of 3 x 3 on (rows, columns, D): the places where it fits, row by row, (places, channels)."""
    if min(image.shape[:2]) < 3:
        image = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    places = []
    for y in range(image.shape[0] - 2):
        for x in range(image.shape[1] - 2):
            taps = [weight[:, :, i, j] @ image[y + i, x + j] for i in range(3) for j in range(3)]
            places.append(sum(taps) + bias)
    return np.array(places)


def evaluate(state, features, grids=GRIDS, learning=()):
    """Scores (videos, T) and features (videos, crops, T, D); parts that are learning normalise by their batch."""
    state, names = {name: value.numpy() for name, value in state.items()}, plain_rtfm.RTFM_NAMES
    videos, crops, length, dim = features.shape
    usual = crops - sum(rows * columns for rows, columns in grids)
    joined, first = features[:, :usual].copy(), usual
    for i, (rows, columns) in enumerate(grids):
        segments = [
            np.array([features[v, first + p, t] for p in range(rows * columns)])
            for v in range(videos)
            for t in range(length)
        ]
        first += rows * columns
        related = plain_rtfm.aggregate(segments, state, f"Aggregate_patch.{i}", names, i in learning)
        weight, bias = state[f"patch_to_clip.{i}.0.weight"], state[f"patch_to_clip.{i}.0.bias"]
        places = [
            plain_rtfm.relu(convolve_grid(patches.reshape(rows, columns, dim), weight, bias)) for patches in related
        ]
        places = plain_rtfm.batch_norm(places, state, f"patch_to_clip.{i}.2", i in learning)
        for number, one in enumerate(places):
            flat = np.array([one[place, channel] for channel in range(dim // 2) for place in range(len(one))])
            seen = plain_rtfm.relu(plain_rtfm.dense(flat[None], state, f"linear_out.{i}"))[0]
            joined[number // length, :, number % length] += seen
    sequences = [crop for video in joined for crop in video]
    embedded = plain_rtfm.aggregate(sequences, state, "Aggregate_clip", names, "clip" in learning)
    scores = []
    for rows in embedded:
        hidden = plain_rtfm.relu(plain_rtfm.dense(rows, state, "classfier.fc1"))
        hidden = plain_rtfm.relu(plain_rtfm.dense(hidden, state, "classfier.fc2"))
        scores.append(plain_rtfm.sigmoid(plain_rtfm.dense(hidden, state, "classfier.fc3")[:, 0]))
    return np.reshape(scores, (videos, usual, length)).mean(1), np.reshape(embedded, (videos, usual, length, dim))


def build(grids=GRIDS, dim=DIM, official=True, **config):
    torch.manual_seed(1)
    config = {"dropout": 0.0, **WEIGHTS, **config}
    method = SSRL(SSRL.Config(**config), FeatureSpec(dim, {}, patch_grids=grids)).double()
    if official:
        method.load_state_dict(SSRL.adopt_weights(official_weights(grids, dim)))
    return method


def draw(videos=2, usual=2, length=5, grids=GRIDS, dim=DIM, seed=0):
    return bags.batch(videos, usual + sum(r * c for r, c in grids), length, dim, seed=seed)


def together(batch):
    return torch.cat([batch.normal.features, batch.abnormal.features])


def enter(method, stage, steps=100):
    """Begin a training, and go on to a stage."""
    method.train().begin_training(TrainingContext(steps, 0))
    for name in list(method.training_stages())[:stage]:
        method.eval().stage_ended(name, iter(()))
        method.train()
        if name != "frames":
            method.gates[int(name.removeprefix("patches ")) - 1] = 1
    return method


def steps(method, batches, decay=0.01):
    """Take steps of a fresh optimiser with weight decay."""
    optimizer = torch.optim.Adam(method.parameters(), lr=1e-2, weight_decay=decay)
    for batch in batches:
        optimizer.zero_grad()
        method.training_step(batch)["loss"].backward()
        optimizer.step()


def copies(method):
    return {name: value.clone() for name, value in method.state_dict().items()}


@pytest.mark.parametrize("grids", [GRIDS, ((1, 1), (5, 2)), ((3, 3),)])
@pytest.mark.parametrize(("videos", "usual", "length"), [(1, 1, 1), (2, 3, 4)])
@torch.no_grad()
def test_scores_and_embedding(videos, usual, length, grids):
    method, features = build(grids).eval(), draw(videos, usual, length, grids).normal.features
    scores, embedded = evaluate(official_weights(grids), features.numpy(), grids)
    np.testing.assert_allclose(method.score(features).numpy(), scores, rtol=0, atol=1e-9)
    np.testing.assert_allclose(method.embed(features).numpy(), embedded.mean(1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("stage", [0, 1, 2, 3, None])
def test_loss_terms_of_every_stage(stage):
    """A stage knows the streams so far; those that learn, and no others, normalise by the batch."""
    method, batch = build(staged=stage is not None), draw(length=10)
    enter(method, stage or 0)
    acting = 3 if stage is None else stage
    learning = {"clip", 0, 1, 2} if stage is None else {stage - 1} if stage else {"clip"}
    features, grids = together(batch).numpy(), GRIDS[:acting]
    shown = features[:, : 2 + sum(rows * columns for rows, columns in grids)]
    scores, embedded = evaluate(official_weights(), shown, grids, learning)
    expected = plain_rtfm.loss_terms(scores, embedded, 1, *WEIGHTS.values())
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert next(iter(terms)) == "loss"
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_without_patches_it_is_rtfm_and_scores_alike():
    torch.manual_seed(0)
    rtfm = RTFM(RTFM.Config(), FeatureSpec(12, {}))
    torch.manual_seed(0)
    ours = SSRL(SSRL.Config(), FeatureSpec(12, {}))
    assert ours.training_stages() == {}
    assert copies(ours).keys() == copies(rtfm).keys()
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in rtfm.state_dict().items())
    batch = bags.batch(2, 3, 32, 12)
    for method in (rtfm.double(), ours.double()):
        method.train().begin_training(TrainingContext(3, 0))
    for step in range(3):
        losses = []
        for method in (rtfm, ours):
            torch.manual_seed(step)
            losses.append(method.training_step(batch)["loss"])
        assert torch.equal(*losses)
        for method in (rtfm, ours):
            torch.manual_seed(step)
            steps(method, [batch])
    features = batch.normal.features
    for method in (rtfm.eval(), ours.eval()):
        method.requires_grad_(False)
    # Of the same weights; a matrix product rounds by where its rows lie in memory on some processors.
    torch.testing.assert_close(ours.score(features), rtfm.score(features), rtol=1e-12, atol=0)
    torch.testing.assert_close(ours.embed(features), rtfm.embed(features), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("place", [0, 1, 2])
@torch.no_grad()
def test_a_stream_whose_linear_layer_is_zero_changes_nothing(place):
    method, features = build().eval(), draw().normal.features
    with_all = method.score(features)
    method.streams[place].out.weight.zero_()
    method.streams[place].out.bias.zero_()
    silent = method.score(features)
    method.gates[place] = 0
    assert torch.equal(method.score(features), silent)
    assert not torch.allclose(silent, with_all)


@torch.no_grad()
def test_patches_are_told_apart_by_their_place_in_the_grid():
    method, features = build(((2, 3),)).eval(), draw(grids=((2, 3),)).normal.features
    exchanged = features[:, [1, 0, 2, 3, 4, 5, 6, 7]]
    torch.testing.assert_close(method.score(exchanged), method.score(features))
    exchanged = features[:, [0, 1, 3, 2, 4, 5, 6, 7]]
    assert not torch.allclose(method.score(exchanged), method.score(features))


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_a_stage_changes_its_own_weights_and_statistics_alone(stage):
    method = enter(build(), stage)
    before = copies(method)
    steps(method, [draw(seed=seed) for seed in (1, 2)])
    changed = {name for name, value in method.state_dict().items() if not torch.equal(value, before[name])}
    own = ("temporal.", "scorer.") if stage == 0 else (f"streams.{stage - 1}.",)
    assert changed - {"gates"} == {name for name in before if name.startswith(own)}
    assert method.gates.tolist() == [float(place < stage) for place in range(3)]
    assert all(parameter.requires_grad for parameter in method.parameters())


def test_without_stages_everything_learns_from_the_start():
    method = build(staged=False)
    method.train().begin_training(TrainingContext(10, 0))
    assert method.training_stages() == {}
    before = copies(method)
    steps(method, [draw(seed=seed) for seed in (1, 2)])
    changed = {name for name, value in method.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == set(before) - {"gates"}
    assert method.gates.tolist() == [1, 1, 1]


def test_modes_of_a_stage_survive_a_look_and_end_with_a_new_training():
    method = enter(build(dropout=0.5), 2)
    for _ in range(2):
        assert method.dropout.training
        assert method.scorer.dropout.training
        modes = [any(m.training for m in part.modules()) for part in (method.temporal, *method.streams)]
        assert modes == [False, False, True, False]
        method.eval()
        assert not any(module.training for module in method.modules())
        method.train()
    method.begin_training(TrainingContext(10, 0))
    assert all(module.training for module in method.modules())
    assert method.gates.tolist() == [0, 0, 0]
    before = copies(method)
    steps(method, [draw()])
    assert not torch.equal(method.scorer.fc1.weight, before["scorer.fc1.weight"])
    assert torch.equal(method.streams[0].out.weight, before["streams.0.out.weight"])


def test_scores_on_the_way_know_the_streams_that_have_learned_and_stored_ones_stay():
    method, features, state = build(), draw().normal.features, official_weights()
    enter(method, 0)

    def scores(of=method):
        of.eval()
        with torch.no_grad():
            found = of.score(features)
        method.train()
        return found

    usual = evaluate(state, features.numpy()[:, :2], ())[0]
    np.testing.assert_allclose(scores().numpy(), usual, rtol=0, atol=1e-9)
    method.eval().stage_ended("frames", iter(()))
    method.train()
    # A look between the stages: the next stream has not learned anything yet.
    np.testing.assert_allclose(scores().numpy(), usual, rtol=0, atol=1e-9)
    steps(method, [draw()])
    opened = scores()
    assert not np.allclose(opened.numpy(), usual)
    stored = build(official=False)
    stored.load_state_dict(copies(method))
    method.begin_training(TrainingContext(10, 0))
    assert torch.equal(scores(stored), opened)


def test_a_stream_without_a_step_never_acts():
    method = enter(build(), 0)
    method.stage_ended("frames", iter(()))
    method.stage_ended("patches 1", iter(()))
    method.train()
    method.training_step(draw())
    assert method.gates.tolist() == [0, 1, 0]


def test_shares_of_the_stages_are_equal():
    stages = build().training_stages()
    assert list(stages) == ["frames", "patches 1", "patches 2", "patches 3"]
    assert set(stages.values()) == {0.25}


def test_dropout_falls_on_the_finest_grid_alone():
    method, x = build(dropout=0.7).train(), torch.rand(3, 28, DIM, dtype=torch.float64)
    assert [stream.dropout.p for stream in method.streams] == [0, 0, 0.7]
    torch.manual_seed(0)
    first, second = method.streams[2](x), method.streams[2](x)
    assert not torch.equal(first, second)


def test_parameters_at_the_published_size():
    with torch.device("meta"):
        method = SSRL(SSRL.Config(), FeatureSpec(2048, {}, patch_grids=GRIDS))
        rtfm = RTFM(RTFM.Config(), FeatureSpec(2048, {}))
    network = bags.parameters(rtfm.temporal)
    convolution = 2048 * 1024 * 9 + 1024 + 2 * 1024
    linear = sum((inner * 2048 + 2048) for inner in (6144, 3072, 10240))
    count = bags.parameters(method)
    assert count == bags.parameters(rtfm) + 3 * (network + convolution) + linear
    assert count == pytest.approx(192.0e6, abs=0.05e6)


def test_layers_start_as_the_official_ones_do():
    stream = PatchStream(64, (4, 7), 0.0)
    method = SSRL(SSRL.Config(), FeatureSpec(64, {}, patch_grids=((2, 3),)))
    weight = method.streams[0].aggregate[0].weight
    assert weight.abs().max().item() == pytest.approx((6 / (9 * 64 + 9 * 32)) ** 0.5, rel=0.01)
    assert not any(p.any() for name, p in method.named_parameters() if name.endswith("bias"))
    assert not method.streams[0].relation.non_local.norm.weight.any()
    assert stream.out.in_features == 320


@torch.no_grad()
def test_a_long_video_is_scored_a_few_segments_at_a_time(monkeypatch):
    method, features = build().eval(), draw(1, 2, 37).normal.features
    whole, embedded = method.score(features), method.embed(features)
    seen = []
    for stream in method.streams:
        stream.register_forward_pre_hook(lambda _, rows: seen.append(rows[0].shape[:2]))
    monkeypatch.setattr(long_videos, "ELEMENTS", DIM * 60)
    torch.testing.assert_close(method.score(features), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(method.embed(features), embedded, rtol=0, atol=1e-12)
    assert len(seen) > 3
    assert all(segments * patches <= 60 for segments, patches in seen)


def test_names_of_a_stage_and_of_parallel_training_are_taken():
    state = {f"module.{name}": value for name, value in official_weights().items()}
    assert SSRL.adopt_weights(state).keys() == build(official=False).state_dict().keys()
    first = {name.replace("_clip", "_base"): v for name, v in official_weights(()).items()}
    assert SSRL.adopt_weights(first).keys() == build((), official=False).state_dict().keys()
    own = build(official=False).state_dict()
    assert SSRL.adopt_weights(own).keys() == own.keys()


@pytest.mark.parametrize("dim", [1, 7])
@pytest.mark.parametrize("stage", [0, 1, 2, None])
def test_blank_frames_of_one_segment_leave_gradients_finite(stage, dim):
    grids = ((1, 2), (3, 3))
    method = enter(build(grids, dim, official=False, dropout=0.7, staged=stage is not None), stage or 0)
    batch = draw(1, 1, 1, grids, dim)
    batch.abnormal.features.zero_()
    method.training_step(batch)["loss"].backward()
    gradients = [p.grad for p in method.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
