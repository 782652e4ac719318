"""Noise cleaner: graphs, loss terms of every stage, cleaned labels and scores against plain loops."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods.noise_cleaner import GraphNetwork, NoiseCleaner, alike_graph, dilate, near_graph, normalised
from tests.unit.methods import bags, plain, staged_videos

ROWS = (9, 3, 30)


def build(**config):
    return bags.build(NoiseCleaner, **{"rounds": 1, **config})


def dense(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def classify(rows, weights):
    """Logits of the classifier on (T, D)."""
    hidden = plain.relu(dense(plain.relu(dense(rows, weights, "classifier.fc1")), weights, "classifier.fc2"))
    return dense(hidden, weights, "classifier.fc3")[:, 0]


def plain_norm(affinity):
    count, sums = len(affinity), [sum(row) for row in affinity]
    return np.array(
        [[affinity[i][j] / math.sqrt(sums[i] * sums[j]) for j in range(count)] for i in range(count)]
    ).reshape(count, count)


def graph_logits(rows, nodes, weights):
    """Logits of the nodes alone, in a graph that holds nothing else; `nodes` are places in the video."""
    hidden = plain.relu(dense(np.array([rows[i] for i in nodes]), weights, "graph.fc1"))
    hidden = plain.relu(dense(hidden, weights, "graph.fc2"))
    near = plain_norm([[math.exp(-abs(i - j)) for j in nodes] for i in nodes])
    products = [[float(a @ b) for b in hidden] for a in hidden]
    alike = plain_norm([[math.exp(z - max(row)) for z in row] for row in products])
    branches = [
        graph @ plain.relu(graph @ hidden @ weights[f"graph.{name}.0"]) @ weights[f"graph.{name}.1"]
        for name, graph in (("near", near), ("alike", alike))
    ]
    return ((branches[0] + branches[1]) / 2)[:, 0].tolist()


def plain_segments(video, count):
    """Means of the rows of (crops, n, D), (crops, count, D)."""
    length = video.features.shape[1]
    edges = [i * length // count for i in range(count + 1)]
    return np.stack([video.features.numpy()[:, a : max(b, a + 1)].mean(1) for a, b in pairwise(edges)], axis=1)


class Kept:
    """What is known of a video after a classifier's stage."""

    def __init__(self, video, count, weights, one_crop="farthest", reach=4):
        self.segments, self.label = plain_segments(video, count), video.label
        logits = np.array([classify(crop, weights) for crop in self.segments])
        self.scores = [plain.sigmoid(plain.mean(column)) for column in logits.T]
        doubt = [plain.mean((z - plain.mean(column)) ** 2 for z in column) for column in logits.T]
        if len(logits) == 1:
            middle = plain.mean(self.scores)
            doubt = [abs(s - middle) * (-1 if one_crop == "farthest" else 1) for s in self.scores]
        highest = sorted(doubt)[int(0.3 * count)]
        self.sure = [i for i in range(count) if doubt[i] <= highest]
        self.nodes = [i for i in range(count) if any(abs(i - j) <= reach for j in self.sure)]
        self.mean = list(self.scores)

    def cleaned(self, weights, kind):
        if not self.label:
            return [0.0] * len(self.scores)
        values = list(self.scores)
        for i, z in zip(self.nodes, graph_logits(self.segments.mean(0), self.nodes, weights), strict=True):
            values[i] = z if kind == "as-code" else plain.sigmoid(z)
        low, high = min(values), max(values)
        return [(v - low) / (high - low) if high > low else min(max(v, 0), 1) for v in values]


def cross_entropy(p, y):
    return -y * math.log(p) - (1 - y) * math.log(1 - p)


def plain_graph_terms(kept, features, weights, normal_target="zero"):
    """Terms of the graph network's loss on (2B, crops, T, D); moves the running means."""
    terms, videos = {"normal": 0.0, "direct": 0.0, "indirect": 0.0}, len(features)
    for video, rows in zip(kept, features, strict=True):
        outputs = [plain.sigmoid(z) for z in graph_logits(rows.mean(0), video.nodes, weights)]
        if not video.label:
            targets = video.scores if normal_target == "as-code" else [0.0] * len(video.scores)
            terms["normal"] += plain.mean(map(cross_entropy, outputs, targets)) / videos
            continue
        by_place = dict(zip(video.nodes, outputs, strict=True))
        terms["direct"] += plain.mean(cross_entropy(by_place[i], video.scores[i]) for i in video.sure) / videos
        terms["indirect"] += plain.mean(abs(by_place[i] - video.mean[i]) for i in video.nodes) / videos
        for i in video.nodes:
            video.mean[i] = (video.mean[i] + by_place[i]) / 2
    return terms


