"""WAGCN (reconstructed): graphs, scores and loss terms against plain loops, and what the order of segments does."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.api import FeatureSpec
from methods.parts import long_videos, temporal_graphs
from methods.wagcn import WAGCN, GraphBranch, LearnedGraph
from tests.unit.methods import bags, plain
from tests.unit.methods.windowed import check_windows_of_eight

SMALL = {"hidden": 8, "width": 7, "relation": 4, "graph_hidden": 5, "graph_width": 3, "similarity_threshold": 0.4}
FORMS = [
    {},
    {"combine": "product"},
    {"keep": "all"},
    {"branches": "global", "distance_scale": 2.5},
    {"branches": "global", "combine": "product"},
    {"branches": "learned", "keep_divisor": 2},
    {"branches": "learned", "keep": "all"},
]


def build(**config):
    """A small float64 method without dropout, whose graphs are far from uniform."""
    method = bags.build(WAGCN, **{**SMALL, **config})
    for name, parameter in method.named_parameters():
        if name.endswith("weight"):
            parameter.data.mul_(2)
    return method


def normalised(graph):
    """D^-1/2 A D^-1/2, entry by entry."""
    degrees = graph.sum(1)
    out = np.zeros_like(graph)
    for i in range(len(graph)):
        for j in range(len(graph)):
            if graph[i, j]:
                out[i, j] = graph[i, j] / math.sqrt(degrees[i] * degrees[j])
    return out


def plain_global(rows, config):
    alike, near = np.zeros((len(rows), len(rows))), np.zeros((len(rows), len(rows)))
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            cosine = max(0, plain.cosine(a, b))
            alike[i, j] = cosine if cosine >= config.similarity_threshold else 0
            near[i, j] = math.exp(-abs(i - j) / config.distance_scale)
    if config.combine == "product":
        return normalised(alike * near)
    return (normalised(alike) + normalised(near)) / 2


def plain_learned(h, weights, config):
    query, key = (plain.linear(h, weights, f"learned_graph.{name}") for name in ("query", "key"))
    graph = np.zeros((len(h), len(h)))
    for i, q in enumerate(query):
        products = [sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(config.relation) for k in key]
        kept = range(len(h))
        if config.keep == "largest":
            kept = plain.top(products, math.ceil(len(h) / config.keep_divisor))
        exponentials = {j: math.exp(max(products[j], 0)) for j in kept}
        for j in kept:
            graph[i, j] = exponentials[j] / sum(exponentials.values())
    return graph


def plain_crop(method, rows):
    """What the classifier sees and the scores of one crop (T, D)."""
    weights, config = plain.arrays(method), method.config
    h = plain.relu(plain.linear(rows, weights, "project.0"))
    h = plain.relu(plain.linear(h, weights, "project.3"))
    joined = []
    for name, graph in (
        ("global_branch", lambda: plain_global(rows, config)),
        ("learned_branch", lambda: plain_learned(h, weights, config)),
    ):
        if f"{name}.first.weight" in weights:
            made = graph()
            hidden = plain.relu(made @ h @ weights[f"{name}.first.weight"].T)
            joined.append(plain.relu(made @ hidden @ weights[f"{name}.second.weight"].T))
    joined = np.concatenate(joined, axis=1)
    return joined, [plain.sigmoid(z) for z in plain.linear(joined, weights, "classifier")[:, 0]]


def plain_scores(method, videos):
    crops = [[plain_crop(method, rows)[1] for rows in video] for video in videos.numpy()]
    return [[plain.mean(values) for values in zip(*video, strict=True)] for video in crops]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    ("videos", "crops", "length", "top_divisor", "k"), [(1, 1, 1, 16, 1), (2, 2, 7, 3, 3), (1, 1, 16, 16, 2)]
)
def test_loss_terms(videos, crops, length, top_divisor, k, form):
    method = build(top_divisor=top_divisor, smoothness=0.3, sparsity=0.7, **form)
    batch = bags.batch(videos, crops, length)
    normal, abnormal = (plain_scores(method, half.features) for half in (batch.normal, batch.abnormal))
    expected = {
        "mil": plain.mean(
            plain.cross_entropy(plain.mean(scores[t] for t in plain.top(scores, k)), label)
            for label, half in enumerate((normal, abnormal))
            for scores in half
        ),
        "smooth": 0.3 * plain.mean(plain.smoothness(scores) for scores in abnormal),
        "sparse": 0.7 * plain.mean(sum(scores) for scores in abnormal),
    }
    expected = {"loss": sum(expected.values()), **expected}
    terms = method.training_step(batch)
    assert list(terms) == list(expected)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(("crops", "length"), [(1, 1), (3, 13)])
def test_scores_and_embedding_are_means_over_crops(crops, length, form):
    method, features = build(**form).eval(), bags.batch(2, crops, length).abnormal.features
    scores = plain_scores(method, features)
    assert np.std(scores) > 1e-3
    np.testing.assert_allclose(method.score(features).detach(), scores, rtol=0, atol=1e-9)
    embedded = [np.mean([plain_crop(method, rows)[0] for rows in video], axis=0) for video in features.numpy()]
    np.testing.assert_allclose(method.embed(features).detach(), embedded, rtol=0, atol=1e-9)


def matrix(graph, length):
    return graph(torch.eye(length, dtype=torch.float64)[None])[0]


def learned(**config):
    torch.manual_seed(0)
    return LearnedGraph(WAGCN.Config(width=6, relation=4, **config)).double().requires_grad_(False)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(1, 6), st.sampled_from(["largest", "all"]), st.integers(0, 99))
def test_rows_of_the_learned_graph_sum_to_1_over_the_kept_ones(length, divisor, keep, seed):
    h = 3 * bags.batch(1, 1, length, seed=seed).normal.features[0]
    graph = matrix(learned(keep=keep, keep_divisor=divisor)(h), length)
    torch.testing.assert_close(graph.sum(1), torch.ones(length, dtype=torch.float64))
    kept = math.ceil(length / divisor) if keep == "largest" else length
    assert (graph > 0).sum(1).eq(kept).all()
    usual = matrix(learned(keep="all")(h), length)
    # What is kept is the largest, and in the proportions of the whole row.
    for row, whole in zip(graph, usual, strict=True):
        assert whole[row > 0].min() >= whole[row == 0].max() - 1e-15 if kept < length else True
        torch.testing.assert_close(row[row > 0], whole[row > 0] / whole[row > 0].sum())


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 16), st.integers(0, 999))
def test_likeness_and_learned_graph_follow_a_permutation_and_time_does_not(length, seed):
    x = bags.batch(1, 1, length, seed=seed).normal.features[0]
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed))
    for graph in (learned(), lambda rows: temporal_graphs.cosine_graph(rows, 0.3)):
        usual = matrix(graph(x), length)
        torch.testing.assert_close(matrix(graph(x[:, order]), length), usual[order][:, order], rtol=0, atol=1e-12)
    # Wide enough that no segment is all zeros behind a ReLU: such a one is as near to each, and takes the first.
    method = build(branches="learned", hidden=32, width=32).eval()
    torch.testing.assert_close(method.score(x[None][:, :, order]), method.score(x[None])[:, order], rtol=0, atol=1e-12)


def test_the_global_graph_knows_the_order_of_segments():
    method, features = build(branches="global").eval(), bags.batch(1, 1, 9).normal.features
    order = torch.tensor([3, 1, 4, 0, 5, 8, 2, 6, 7])
    assert not torch.allclose(method.score(features[:, :, order]), method.score(features)[:, order])


def test_with_the_identity_as_graph_a_branch_sees_each_segment_alone():
    torch.manual_seed(0)
    branch = GraphBranch(WAGCN.Config(**SMALL)).double()
    h = torch.rand(2, 9, SMALL["width"], dtype=torch.float64)
    each = branch.second(branch.first(h).relu()).relu()
    torch.testing.assert_close(branch(h, lambda x: x), each)
    assert branch.first.bias is None
    assert branch.second.bias is None


def test_the_mean_of_two_normalised_graphs_is_not_the_normalised_sum_and_its_rows_do_not_sum_to_1():
    method, x = build(), bags.batch(1, 1, 9).normal.features[0]
    found = matrix(method.global_graph(x), 9).numpy()
    np.testing.assert_allclose(found, plain_global(x[0].numpy(), method.config), rtol=0, atol=1e-13)
    alike = matrix(temporal_graphs.cosine_graph(x, 0.4), 9).numpy()
    near = matrix(lambda y: temporal_graphs.distance_graph(y, 1.0), 9).numpy()
    assert np.abs(found - normalised(alike + near)).max() > 0.01
    assert np.abs(found.sum(1) - 1).max() > 0.01


def test_a_learned_graph_of_one_connection_teaches_nothing_and_of_two_it_does():
    for length, taught in ((4, False), (5, True)):
        method = build(branches="learned")
        method.training_step(bags.batch(length=length))["loss"].backward()
        assert bool(method.learned_graph.query.weight.grad.any()) == taught
        assert method.learned_branch.first.weight.grad.any()


@pytest.mark.parametrize("form", FORMS, ids=str)
@torch.no_grad()
def test_long_videos_are_scored_in_blocks_to_the_same_scores(form, monkeypatch):
    method, features = build(window=None, **form).eval(), bags.batch(1, 2, 211).normal.features
    usual = method.score(features)
    monkeypatch.setattr(temporal_graphs, "BLOCK", 20 * 211)
    monkeypatch.setattr(long_videos, "ELEMENTS", 100)
    torch.testing.assert_close(method.score(features), usual, rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_window_is_scored_like_a_video_of_its_own():
    check_windows_of_eight(build(window=8).eval(), build(window=None).eval())


def test_training_sees_videos_without_windows():
    batch = bags.batch(length=9)
    assert build(window=4).training_step(batch) == build(window=None).training_step(batch)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_half_precision_and_blank_videos_give_finite_gradients(form):
    method, batch = build(**form).float(), bags.batch()
    for half in (batch.normal, batch.abnormal):
        half.features.data = half.features.float()
        half.features[0] = 0
    with torch.autocast("cpu", torch.bfloat16):
        loss = method.training_step(batch)["loss"]
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())


def test_what_a_missing_branch_would_need_is_refused():
    with pytest.raises(ValidationError, match="combine 'product' means nothing without branches both or global"):
        WAGCN.Config(branches="learned", combine="product")
    with pytest.raises(ValidationError, match="keep 'all' means nothing without branches both or learned"):
        WAGCN.Config(branches="global", keep="all")


@pytest.mark.parametrize(("branches", "graphs"), [("both", 2), ("global", 1), ("learned", 1)])
def test_parameters_by_hand(branches, graphs):
    method = WAGCN(WAGCN.Config(branches=branches), FeatureSpec(2048, {}))
    first, branch, relation = (2048 * 512 + 512) + (512 * 128 + 128), 128 * 64 + 64 * 32, 2 * 128 * 64
    compared = relation if branches != "global" else 0
    assert bags.parameters(method) == first + graphs * (branch + 32) + compared + 1


def test_layers_start_xavier_uniform_without_biases():
    torch.manual_seed(0)
    state = WAGCN(WAGCN.Config(), FeatureSpec(64, {})).state_dict()
    for name, bound in (
        ("project.0.weight", (6 / (64 + 512)) ** 0.5),
        ("learned_graph.key.weight", (6 / (128 + 64)) ** 0.5),
        ("global_branch.second.weight", (6 / (64 + 32)) ** 0.5),
    ):
        assert state[name].abs().max().item() == pytest.approx(bound, rel=0.05), name
    assert not any(value.any() for name, value in state.items() if name.endswith(".bias"))


def test_dropout_is_after_the_first_two_layers_and_nowhere_else():
    method = WAGCN(WAGCN.Config(), FeatureSpec(6, {})).train()
    widths = []
    for module in method.modules():
        if isinstance(module, torch.nn.Dropout):
            module.register_forward_hook(lambda module, _, output: widths.append((module.p, output.shape[-1])))
    method(torch.rand(1, 5, 6))
    assert widths == [(0.6, 512), (0.6, 128)]
