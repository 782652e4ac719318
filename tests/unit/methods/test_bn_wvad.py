"""BN-WVAD: scores and loss terms against plain loops on the official names, and where it is easily done otherwise."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import Bags, FeatureSpec, PairBatch
from methods.bn_wvad import BNWVAD, mahalanobis, select_farthest
from tests.unit.methods import bags, plain
from tests.unit.methods import plain_two_branch as network
from tests.unit.methods.plain_two_branch import sigmoid


def official_weights(dim, width=64, seed=0):
    """Random weights and running statistics under the official names, float64; the published width is 512."""
    drawer = network.Drawer(seed)
    drawer.network(dim, width)
    for i, (inputs, outputs) in enumerate([(width, width // 16), (width // 16, width // 32), (width // 32, 1)], 1):
        drawer.layer(f"normal_head.conv{i}", outputs, inputs, 1)
    for name, channels in (("normal_head.bn1", width // 16), ("normal_head.bn2", width // 32)):
        drawer.norm(name, channels)
        drawer.state[f"{name}.running_mean"] = drawer.random.uniform(-0.5, 0.5, channels)
        drawer.state[f"{name}.running_var"] = drawer.random.uniform(0.1, 3, channels)
        drawer.state[f"{name}.num_batches_tracked"] = np.array(1000)
    return drawer.state


def adopt(state):
    return BNWVAD.adopt_weights({name: torch.from_numpy(np.asarray(value)) for name, value in state.items()})


def build(state, dim, **config):
    width = len(state["embedding.conv_1.0.bias"])
    method = BNWVAD(BNWVAD.Config(width=width, **config), FeatureSpec(dim, {})).double()
    method.load_state_dict(adopt(state))
    return method.eval()


def convolve(rows, state, i):
    return rows @ state[f"normal_head.conv{i}.weight"][:, :, 0].T + state[f"normal_head.conv{i}.bias"]


def normalise(rows, state, i, mean, variance):
    weight, bias = state[f"normal_head.bn{i}.weight"], state[f"normal_head.bn{i}.bias"]
    return np.maximum((rows - mean) / np.sqrt(variance + 1e-5) * weight + bias, 0)


def distance(row, mean, variance):
    return math.sqrt(sum((x - m) ** 2 / v for x, m, v in zip(row, mean, variance, strict=True)))


def running(state, i):
    return state[f"normal_head.bn{i}.running_mean"], state[f"normal_head.bn{i}.running_var"]


def plain_raw_scores(state, features):
    """The code's scores, without an upper end, of one video (crops, T, D)."""
    scores = []
    for rows in features:
        first = convolve(network.network(rows, state), state, 1)
        second = convolve(normalise(first, state, 1, *running(state, 1)), state, 2)
        p = sigmoid(convolve(normalise(second, state, 2, *running(state, 2)), state, 3)[:, 0])
        both = [
            distance(a, *running(state, 1)) + distance(b, *running(state, 2))
            for a, b in zip(first, second, strict=True)
        ]
        scores.append(both * p)
    return np.mean(scores, axis=0)


def plain_select(distances, sample_count, batch_count):
    """Distances (2M, T) of pairs: the abnormal ones in order of video and time, normal ones rank by rank."""
    normal, abnormal = np.split(np.asarray(distances), 2)
    chosen = {(v, t) for v, row in enumerate(abnormal) for t in plain.top(row, sample_count)}
    places = [(v, t) for v in range(len(abnormal)) for t in range(abnormal.shape[1])]
    chosen |= {places[i] for i in plain.top([abnormal[place] for place in places], batch_count)}
    ranks = [sorted(row, reverse=True) for row in normal]
    by_rank = [row[rank] for rank in range(normal.shape[1]) for row in ranks]
    return by_rank[: len(chosen)], [abnormal[place] for place in sorted(chosen)]


