"""Graphs over segments against plain loops, in blocks and as a whole; top scores of videos of any length."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.parts import temporal_graphs
from methods.parts.padded import share_of_rows, top_mean
from methods.parts.temporal_graphs import (
    GraphConvolution,
    cosine_graph,
    distance_graph,
    normalise_graph,
    score_graph,
    similarity_graph,
)
from tests.unit.methods import plain_graphs


def draw(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).uniform(-0.4, 1, shape))


def matrix(graph, length):
    """What a graph is as a matrix: what it makes of the unit vectors."""
    return graph(torch.eye(length, dtype=torch.float64))


@pytest.mark.parametrize("block", [1, 30, 2**23])
@pytest.mark.parametrize("lengths", [None, (11, 4, 1)])
@torch.no_grad()  # with gradients there are no blocks
def test_graphs_are_those_of_plain_loops_in_any_block(monkeypatch, lengths, block):
    monkeypatch.setattr(temporal_graphs, "BLOCK", block)
    x, scores = draw(3, 11, 5), draw(3, 11, seed=1).clamp(0, 1)
    given_lengths = None if lengths is None else torch.tensor(lengths)
    alike, like = matrix(similarity_graph(x, given_lengths), 11), matrix(score_graph(scores, given_lengths), 11)
    for i, length in enumerate(lengths or (11, 11, 11)):
        np.testing.assert_allclose(alike[i], plain_graphs.similarity(x[i].numpy(), length), rtol=0, atol=1e-14)
        np.testing.assert_allclose(like[i], plain_graphs.closeness(scores[i].numpy(), length), rtol=0, atol=1e-14)


def test_a_pair_below_the_threshold_keeps_the_weight_of_a_zero_logit():
    x = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [0.6, 0.8], [0.0, 0.0]]], dtype=torch.float64)
    weights = matrix(similarity_graph(x), 4)[0]
    assert weights[0].tolist() == pytest.approx([w / (math.e + 3) for w in (math.e, 1, 1, 1)])
    # 0.8 is above the threshold, 0.6 is not; a segment of zeros is like nothing, itself included.
    high = math.exp(0.8)
    assert weights[2].tolist() == pytest.approx([w / (math.e + high + 2) for w in (1, high, math.e, 1)])
    assert weights[3].tolist() == pytest.approx([1 / 4] * 4)


def test_a_cosine_at_the_threshold_does_not_count():
    x = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]], dtype=torch.float64)
    assert matrix(similarity_graph(x, threshold=1.0), 2).eq(0.5).all()


def test_sequences_without_a_segment_of_their_own_have_no_graph_and_finite_gradients():
    x = draw(2, 5, 3).requires_grad_()
    weights = matrix(similarity_graph(x, torch.tensor([0, 2])), 5)
    assert not weights[0].any()
    weights.square().sum().backward()
    assert x.grad.isfinite().all()
    assert not x.grad[0].any()
    assert x.grad[1, :2].any()


@pytest.mark.parametrize("length", [1, 7, 512, 513, 700])
def test_the_distance_graph_is_exact_in_bands(length):
    x = draw(2, length, 3)
    expected = np.stack([plain_graphs.distance(length) @ rows for rows in x.numpy()])
    np.testing.assert_allclose(distance_graph(x), expected, rtol=0, atol=1e-13)


def test_rows_of_the_distance_graph_do_not_sum_to_one():
    # 1 + 2 / (exp(1 / e) - 1) inside a long video, about half of it at an end.
    sums = distance_graph(torch.ones(1, 200, 1, dtype=torch.float64))[0, :, 0]
    assert sums[100].item() == pytest.approx(1 + 2 / (math.exp(1 / math.e) - 1))
    assert sums[0].item() == pytest.approx(1 / (1 - math.exp(-1 / math.e)))


@pytest.mark.parametrize("scale", [0.3, 1.0, 10.0])
def test_the_distance_graph_of_any_scale_is_exact_in_bands(scale, monkeypatch):
    monkeypatch.setattr(temporal_graphs, "BAND", 100)
    x = draw(1, 1100, 2)
    expected = [[math.exp(-abs(i - j) / scale) for j in range(1100)] for i in range(1100)]
    np.testing.assert_allclose(distance_graph(x, scale)[0], expected @ x[0].numpy(), rtol=0, atol=1e-13)


def plain_cosines(x, threshold, scale=None):
    """Cosines from the threshold on, times the nearness in time."""
    graph = np.zeros((len(x), len(x)))
    for i, a in enumerate(x):
        for j, b in enumerate(x):
            cosine = a @ b / math.sqrt((a @ a) * (b @ b)) if a.any() and b.any() else 0.0
            near = 1.0 if scale is None else math.exp(-abs(i - j) / scale)
            graph[i, j] = cosine * near if cosine >= threshold else 0.0
    return graph


@pytest.mark.parametrize("block", [1, 30, 2**23])
@pytest.mark.parametrize("scale", [None, 2.0])
@torch.no_grad()
def test_cosine_graphs_are_those_of_plain_loops_in_any_block(monkeypatch, scale, block):
    monkeypatch.setattr(temporal_graphs, "BLOCK", block)
    x = draw(2, 11, 5)
    x[0, 3] = 0
    found = matrix(cosine_graph(x, 0.6, scale), 11)
    for rows, graph in zip(x.numpy(), found, strict=True):
        np.testing.assert_allclose(graph, plain_cosines(rows, 0.6, scale), rtol=0, atol=1e-14)
    assert not found[0, 3].any()
    assert 0 < found.eq(0).double().mean() < 0.9


def test_a_cosine_at_the_threshold_connects():
    x = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [0.0, 0.5]]], dtype=torch.float64)
    assert matrix(cosine_graph(x, 0.0), 3)[0].tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 1]]
    assert matrix(cosine_graph(-x, 0.9), 3)[0].tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 1]]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.sampled_from(["cosine", "product", "distance"]), st.integers(0, 99))
def test_a_normalised_graph_has_the_largest_eigenvalue_1_with_the_roots_of_its_degrees(length, kind, seed):
    x = draw(1, length, 3, seed=seed)
    graph = {
        "cosine": cosine_graph(x, 0.5),
        "product": cosine_graph(x, 0.5, 1.0),
        "distance": lambda y: distance_graph(y, 1.0),
    }[kind]
    roots = matrix(graph, length).sum(-1).sqrt().reshape(length)
    normal = matrix(normalise_graph(graph, x), length).reshape(length, length)
    torch.testing.assert_close(normal, normal.T, rtol=0, atol=1e-14)
    torch.testing.assert_close(normal @ roots, roots, rtol=0, atol=1e-12)
    assert torch.linalg.eigvalsh(normal).abs().max().item() == pytest.approx(1, abs=1e-12)


def test_a_segment_without_connections_stays_so_and_passes_finite_gradients():
    x = draw(1, 5, 3)
    x[0, 2] = 0
    x.requires_grad_()
    weights = matrix(normalise_graph(cosine_graph(x, 0.0), x), 5)[0]
    assert not weights[2].any()
    assert not weights[:, 2].any()
    weights.square().sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad[0, 0].any()


@pytest.mark.parametrize(("dim", "out"), [(6, 4), (4, 4), (1, 1)])
def test_graph_convolution(dim, out):
    torch.manual_seed(0)
    layer, x = GraphConvolution(dim, out).double(), draw(2, 9, dim)
    state = {f"gc.{name}": value for name, value in plain_graphs.numpy_state(layer.state_dict()).items()}
    assert ("gc.residual.weight" in state) == (dim != out)
    made = layer(x, distance_graph).detach()
    for rows, expected in zip(made, x.numpy(), strict=True):
        expected = plain_graphs.graph_convolution(expected, plain_graphs.distance(9), state, "gc")
        np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-13)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 20), st.integers(0, 99))
def test_top_means_are_those_of_sorted_lists(lengths, divisor, seed):
    values = 6 * draw(len(lengths), 40, 2, seed=seed) - 2
    given_lengths = torch.tensor(lengths)
    k = share_of_rows(given_lengths, divisor)
    found, alone = top_mean(values, k, given_lengths), top_mean(values[..., 1], k, given_lengths)
    torch.testing.assert_close(found[:, 1], alone)
    for i, length in enumerate(lengths):
        for c in range(2):
            largest = sorted(values[i, :length, c].tolist(), reverse=True)[: length // divisor + 1]
            assert found[i, c].item() == pytest.approx(sum(largest) / len(largest), abs=1e-12)
