"""Layers against plain float64 loops, parameter counts by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from methods.clav.como import (
    ContextMotion,
    ContextPath,
    DynamicPath,
    GraphConvolution,
    GraphPropagation,
    feature_difference,
)
from methods.parts import layers
from tests.unit.methods import plain

V, C, T, D = 2, 2, 6, 8


@pytest.fixture
def x():
    return torch.randn(V, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def made(module, seed=1):
    """A module in float64 and evaluation mode with every parameter and statistic random."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = 0.5 * torch.rand(tensor.shape, generator=generator) + 0.1
            tensor.data *= 1 if tensor.ndim == 1 else torch.randn(tensor.shape, generator=generator).sign()
    return module.double().eval()


def close(actual, expected):
    np.testing.assert_allclose(actual.detach().numpy(), expected, rtol=1e-9, atol=1e-9)


def test_top_indices_takes_the_earlier_of_equal_values():
    values = torch.tensor([[1.0, 3.0, 3.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert layers.top_indices(values, 3).tolist() == [[1, 2, 4], [0, 1, 2]]
    assert layers.top_indices(values[:, :2], 3).tolist() == [[1, 0], [0, 1]]


def test_take_segments_shares_the_index_between_crops(x):
    features = torch.stack([x, -x], dim=1)
    index = torch.tensor([[4, 0, 5], [1, 1, 2]])
    taken = layers.take_segments(features, index)
    for v in range(V):
        for c in range(C):
            for k in range(3):
                assert torch.equal(taken[v, c, k], features[v, c, index[v, k]])


def test_mean_logit_is_the_logit_of_the_mean_score():
    logits = np.random.default_rng(0).normal(0, 4, (3, 4))
    means = [plain.mean(plain.sigmoid(z) for z in row) for row in logits]
    close(layers.mean_logit(torch.tensor(logits), 1), [np.log(p / (1 - p)) for p in means])
    far = torch.tensor([[80.0], [-80.0]])
    assert layers.mean_logit(far, 1).tolist() == [80.0, -80.0]


def test_unit_vectors_have_length_one_or_zero():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)
    close(layers.unit_vectors(rows), [[0.6, 0.8], [0.0, 0.0]])


def test_scorer(x):
    scorer = made(layers.Scorer(D, 0.7))
    weights = plain.arrays(scorer)
    logits, hidden = scorer(x)
    for v in range(V):
        expected = plain.relu(plain.linear(plain.relu(plain.linear(x[v].numpy(), weights, "fc1")), weights, "fc2"))
        close(hidden[v], expected)
        close(logits[v], plain.linear(expected, weights, "fc3")[:, 0])


@pytest.mark.parametrize("inner", [2, 50])
def test_non_local_is_the_dot_product_form_whichever_way_it_is_associated(inner, x):
    block = made(layers.NonLocal(D, inner))
    weights = plain.arrays(block)
    out = block(x.transpose(1, 2)).transpose(1, 2)
    for v in range(V):
        rows = x[v].numpy()
        g, theta, phi = (plain.conv(rows, weights, name) for name in ("g", "theta", "phi"))
        y = np.zeros((T, inner))
        for i in range(T):
            for j in range(T):
                y[i] += float(np.dot(theta[i], phi[j])) / T * g[j]
        close(out[v], plain.batch_norm(plain.conv(y, weights, "out"), weights, "norm") + rows)


def test_non_local_work_grows_linearly_with_the_length_of_long_videos():
    block = layers.NonLocal(4, 2).to("meta").eval()
    work = []
    for length in (10_000, 20_000):
        with FlopCounterMode(display=False) as counter:
            block(torch.ones(1, 4, length, device="meta"))
        work.append(counter.get_total_flops())
    assert work[1] == 2 * work[0]


def test_multi_scale_temporal_network(x):
    network = made(layers.MultiScaleTemporalNetwork(D))
    weights = plain.arrays(network)
    inner = {name.removeprefix("non_local."): value for name, value in weights.items()}
    out = network(x)
    for v in range(V):
        rows = x[v].numpy()
        branches = [
            plain.batch_norm(
                plain.relu(plain.conv(rows, weights, f"pyramid.{i}.0", dilation)), weights, f"pyramid.{i}.2"
            )
            for i, dilation in enumerate((1, 2, 4))
        ]
        q = plain.relu(plain.conv(rows, weights, "reduce.0"))
        g, theta, phi = (plain.conv(q, inner, name) for name in ("g", "theta", "phi"))
        y = (theta @ phi.T / T) @ g
        branches.append(plain.batch_norm(plain.conv(y, inner, "out"), inner, "norm") + q)
        fused = plain.relu(plain.conv(np.concatenate(branches, axis=1), weights, "fuse.0"))
        close(out[v], plain.batch_norm(fused, weights, "fuse.2") + rows)


@pytest.mark.parametrize("dim", [1, 3, 48, 50, 2560])
def test_temporal_network_fits_any_feature_size(dim):
    network = layers.MultiScaleTemporalNetwork(dim).eval()
    assert network(torch.zeros(1, 2, dim)).shape == (1, 2, dim)


def test_feature_difference():
    features = np.random.default_rng(0).standard_normal((V, C, T, D))
    value = feature_difference(torch.tensor(features))
    for v in range(V):
        expected = []
        for t in range(T):
            now, before = max(t, 1), max(t, 1) - 1
            expected.append(
                plain.mean(
                    plain.norm(features[v, c, now] - features[v, c, before])
                    / (plain.norm(features[v, c, now]) + plain.norm(features[v, c, before]))
                    for c in range(C)
                )
            )
        close(value[v], expected)
    assert feature_difference(torch.ones(3, 2, 1, 4)).tolist() == [[0.0]] * 3
    assert feature_difference(torch.zeros(1, 1, 2, 4)).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("activation", ["none", "sigmoid"])
def test_dynamic_path(x, activation):
    path = made(DynamicPath(D, activation))
    weights = plain.arrays(path)
    for v in range(V):
        hidden = plain.relu(plain.linear(x[v].numpy(), weights, "layers.0"))
        logits = plain.linear(hidden, weights, "layers.2")[:, 0]
        close(path(x)[v], [plain.sigmoid(z) for z in logits] if activation == "sigmoid" else logits)


def test_context_path_and_its_object_head(x):
    path = made(ContextPath(D, 3))
    weights = plain.arrays(path)
    context = path(x)
    objects = path.objects(context)
    for v in range(V):
        rows = plain.relu(plain.conv(x[v].numpy(), weights, "convolution"))
        close(context[v], rows)
        logits = plain.linear(plain.relu(plain.linear(rows, weights, "objects.0")), weights, "objects.2")
        close(objects[v], [[plain.sigmoid(z) for z in row] for row in logits])
    assert ContextPath(D, 0).objects is None


def plain_graph(v, weights, name):
    nodes, states = v.shape
    adjacency, bias = weights[f"{name}.adjacency.weight"], weights[f"{name}.adjacency.bias"]
    hidden = np.zeros_like(v)
    for i in range(nodes):
        for s in range(states):
            hidden[i, s] = v[i, s] + sum(adjacency[i, j] * v[j, s] for j in range(nodes)) + bias[i]
    return plain.linear(plain.relu(hidden), weights, f"{name}.update")


def test_graph_convolution():
    graph = made(GraphConvolution(4, 5))
    v = torch.randn(4, 5, dtype=torch.float64)
    weights = {f"graph.{name}": value for name, value in plain.arrays(graph).items()}
    close(graph(v), plain_graph(v.numpy(), weights, "graph"))


@pytest.mark.parametrize("context_nodes", ["mean", "rows"])
@pytest.mark.parametrize("fusion", ["nodes", "states"])
def test_graph_propagation(x, context_nodes, fusion):
    nodes, states = 3, 4
    propagation = made(GraphPropagation(D, nodes, states, context_nodes, fusion))
    weights = plain.arrays(propagation)
    context = torch.randn(V, 4, D, dtype=torch.float64)
    out = propagation(x, context)
    for v in range(V):
        graphs = []
        rows = x[v].numpy()
        scene = context[v].numpy()
        scene = scene.mean(0, keepdims=True) if context_nodes == "mean" else scene
        for sequence, name in ((rows, "motion"), (scene, "context")):
            theta, phi = (plain.linear(sequence, weights, layer) for layer in ("theta", "phi"))
            graph = sum(np.outer(theta[t], phi[t]) for t in range(len(sequence))) / len(sequence)
            graphs.append(plain_graph(graph, weights, name))
        both = np.concatenate(graphs, axis=0 if fusion == "nodes" else 1)
        mixed = plain.relu(plain.linear(both.T, weights, "mix_nodes").T)
        relation = plain.linear(mixed, weights, "mix_states")
        close(out[v], plain.linear(rows, weights, "theta") @ relation)


@pytest.mark.parametrize("has_motion", [True, False])
def test_context_motion_takes_the_static_segments_in_order_of_time(has_motion):
    raw = torch.randn(V, C, 10, D, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    features = raw.flip(2) + 1
    module = made(ContextMotion(GraphPropagation(D, 3, 4), D, has_motion=has_motion, object_classes=0))
    relation = module(features, raw)
    for v in range(V):
        if has_motion:
            activity = [plain.mean(module.dynamic(features)[v, c, t].item() for c in range(C)) for t in range(10)]
        else:
            activity = feature_difference(raw)[v].tolist()
        expected = sorted(sorted(range(10), key=lambda t: (activity[t], t))[:8])
        assert relation.static[v].tolist() == expected
        close(relation.context[v, 1], module.context(features[v, 1][expected]).detach().numpy())
    logits = module.head(relation.features).squeeze(-1)
    close(relation.logits.sigmoid(), logits.sigmoid().mean(1).detach().numpy())
    assert (relation.intensity is None) != has_motion


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_relational_features_are_normalised_per_segment_or_left_as_printed(norm):
    features = torch.randn(V, C, 6, D, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 10
    module = made(ContextMotion(GraphPropagation(D, 3, 4), D, has_motion=True, object_classes=0, norm=norm))
    relation = module(features, features)
    for v in range(V):
        for c in range(C):
            context = module.context(features[v, c][relation.static[v]][None])
            printed = module.propagation(features[v, c][None], context)[0].detach().numpy()
            expected = printed
            if norm == "layer":
                weights = plain.arrays(module.norm)
                centred = printed - printed.mean(1, keepdims=True)
                scale = np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
                expected = centred / scale * weights["weight"] + weights["bias"]
            close(relation.features[v, c], expected)


@pytest.mark.parametrize(("length", "count"), [(1, 1), (2, 1), (8, 6), (16, 12), (32, 25)])
def test_number_of_static_segments_is_rounded_down_and_at_least_one(length, count):
    module = ContextMotion(GraphPropagation(D), D, has_motion=True, object_classes=0)
    features = torch.randn(1, 1, length, D)
    assert module(features, features).static.shape == (1, count)


def test_initialisers_are_xavier_with_zero_bias():
    torch.manual_seed(0)
    uniform, normal = (
        nn.Linear(400, 600).apply(init) for init in (layers.init_xavier_uniform, layers.init_xavier_normal)
    )
    for layer in (uniform, normal):
        assert layer.weight.std().item() == pytest.approx((2 / 1000) ** 0.5, rel=0.02)
        assert not layer.bias.any()
    assert uniform.weight.abs().max() <= (6 / 1000) ** 0.5
    assert normal.weight.abs().max() > (6 / 1000) ** 0.5