def of_crops(rows, weights):
    """Scores of (crops, T, D), the mean over crops."""
    return np.mean([[plain.sigmoid(z) for z in classify(crop, weights)] for crop in rows], axis=0).tolist()


def check(terms, expected):
    everything = {"classifier": 0.0, "normal": 0.0, "direct": 0.0, "indirect": 0.0, **expected}
    assert list(terms) == ["loss", *everything]
    found = {name: term.item() for name, term in terms.items()}
    assert found == pytest.approx({"loss": sum(everything.values()), **everything}, abs=1e-9)


@pytest.mark.parametrize(
    "config",
    [{}, {"normal_target": "as-code"}, {"cleaned": "as-code"}, {"one_crop": "nearest"}, {"classifier_restarts": False}],
    ids=str,
)
@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 1, 1), (2, 1, 20), (3, 5, 13)])
def test_a_round(videos, crops, length, config):
    method, batch = build(**config), staged_videos.batch(videos, crops, length)
    full = staged_videos.in_full(ROWS[:videos], crops)
    features = torch.cat([batch.normal.features, batch.abnormal.features]).numpy()
    staged_videos.begin(method)
    weights = plain.arrays(method)
    scores = [of_crops(rows, weights) for rows in features]
    errors = [cross_entropy(s, i >= videos) for i, row in enumerate(scores) for s in row]
    check(method.training_step(batch), {"classifier": plain.mean(errors)})

    staged_videos.end(method, "classifier 0", full)
    kept = [Kept(video, length, weights, config.get("one_crop", "farthest")) for video in full]
    weights = plain.arrays(method)
    for _ in range(3):
        expected = plain_graph_terms(kept, features, weights, config.get("normal_target", "zero"))
        check(method.training_step(batch), expected)

    staged_videos.end(method, "graph 1", full)
    labels = [video.cleaned(weights, config.get("cleaned", "scores")) for video in kept]
    weights = plain.arrays(method)
    scores = [of_crops(rows, weights) for rows in features]
    errors = [cross_entropy(s, y) for rows in zip(scores, labels, strict=True) for s, y in zip(*rows, strict=True)]
    check(method.training_step(batch), {"classifier": plain.mean(errors)})
    ours = method.score(batch.abnormal.features).detach().numpy()
    np.testing.assert_allclose(ours, scores[videos:], rtol=0, atol=1e-12)


def test_the_next_round_cleans_by_the_classifier_that_learned_from_clean_labels():
    method, batch, full = build(rounds=2), staged_videos.batch(length=12), staged_videos.in_full(ROWS[:2])
    staged_videos.begin(method)
    method.training_step(batch)
    staged_videos.end(method, "classifier 0", full)
    staged_videos.end(method, "graph 1", full)
    weights = plain.arrays(method)
    staged_videos.end(method, "classifier 1", full)
    kept = [Kept(video, 12, weights) for video in full]
    features = torch.cat([batch.normal.features, batch.abnormal.features]).numpy()
    check(method.training_step(batch), plain_graph_terms(kept, features, plain.arrays(method)))


def test_distances_are_those_in_the_video_and_not_among_the_nodes():
    nodes = torch.tensor([[True, False, False, True, True]])
    graph = near_graph(nodes, torch.float64)[0]
    sums = [1 + math.exp(-3) + math.exp(-4), 1 + math.exp(-3) + math.exp(-1), 1 + math.exp(-4) + math.exp(-1)]
    assert graph[0, 3].item() == pytest.approx(math.exp(-3) / math.sqrt(sums[0] * sums[1]), abs=1e-12)
    assert graph[3, 4].item() == pytest.approx(math.exp(-1) / math.sqrt(sums[1] * sums[2]), abs=1e-12)
    assert not graph[1].any()
    assert not graph[:, 2].any()


def test_the_graph_of_like_features_is_not_symmetric():
    hidden = torch.tensor([[[1.0, 0.0], [0.5, 1.0], [0.2, 0.1]]], dtype=torch.float64)
    graph = alike_graph(hidden, torch.ones(1, 3, dtype=torch.bool))[0]
    rows = [[math.exp(float(a @ b) - max(float(a @ c) for c in hidden[0])) for b in hidden[0]] for a in hidden[0]]
    np.testing.assert_allclose(graph.numpy(), plain_norm(rows), rtol=0, atol=1e-12)
    assert (graph - graph.T).abs().max() > 0.01


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(0, 999))
def test_a_normalised_symmetric_graph_has_the_largest_eigenvalue_1(length, seed):
    affinity = torch.rand(length, length, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    affinity = affinity + affinity.T
    graph, vector = normalised(affinity), affinity.sum(-1).sqrt()
    assert torch.linalg.eigvalsh(graph).max().item() == pytest.approx(1, abs=1e-9)
    torch.testing.assert_close(graph @ vector, vector, rtol=0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 12))