def plain_training(state, batch, margin=1.0, sample_ratio=0.2, batch_ratio=0.4, weights=(1, 5, 20)):
    """Loss terms of a step in training mode, and the running statistics after it; crops as samples."""
    sequences = torch.cat([batch.normal.features, batch.abnormal.features]).flatten(0, 1).numpy()
    count, length = len(sequences) // 2, sequences.shape[1]
    rows = np.concatenate([network.network(sequence, state) for sequence in sequences])
    terms, after = [], {}
    for i in (1, 2):
        rows = convolve(rows, state, i)
        mean, variance = rows.mean(0), rows.var(0)
        kept = running(state, i)
        after[i] = 0.9 * kept[0] + 0.1 * mean, 0.9 * kept[1] + 0.1 * rows.var(0, ddof=1)
        distances = np.array([distance(row, *after[i]) for row in rows]).reshape(2 * count, length)
        counts = max(1, int(sample_ratio * length)), max(1, int(count * length * batch_ratio))
        pairs = zip(*plain_select(distances, *counts), strict=True)
        terms.append(weights[i] * plain.mean(max(0, near - far + margin) for near, far in pairs))
        rows = normalise(rows, state, i, mean, variance)
    p = sigmoid(convolve(rows, state, 3)[:, 0]).reshape(2 * count, length)[:count]
    found = {"normal": weights[0] * plain.mean(plain.norm(row) for row in p), "mpp_1": terms[0], "mpp_2": terms[1]}
    return {"loss": sum(found.values()), **found}, after


def draw(*shape, seed=0):
    return torch.from_numpy(bags.uniform(*shape, seed=seed))


@pytest.mark.parametrize(("length", "videos", "crops"), [(1, 1, 1), (4, 2, 1), (7, 3, 1), (33, 2, 3)])
def test_loss_terms_and_running_statistics(length, videos, crops):
    state, batch = official_weights(5), bags.batch(videos=videos, crops=crops, length=length, dim=5)
    method = build(state, 5).train()
    terms = method.training_step(batch)
    expected, after = plain_training(state, batch)
    assert list(terms) == list(expected)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-11)
    for i, norm in enumerate((method.normal_head.bn1, method.normal_head.bn2), 1):
        np.testing.assert_allclose(norm.running_mean.numpy(), after[i][0], rtol=1e-12)
        np.testing.assert_allclose(norm.running_var.numpy(), after[i][1], rtol=1e-12)
        assert norm.num_batches_tracked == 1001
    if length > 1:
        # The statistics from before the step would give other terms.
        before = distance_terms(method, batch, [running(state, i) for i in (1, 2)])
        assert before != pytest.approx([terms["mpp_1"].item(), terms["mpp_2"].item()], rel=1e-3)


def distance_terms(method, batch, statistics):
    """The two terms with other running statistics: momentum 0 keeps them through the step."""
    for norm, (mean, variance) in zip((method.normal_head.bn1, method.normal_head.bn2), statistics, strict=True):
        norm.momentum = 0.0
        norm.running_mean.copy_(torch.from_numpy(mean))
        norm.running_var.copy_(torch.from_numpy(variance))
    terms = method.training_step(batch)
    return [terms["mpp_1"].item(), terms["mpp_2"].item()]


def test_loss_terms_with_other_settings():
    state, batch = official_weights(5), bags.batch(videos=3, crops=1, length=20, dim=5)
    settings = {"margin": 0.3, "normal_weight": 0.5, "mpp_1_weight": 2.0, "mpp_2_weight": 3.0}
    method = build(state, 5, sample_divisor=2, batch_ratio=0.7, **settings).train()
    expected, _ = plain_training(state, batch, 0.3, 0.5, 0.7, (0.5, 2, 3))
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-11)


@pytest.fixture(scope="module")
def published():
    return official_weights(1024, 512)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
@torch.no_grad()
def test_scores_are_those_of_the_official_network_at_the_published_width(published, dtype, tolerance):
    method = BNWVAD(BNWVAD.Config(), FeatureSpec(1024, {})).to(dtype)
    method.load_state_dict(adopt(published))
    method.eval()
    for length in (1, 2, 17):
        features = draw(2, length, 1024, seed=length)
        scores = method.score(features.to(dtype)[None])[0]
        raw = plain_raw_scores(published, features.numpy())
        assert (raw > 1).any()
        np.testing.assert_allclose(scores.numpy(), raw / (1 + raw), rtol=0, atol=tolerance)


def test_parameters_at_the_published_width(published):
    method = BNWVAD(BNWVAD.Config(), FeatureSpec(1024, {}))
    assert len(published) == len(method.state_dict()) == 40
    assert bags.parameters(method) == 5_791_905
    assert sum(v.numel() for v in method.state_dict().values()) == sum(v.size for v in published.values()) == 5_792_003


@pytest.mark.parametrize("prefix", ["", "module."])
def test_official_and_own_names_load_with_and_without_the_prefix_of_data_parallel_training(prefix):
    state = official_weights(5)
    method = build(state, 5)
    weights = {prefix + name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}
    method.load_state_dict(BNWVAD.adopt_weights(weights))
    own = method.state_dict()
    assert set(BNWVAD.adopt_weights({prefix + name: value for name, value in own.items()})) == set(own)
    with pytest.raises(RuntimeError, match=r'Missing key.*"normal_head\.bn1\.running_var"'):
        method.load_state_dict(BNWVAD.adopt_weights({k: v for k, v in weights.items() if "bn1.running_var" not in k}))


