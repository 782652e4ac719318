"""UR-DMU: scores and loss terms against plain loops on the official names, and where it is easily done otherwise."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import Bags, FeatureSpec, PairBatch
from methods.ur_dmu import URDMU, divergence, memory_loss, triplet_loss
from tests.unit.methods import bags, plain
from tests.unit.methods import plain_two_branch as network
from tests.unit.methods.plain_two_branch import dense, sigmoid


def official_weights(dim, width=16, slots=20, seed=0):
    """Random weights under the official names, float64; the published width is 512, with 60 slots."""
    drawer = network.Drawer(seed)
    drawer.network(dim, width)
    for name in ("Amemory", "Nmemory"):
        drawer.state[f"{name}.memory_block"] = 2 * drawer.random.standard_normal((slots, width)) / math.sqrt(slots)
    drawer.layer("encoder_mu.0", width, width)
    drawer.layer("encoder_var.0", width, width)
    drawer.layer("cls_head.mlp.0", 128, 2 * width)
    drawer.layer("cls_head.mlp.2", 1, 128)
    return drawer.state


def adopt(state):
    return URDMU.adopt_weights({name: torch.from_numpy(value) for name, value in state.items()})


def build(state, dim, **config):
    slots, width = state["Amemory.memory_block"].shape
    method = URDMU(URDMU.Config(width=width, memory=slots, **config), FeatureSpec(dim, {})).double()
    method.load_state_dict(adopt(state))
    return method.eval()


def recall(h, block, divisor=16):
    """Tau and what is recalled, of one sequence (T, width)."""
    alike = sigmoid(h @ block.T / math.sqrt(block.shape[1]))
    taus = [plain.mean(sorted(row)[-(len(block) // divisor + 1) :]) for row in alike]
    return np.array(taus), np.array([sum(a * slot for a, slot in zip(row, block, strict=True)) for row in alike])


def classify(h, u, state):
    hidden = np.maximum(dense(np.concatenate([h, u], axis=1), state, "cls_head.mlp.0"), 0)
    return sigmoid(dense(hidden, state, "cls_head.mlp.2")[:, 0])


def plain_scores(state, features):
    """Scores of one video (crops, T, D)."""
    scores = []
    for rows in features:
        h = network.network(rows, state)
        means = [dense(recall(h, state[f"{kind}memory.memory_block"])[1], state, "encoder_mu.0") for kind in "AN"]
        scores.append(classify(h, sum(means), state))
    return np.mean(scores, axis=0)


def plain_losses(state, batch, noise, config):
    """The weighted loss terms of a batch, crops as samples; `noise` is (sequences, T, width)."""
    halves = [half.features.flatten(0, 1).numpy() for half in (batch.normal, batch.abnormal)]
    length = halves[0].shape[1]
    k = length // config.top_divisor + 1
    terms = {name: [] for name in ("mil", "A", "AN", "NN", "NA", "triplet", "kl", "distance")}
    for normal_rows, abnormal_rows, epsilon in zip(*halves, noise, strict=True):
        h_n, h_a = network.network(normal_rows, state), network.network(abnormal_rows, state)
        recalled = {}
        for of, h in (("N", h_n), ("A", h_a)):
            for by in "AN":
                recalled[of + by] = recall(h, state[f"{by}memory.memory_block"], config.memory_divisor)
        tau = {pair: t for pair, (t, _) in recalled.items()}
        mu = {pair: dense(g, state, "encoder_mu.0") for pair, (_, g) in recalled.items()}
        variance = dense(recalled["NN"][1], state, "encoder_var.0")
        z = mu["NN"] + epsilon * np.exp(variance / 2)
        for h, u, label in ((h_n, z + mu["NA"], 0), (h_a, mu["AA"] + mu["AN"], 1)):
            terms["mil"].append(plain.cross_entropy(plain.mean(sorted(classify(h, u, state))[-k:]), label))
        terms["A"].append(plain.cross_entropy(plain.mean(sorted(tau["AA"])[-k:]), 1))
        terms["AN"].append(plain.cross_entropy(plain.mean(sorted(1 - tau["AN"])[-k:]), 1))
        terms["NN"] += [plain.cross_entropy(t, 1) for t in tau["NN"]]
        terms["NA"] += [plain.cross_entropy(t, 0) for t in tau["NA"]]
        negative, anchor, positive = (plain.top(tau[pair], k) for pair in ("AA", "NN", "AN"))
        unit = [x.mean(0) / plain.norm(x.mean(0)) for x in (h_n[anchor], h_a[positive], h_a[negative])]
        near, far = (plain.norm(unit[0] - other + 1e-6) for other in unit[1:])
        terms["triplet"].append(max(0, config.triplet_margin + near - far))
        terms["kl"] += list(-0.5 * (1 + variance - mu["NN"] ** 2 - np.exp(variance)).sum(0))
        abnormal_size, normal_size = plain.norm(mu["AA"][negative].mean(0)), plain.norm(z[anchor].mean(0))
        terms["distance"].append(max(0, config.distance_margin - abnormal_size + normal_size))
    mean = {name: plain.mean(values) for name, values in terms.items()}
    found = {
        "mil": mean["mil"],
        "memory": config.memory_weight * (mean["A"] + mean["AN"] + mean["NN"] + mean["NA"]),
        "triplet": config.triplet_weight * mean["triplet"],
        "kl": config.kl_weight * mean["kl"],
        "distance": config.distance_weight * mean["distance"],
    }
    return {"loss": sum(found.values()), **found}


def draw(*shape, seed=0):
    return torch.from_numpy(bags.uniform(*shape, seed=seed))


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(("length", "videos", "crops"), [(1, 1, 1), (7, 2, 1), (33, 3, 2)])
def test_loss_terms(monkeypatch, length, videos, crops, noisy):
    state, batch = official_weights(5), bags.batch(videos=videos, crops=crops, length=length, dim=5)
    method = build(state, 5, dropout=0.0, kl_weight=0.3, distance_weight=0.2, triplet_weight=0.4, distance_margin=7.0)
    noise = draw(videos * crops, length, 16, seed=5) if noisy else torch.zeros(videos * crops, length, 16)
    monkeypatch.setattr(torch, "randn_like", lambda x: noise)
    terms = method.train(noisy).training_step(batch)
    expected = plain_losses(state, batch, noise.numpy(), method.config)
    assert list(terms) == list(expected)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert expected["triplet"] > 0
    assert expected["distance"] > 0


def test_loss_terms_with_other_divisors_and_margins():
    state, batch = official_weights(5), bags.batch(videos=2, crops=1, length=20, dim=5)
    method = build(
        state, 5, top_divisor=4, memory_divisor=3, memory_weight=0.7, triplet_margin=0.4, distance_margin=3.0
    )
    expected = plain_losses(state, batch, np.zeros((2, 20, 16)), method.config)
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.fixture(scope="module")
def published():
    return official_weights(1024, 512, 60)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
@torch.no_grad()
def test_scores_are_those_of_the_official_network_at_the_published_width(published, dtype, tolerance):
    method = URDMU(URDMU.Config(), FeatureSpec(1024, {})).to(dtype)
    method.load_state_dict(adopt(published))
    method.eval()
    for length in (1, 2, 17):
        features = draw(2, length, 1024, seed=length)
        scores = method.score(features.to(dtype)[None])[0]
        expected = plain_scores(published, features.numpy())
        # Saturated scores would agree whatever the weights.
        assert (np.abs(expected - 0.5) < 0.45).all()
        np.testing.assert_allclose(scores.numpy(), expected, rtol=0, atol=tolerance)


def test_parameters_at_the_published_width(published):
    method = URDMU(URDMU.Config(), FeatureSpec(1024, {}))
    assert len(published) == len(method.state_dict()) == 34
    assert bags.parameters(method) == sum(value.size for value in published.values()) == 6_492_929


@pytest.mark.parametrize("prefix", ["", "module."])
def test_official_and_own_names_load_with_and_without_the_prefix_of_data_parallel_training(prefix):
    state = official_weights(5)
    method = build(state, 5)
    weights = {prefix + name: torch.from_numpy(value) for name, value in state.items()}
    method.load_state_dict(URDMU.adopt_weights(weights))
    own = method.state_dict()
    assert set(URDMU.adopt_weights({prefix + name: value for name, value in own.items()})) == set(own)
    with pytest.raises(RuntimeError, match=r'Missing key.*"normal_memory\.slots"'):
        method.load_state_dict(URDMU.adopt_weights({k: v for k, v in weights.items() if "Nmemory" not in k}))
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"embedding\.conv_2\.0\.weight"'):
        method.load_state_dict(URDMU.adopt_weights(weights | {prefix + "embedding.conv_2.0.weight": torch.zeros(1)}))


def test_every_weight_but_those_of_the_variance_matters_to_the_scores():
    state, features = official_weights(5), draw(2, 9, 5)
    scores = plain_scores(state, features.numpy())
    for name, value in state.items():
        changed = state | {name: value * 1.5 + 0.1}
        moved = build(changed, 5).score(features[None])[0].detach().numpy()
        np.testing.assert_allclose(moved, plain_scores(changed, features.numpy()), rtol=0, atol=1e-12)
        assert (np.abs(moved - scores).max() > 1e-6) == ("encoder_var" not in name), name


@torch.no_grad()
def test_score_and_embedding_are_means_over_crops():
    method, features = build(official_weights(5), 5), draw(3, 4, 9, 5)
    each = torch.stack([method.score(features[:, [crop]]) for crop in range(4)])
    torch.testing.assert_close(method.score(features), each.mean(0), rtol=0, atol=1e-12)
    embedded = method.embed(features)
    assert embedded.shape == (3, 9, 32)
    h = [network.network(rows, official_weights(5)) for rows in features[1].numpy()]
    np.testing.assert_allclose(embedded[1, :, :16].numpy(), np.mean(h, axis=0), rtol=0, atol=1e-12)
    # It is what is classified: of one crop, the score follows from it.
    one = method.embed(features[:, :1])
    torch.testing.assert_close(method.classifier(one).squeeze(-1).sigmoid(), each[0], rtol=0, atol=1e-12)


def test_what_is_recalled_is_a_plain_sum_over_the_slots():
    state = official_weights(5)
    method, rows = build(state, 5), draw(1, 9, 5)
    h = method.network(rows)
    recalled = method.normal_memory(h)
    tau, augmented = recall(h[0].detach().numpy(), state["Nmemory.memory_block"])
    np.testing.assert_allclose(recalled.augmented[0].detach().numpy(), augmented, rtol=0, atol=1e-12)
    np.testing.assert_allclose(recalled.logits[0].sigmoid().detach().numpy(), tau, rtol=0, atol=1e-12)
    assert method.normal_memory.top == 20 // 16 + 1
    assert URDMU(URDMU.Config(), FeatureSpec(5, {})).normal_memory.top == 4


def test_noise_is_for_normal_videos_in_training_only(monkeypatch):
    drawn = []

    def seen(x):
        drawn.append(x.shape)
        return torch.ones_like(x)

    monkeypatch.setattr(torch, "randn_like", seen)
    method, batch = build(official_weights(5), 5, dropout=0.0), bags.batch(videos=3, crops=2, length=7, dim=5)
    kept = method._logits
    inputs = []
    monkeypatch.setattr(method, "_logits", lambda h, u: inputs.append((h, u)) or kept(h, u))
    quiet = method.training_step(batch)
    method.score(batch.normal.features)
    assert not drawn
    loud = method.train().training_step(batch)
    assert drawn == [(6, 7, 16)]
    # The noise reaches what is classified of normal videos, and of no others.
    moved = (inputs[2][1] - inputs[0][1]).abs().amax((1, 2))
    assert (moved[:6] > 0.01).all()
    assert not moved[6:].any()
    assert loud["mil"] != quiet["mil"]
    assert loud["distance"] != quiet["distance"]
    assert loud["kl"] == quiet["kl"]


def test_divergence_sums_over_time():
    mean, log_variance = draw(3, 8, 4), draw(3, 8, 4, seed=1)
    per_time = divergence(mean, log_variance)
    assert divergence(mean.repeat(1, 5, 1), log_variance.repeat(1, 5, 1)).item() == pytest.approx(5 * per_time.item())
    assert divergence(mean.repeat(5, 1, 1), log_variance.repeat(5, 1, 1)).item() == pytest.approx(per_time.item())
    assert divergence(torch.zeros(1, 3, 2), torch.zeros(1, 3, 2)) == 0


def test_triplets_pair_normal_with_abnormal_videos_by_their_place_in_the_batch():
    method, batch = build(official_weights(5), 5), bags.batch(videos=4, crops=1, length=9, dim=5)
    abnormal = Bags(batch.abnormal.features[[1, 2, 3, 0]], None, None, batch.abnormal.video_ids)
    usual, turned = method.training_step(batch), method.training_step(PairBatch(batch.normal, abnormal))
    assert usual["triplet"].item() != pytest.approx(turned["triplet"].item(), rel=1e-6)
    assert all(usual[name].item() == pytest.approx(turned[name].item(), rel=1e-9) for name in ("mil", "memory", "kl"))


def test_triplet_distance_is_that_of_torch():
    anchor, positive, negative = (draw(6, 5, seed=seed) for seed in range(3))
    unit = [x / x.norm(dim=1, keepdim=True) for x in (anchor, positive, negative)]
    expected = torch.nn.TripletMarginLoss(margin=0.8)(*unit)
    torch.testing.assert_close(triplet_loss(anchor, positive, negative, 0.8), expected, rtol=0, atol=1e-14)


def test_memories_are_asked_of_the_least_normal_segments_of_abnormal_videos():
    quiet = torch.full((1, 20), -3.0)
    of_normal = torch.cat([quiet, torch.linspace(-2, 2, 20)[None]])
    told = memory_loss(of_normal, torch.cat([quiet, quiet]), 2)
    lowest = of_normal[1].sigmoid()[:2].mean().item()
    expected = [plain.cross_entropy(1 - lowest, 1), 2 * plain.cross_entropy(plain.sigmoid(-3), 1)]
    assert told.item() == pytest.approx(sum(expected) + plain.cross_entropy(plain.sigmoid(-3), 0), rel=1e-5)


def test_crops_are_samples_of_their_own():
    method, batch = build(official_weights(5), 5), bags.batch(videos=2, crops=3, length=9, dim=5)

    def apart(half):
        return Bags(half.features.flatten(0, 1)[:, None], None, None, tuple("abcdef"))

    together = method.training_step(batch)
    alone = method.training_step(PairBatch(apart(batch.normal), apart(batch.abnormal)))
    assert {k: v.item() for k, v in together.items()} == pytest.approx({k: v.item() for k, v in alone.items()})


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(3)), st.integers(1, 20))
def test_losses_do_not_depend_on_the_order_of_pairs(order, length):
    method, batch = build(official_weights(5), 5), bags.batch(videos=3, crops=1, length=length, dim=5)

    def turned(half):
        return Bags(half.features[list(order)], None, None, half.video_ids)

    usual = method.training_step(batch)
    other = method.training_step(PairBatch(turned(batch.normal), turned(batch.abnormal)))
    assert {k: v.item() for k, v in usual.items()} == pytest.approx({k: v.item() for k, v in other.items()}, rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_blank_features_give_finite_gradients(dtype):
    torch.manual_seed(0)
    method = URDMU(URDMU.Config(width=8, memory=4), FeatureSpec(5, {})).to(dtype).train()
    blank = Bags(torch.zeros(2, 1, 6, 5, dtype=dtype), None, None, ("a", "b"))
    terms = method.training_step(PairBatch(blank, blank))
    terms["loss"].backward()
    assert all(term.isfinite() for term in terms.values())
    assert all(p.grad.isfinite().all() for p in method.parameters())
    # Nor does an anchor that is its own positive, or one without a length.
    zero = torch.zeros(1, 3, requires_grad=True)
    triplet_loss(zero, zero, zero, 1.0).backward()
    assert zero.grad.isfinite().all()


def test_layers_start_as_the_official_ones_do():
    torch.manual_seed(0)
    method = URDMU(URDMU.Config(), FeatureSpec(256, {}))
    starts = [(method.normal_memory.slots, 512), (method.mean.weight, 512), (method.classifier[0].bias, 1024)]
    attention = method.network.layers[0].attention
    for weight, inputs in [*starts, (attention.to_out.weight, 1024), (method.network.embedding.weight, 3 * 256)]:
        assert weight.abs().max().item() == pytest.approx(inputs**-0.5, rel=0.05)
    assert attention.to_qkvt.bias is None


@pytest.mark.parametrize("autocast", [False, True])
def test_training_learns_to_tell_videos_apart(autocast):
    torch.manual_seed(0)
    method = URDMU(URDMU.Config(width=16, memory=8, dropout=0.1), FeatureSpec(6, {})).train()
    optimizer = torch.optim.Adam(method.parameters(), 3e-3)

    def half(label):
        x = torch.randn(6, 1, 12, 6)
        x[:, :, 3:6] += 2 * label
        return Bags(x, None, None, tuple("abcdef"))

    mil = []
    for _ in range(40):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            terms = method.training_step(PairBatch(half(0), half(1)))
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        mil.append(terms["mil"].item())
    assert plain.mean(mil[-5:]) < 0.5 * plain.mean(mil[:5])
    scores = method.eval().score(half(1).features).mean(0)
    assert scores[3:6].min() > scores[8:].max()