def test_nodes_are_what_lies_within_reach_of_a_sure_segment(chosen, reach):
    expected = [any(chosen[j] and abs(i - j) <= reach for j in range(len(chosen))) for i in range(len(chosen))]
    assert dilate(torch.tensor([chosen]), reach)[0].tolist() == expected


@pytest.mark.parametrize("length", [1, 2, 3, 4, 9, 10, 11, 32, 100])
def test_three_of_ten_are_sure_and_one_more(length):
    logits = torch.rand(10, length, generator=torch.Generator().manual_seed(length), dtype=torch.float64)
    sure = build().sure(logits).numpy()
    assert sure.sum() == int(0.3 * length) + 1
    variance = logits.numpy().var(0)
    assert variance[sure].max() < min([*variance[~sure], math.inf])
    assert build(confident_share=1.0).sure(logits).all()


def test_all_segments_of_the_same_doubt_are_sure():
    assert build().sure(torch.zeros(5, 8)).all()
    assert build().sure(torch.zeros(1, 8)).all()


def test_doubt_is_of_logits_not_of_scores():
    logits = torch.tensor([[0.0, 6.0], [0.5, 9.0]])
    assert logits.sigmoid().var(0).argmin() == 1
    assert build(confident_share=0.1).sure(logits).tolist() == [True, False]


def test_with_one_crop_those_far_from_the_videos_mean_are_sure_or_those_near_it():
    logits = torch.tensor([[-3.0, 0.9, 0.2, 1.5, 4.0]])
    assert build(confident_share=0.2).sure(logits).tolist() == [True, False, False, False, True]
    assert build(confident_share=0.1, one_crop="nearest").sure(logits).tolist() == [False, False, True, False, False]


def in_the_graphs_stage(**config):
    method, batch = build(**config), staged_videos.batch(length=20)
    staged_videos.begin(method)
    method.training_step(batch)
    staged_videos.end(method, "classifier 0", staged_videos.in_full([31, 25]))
    return method, batch


def test_outputs_that_equal_their_running_mean_cost_nothing():
    method, batch = in_the_graphs_stage(memory=0.0)
    assert method.training_step(batch)["indirect"] > 0.01
    # Without a memory, the mean is the outputs of the step before.
    assert method.training_step(batch)["indirect"] == 0


def test_the_first_scores_for_the_first_nodes_are_others_than_the_nodes_own():
    method, batch = in_the_graphs_stage(normal_target="as-code", reach=1)
    rows = method._kept.rows(batch)[:2]
    nodes, scores = method._kept["nodes"][rows], method._kept["scores"][rows]
    outputs = method.graph(batch.normal.features.mean(1), nodes).sigmoid()
    first, own = [], []
    for video in range(2):
        found = outputs[video][nodes[video]].tolist()
        assert 0 < len(found) < 20
        for costs, targets in ((first, scores[video][: len(found)]), (own, scores[video][nodes[video]])):
            costs.append(plain.mean(map(cross_entropy, found, targets.tolist())))
    assert method.training_step(batch)["normal"].item() == pytest.approx(sum(first) / 4, abs=1e-12)
    assert abs(sum(own) - sum(first)) > 1e-6


def test_stages_and_their_shares():
    assert build(rounds=1).training_stages() == pytest.approx(
        {"classifier 0": 0.3, "graph 1": 0.4, "classifier 1": 0.3}
    )
    stages = build(rounds=3, graph_share=0.3).training_stages()
    assert list(stages) == ["classifier 0", *(f"{part} {r}" for r in (1, 2, 3) for part in ("graph", "classifier"))]
    assert sum(stages.values()) == pytest.approx(1)
    assert sum(share for name, share in stages.items() if "graph" in name) == pytest.approx(0.3)


def test_each_stage_trains_its_own_network():
    method, batch = build(rounds=2), staged_videos.batch(length=12)
    staged_videos.begin(method)
    for name in method.training_stages():
        method.zero_grad(set_to_none=True)
        method.training_step(batch)["loss"].backward()
        for parameter, value in method.named_parameters():
            if parameter.startswith(name.split()[0]):
                assert value.grad.any()
            else:
                assert value.grad is None
        staged_videos.end(method, name, staged_videos.in_full(ROWS[:2]))