def test_every_weight_matters_to_the_scores():
    state, features = official_weights(5), draw(2, 9, 5)
    raw = plain_raw_scores(state, features.numpy())
    for name, value in state.items():
        if value.dtype != float:
            continue
        changed = state | {name: value * 1.5 + 0.1}
        moved = build(changed, 5).score(features[None])[0].detach().numpy()
        expected = plain_raw_scores(changed, features.numpy())
        np.testing.assert_allclose(moved, expected / (1 + expected), rtol=0, atol=1e-12)
        assert np.abs(expected - raw).max() > 1e-6, name


@torch.no_grad()
def test_a_distance_times_p_is_averaged_over_crops_before_it_is_brought_below_one():
    state = official_weights(5)
    method, features = build(state, 5), draw(3, 4, 9, 5)
    scores = method.score(features)
    raw = torch.tensor(
        np.stack([[plain_raw_scores(state, video[[c]]) for c in range(4)] for video in features.numpy()])
    )
    torch.testing.assert_close(scores, raw.mean(1) / (1 + raw.mean(1)), rtol=0, atol=1e-12)
    assert (scores - (raw / (1 + raw)).mean(1)).abs().max() > 1e-3
    # The order, and so AUC and AP, are those of the scores without an upper end.
    assert torch.equal(scores.flatten().argsort(), raw.mean(1).flatten().argsort())
    h = [network.network(rows, state) for rows in features[1].numpy()]
    np.testing.assert_allclose(method.embed(features)[1].numpy(), np.mean(h, axis=0), rtol=0, atol=1e-12)


def test_distances_have_no_epsilon_and_no_gradient_into_the_statistics():
    norm = torch.nn.BatchNorm1d(2).double()
    norm.running_mean.copy_(torch.tensor([1.0, -1.0], dtype=torch.float64))
    norm.running_var.copy_(torch.tensor([1e-6, 4e-6], dtype=torch.float64))
    features = torch.tensor([[[1.003, 1.0], [-1.008, -1.0]]], dtype=torch.float64, requires_grad=True)
    distances = mahalanobis(features, norm)
    assert distances[0].tolist() == pytest.approx([5.0, 0.0], rel=1e-9)
    distances.sum().backward()
    # Towards the farther end, and nothing at the mean itself, where a square root of a sum has no finite gradient.
    assert features.grad[0, 0].tolist() == pytest.approx([0.6 * 1e3, 0.0])
    assert norm.running_var.grad is None


def test_one_forward_pass_moves_the_statistics_once_in_a_step_and_scores_move_nothing():
    method, batch = build(official_weights(5), 5), bags.batch(dim=5)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method.score(batch.normal.features)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    method.train().training_step(batch)
    assert method.normal_head.bn1.num_batches_tracked == 1001
    assert method.normal_head.bn2.num_batches_tracked == 1001


def test_scores_of_abnormal_videos_are_asked_for_nothing():
    method, batch = build(official_weights(5), 5).eval(), bags.batch(videos=3, dim=5)
    before = method.training_step(batch)["normal"]
    batch.abnormal.features.mul_(3)
    assert torch.equal(method.training_step(batch)["normal"], before)
    batch.normal.features.mul_(3)
    assert not torch.equal(method.training_step(batch)["normal"], before)


def test_selection_by_hand():
    normal = [[1.0, 9.0, 2.0, 3.0, 4.0], [5.0, 0.0, 8.0, 7.0, 6.0]]
    abnormal = [[0.1, 0.2, 0.9, 0.3, 0.4], [10.0, 11.0, 12.0, 13.0, 14.0]]
    near, far = select_farthest(torch.tensor(normal + abnormal), 5, 0.4)
    # One of each video, and four of both together, which are all the second's.
    assert far.tolist() == pytest.approx([0.9, 11, 12, 13, 14])
    # The farthest of each normal video, then the second farthest, then the third, cut to five.
    assert near.tolist() == [9, 8, 4, 7, 3]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 40),
    st.sampled_from([(1, 1.0), (2, 0.5), (4, 0.25), (5, 0.2), (10, 0.1)]),
    st.sampled_from([0.05, 0.4, 0.9, 1.0]),
    st.integers(0, 1000),
)
def test_selection_is_that_of_plain_loops(videos, length, sample, batch_ratio, seed):
    divisor, ratio = sample
    # Some distances are equal: the earlier one is taken.
    distances = np.random.default_rng(seed).integers(0, 30, (2 * videos, length)) / 8
    near, far = select_farthest(torch.from_numpy(distances), divisor, batch_ratio)
    counts = max(1, int(ratio * length)), max(1, int(videos * length * batch_ratio))
    expected = plain_select(distances, *counts)
    assert near.tolist() == expected[0]
    assert far.tolist() == expected[1]
    assert counts[1] <= len(far) <= videos * length