def weights_by_stage(restarts, seed):
    """The weight matrices as each stage finds them."""
    method, states = build(rounds=2, classifier_restarts=restarts), []
    staged_videos.begin(method, seed=seed)
    method.training_step(staged_videos.batch())
    for name in method.training_stages():
        matrices = {key: value.clone() for key, value in method.state_dict().items() if not key.endswith("bias")}
        states.append(matrices)
        staged_videos.end(method, name, staged_videos.in_full(ROWS[:2]))
    return states


@pytest.mark.parametrize("restarts", [True, False])
def test_what_begins_a_stage_is_new_and_drawn_by_the_runs_seed(restarts):
    states, again, other = (weights_by_stage(restarts, seed) for seed in (1, 1, 2))
    for stage in range(1, len(states)):
        begins = "graph" if stage % 2 else "classifier" if restarts else "nothing"
        for name, value in states[stage].items():
            assert torch.equal(value, states[stage - 1][name]) != name.startswith(begins)
            assert torch.equal(value, again[stage][name])
            assert not name.startswith(begins) or not torch.equal(value, other[stage][name])


def test_new_weights_leave_the_global_generator_alone():
    method, full = in_the_graphs_stage()[0], staged_videos.in_full([31, 25])
    before = torch.get_rng_state()
    staged_videos.end(method, "graph 1", full)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_fills_up_a_video_counts_in_no_stage():
    lengths, full = [9, 3], staged_videos.in_full(ROWS[:2])
    batch = staged_videos.filled_up(staged_videos.batch(length=12), lengths)
    method = build()
    staged_videos.begin(method)
    weights = plain.arrays(method)
    own = [
        rows[:, :n].numpy() for x in (batch.normal, batch.abnormal) for rows, n in zip(x.features, lengths, strict=True)
    ]
    scores = [of_crops(rows, weights) for rows in own]
    errors = [cross_entropy(s, i >= 2) for i, row in enumerate(scores) for s in row]
    check(method.training_step(batch), {"classifier": plain.mean(errors)})

    staged_videos.end(method, "classifier 0", full)
    kept = [Kept(video, rows, weights) for video, rows in zip(full, 2 * lengths, strict=True)]
    weights = plain.arrays(method)
    check(method.training_step(batch), plain_graph_terms(kept, own, weights))

    staged_videos.end(method, "graph 1", full)
    labels, weights = [video.cleaned(weights, "scores") for video in kept], plain.arrays(method)
    scores = [of_crops(rows, weights) for rows in own]
    errors = [cross_entropy(s, y) for rows in zip(scores, labels, strict=True) for s, y in zip(*rows, strict=True)]
    assert len(errors) == 2 * (9 + 3)
    check(method.training_step(batch), {"classifier": plain.mean(errors)})


def test_blank_videos_give_finite_labels():
    method, batch = build(), staged_videos.batch(length=8)
    full = staged_videos.in_full([11, 5])
    for video in full:
        video.features.zero_()
    staged_videos.begin(method)
    method.training_step(batch)
    staged_videos.end(method, "classifier 0", full)
    staged_videos.end(method, "graph 1", full)
    labels = method._kept["labels"]
    assert ((labels >= 0) & (labels <= 1)).all()
    assert torch.isfinite(method.training_step(batch)["loss"])


def test_the_classifier_alone_scores():
    method, features = build(), bags.batch().normal.features
    usual = method.score(features)
    for parameter in method.graph.parameters():
        parameter.data.fill_(torch.nan)
    assert torch.equal(method.score(features), usual)
    assert method.training_only == ("graph.",)


def test_a_long_video_in_windows_scores_as_if_it_were_whole():
    method, features = build(), bags.batch(1, 2, 5000).normal.features
    weights = plain.arrays(method)
    expected = np.mean([1 / (1 + np.exp(-classify(rows, weights))) for rows in features[0].numpy()], axis=0)
    np.testing.assert_allclose(method.score(features)[0].detach().numpy(), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(method.embed(features), method.classifier(features)[1].mean(1), rtol=0, atol=1e-12)


def test_parameters_and_the_graph_networks_first_weights():
    method = NoiseCleaner(NoiseCleaner.Config(), FeatureSpec(1024, {}))
    layers = (1024 * 512 + 512) + (512 * 128 + 128)
    assert bags.parameters(method) == layers + (128 + 1) + layers + 2 * (128 * 32 + 32)
    network = GraphNetwork(8, 0.0)
    for first, second in (network.near, network.alike):
        assert 0.15 < first.abs().max() <= 32**-0.5
        assert 0.8 < second.abs().max() <= 1