def test_the_divisor_is_the_codes_ratio_of_one_fifth():
    assert all(int(0.2 * length) == length // 5 for length in range(1, 10_000))


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(3)), st.integers(1, 20))
def test_losses_do_not_depend_on_the_order_of_normal_videos(order, length):
    state, batch = official_weights(5), bags.batch(videos=3, crops=1, length=length, dim=5)
    turned = Bags(batch.normal.features[list(order)], None, None, batch.normal.video_ids)
    usual = build(state, 5).train().training_step(batch)
    other = build(state, 5).train().training_step(PairBatch(turned, batch.abnormal))
    assert usual["normal"].item() == pytest.approx(other["normal"].item(), rel=1e-9)


def test_crops_are_samples_of_their_own():
    state, batch = official_weights(5), bags.batch(videos=2, crops=3, length=9, dim=5)

    def apart(half):
        return Bags(half.features.flatten(0, 1)[:, None], None, None, tuple("abcdef"))

    together = build(state, 5).train().training_step(batch)
    alone = build(state, 5).train().training_step(PairBatch(apart(batch.normal), apart(batch.abnormal)))
    assert {k: v.item() for k, v in together.items()} == pytest.approx({k: v.item() for k, v in alone.items()})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("videos", "length"), [(1, 1), (2, 6)])
def test_features_without_any_variance_stay_finite(videos, length, dtype):
    torch.manual_seed(0)
    method = BNWVAD(BNWVAD.Config(width=8), FeatureSpec(5, {})).to(dtype).train()
    blank = Bags(torch.zeros(videos, 1, length, 5, dtype=dtype), None, None, ("a", "b")[:videos])
    # As after thousands of steps on such features.
    method.normal_head.bn1.running_var.zero_()
    method.normal_head.bn2.running_var.zero_()
    terms = method.training_step(PairBatch(blank, blank))
    terms["loss"].backward()
    assert all(p.grad.isfinite().all() for p in method.parameters())
    assert all(term.isfinite() for term in terms.values())
    scores = method.eval().score(torch.randn(1, 1, 6, 5, dtype=dtype))
    assert ((scores >= 0) & (scores <= 1)).all()


def test_layers_start_as_the_official_ones_do():
    torch.manual_seed(0)
    method = BNWVAD(BNWVAD.Config(), FeatureSpec(256, {}))
    head = method.normal_head
    assert [head.conv1.weight.shape, head.conv2.weight.shape, head.conv3.weight.shape] == [
        (32, 512, 1),
        (16, 32, 1),
        (1, 16, 1),
    ]
    for weight, inputs in ((head.conv1.weight, 512), (head.conv2.weight, 32), (method.network.embedding.weight, 768)):
        assert weight.abs().max().item() == pytest.approx(inputs**-0.5, rel=0.05)
    for norm in (head.bn1, head.bn2):
        assert (norm.eps, norm.momentum) == (1e-5, 0.1)
        assert norm.weight.eq(1).all()
    assert not any(isinstance(module, torch.nn.Dropout) and module.p for module in method.modules())


@pytest.mark.parametrize("autocast", [False, True])
def test_training_learns_to_tell_videos_apart(autocast):
    torch.manual_seed(0)
    method = BNWVAD(BNWVAD.Config(width=64), FeatureSpec(6, {})).train()
    optimizer = torch.optim.Adam(method.parameters(), 1e-3)

    def half(label):
        x = torch.randn(6, 1, 12, 6)
        x[:, :, 3:6] += 2 * label
        return Bags(x, None, None, tuple("abcdef"))

    for _ in range(40):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            terms = method.training_step(PairBatch(half(0), half(1)))
        optimizer.zero_grad()
        terms["loss"].backward()
        torch.nn.utils.clip_grad_norm_(method.parameters(), 1.0)
        optimizer.step()
    scores = method.eval().score(half(1).features).mean(0)
    assert scores[3:6].mean() > scores[8:].mean() + 0.1
