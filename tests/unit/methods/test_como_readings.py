"""The whole of CoMo, and of RN in its place, against plain loops in every reading of the paper."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from methods.clav.clav import CLAV
from methods.clav.como import ContextMotion, GraphPropagation
from methods.clav.relation_network import RelationNetwork
from tests.unit.methods import bags, plain

V, C, T, D, N = 2, 2, 9, 5, 7
NODES, STATES = 3, 4


def made(module, seed=1):
    """A module in float64 and evaluation mode with every parameter and statistic random."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = torch.rand(tensor.shape, generator=generator) + 0.2
            tensor.data *= 1 if tensor.ndim == 1 else torch.randn(tensor.shape, generator=generator).sign() * 0.4
    return module.double().eval()


def plain_graph(v, weights, name):
    adjacency, bias = weights[f"{name}.adjacency.weight"], weights[f"{name}.adjacency.bias"]
    return plain.linear(plain.relu(v + adjacency @ v + bias[:, None]), weights, f"{name}.update")


def plain_como(rows, context, weights, context_nodes, fusion, residual=False):
    context = context.mean(0, keepdims=True) if context_nodes == "mean" else context
    graphs = []
    for sequence, name in ((rows, "motion"), (context, "context")):
        theta, phi = (plain.linear(sequence, weights, f"propagation.{layer}") for layer in ("theta", "phi"))
        graphs.append(plain_graph(theta.T @ phi / len(sequence), weights, f"propagation.{name}"))
    both = np.concatenate(graphs, axis=0 if fusion == "nodes" else 1)
    mixed = plain.relu(plain.linear(both.T, weights, "propagation.mix_nodes").T)
    relation = plain.linear(mixed, weights, "propagation.mix_states")
    share = plain.linear(rows, weights, "propagation.theta") @ relation
    return share + plain.linear(rows, weights, "propagation.phi") if residual else share


def plain_rn(rows, context, weights):
    related = []
    for row in rows:
        pairs = np.stack([np.concatenate([row, other]) for other in context])
        hidden = plain.relu(plain.linear(pairs, weights, "propagation.pair"))
        related.append(plain.relu(plain.linear(hidden, weights, "propagation.out")).mean(0))
    return np.stack(related)


def plain_norm(rows, weights, norm):
    if norm == "batch":
        return plain.batch_norm(rows, weights, "norm")
    if norm == "none":
        return rows
    centred = rows - rows.mean(1, keepdims=True)
    scale = np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    return centred / scale * weights["norm.weight"] + weights["norm.bias"]


def plain_intensity(rows, weights):
    hidden = plain.relu(plain.linear(rows, weights, "dynamic.layers.0"))
    return plain.linear(hidden, weights, "dynamic.layers.2")[:, 0]


def check(module, relate, order, length, extent, norm):
    """Compare F_R, S_R, G and the static segments with plain loops; `relate` makes F_R from the rows F and G."""
    features = torch.randn(V, C, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found, weights = module(features, features), plain.arrays(module)
    for v in range(V):
        rows = features[v].numpy()
        activity = np.mean([plain_intensity(rows[c], weights) for c in range(C)], axis=0)
        static = plain.top(list(-activity), N)
        static = sorted(static) if order == "time" else static
        assert found.static[v].tolist() == static
        scores = []
        for c in range(C):
            seen = rows[c][static] if length == "static" else rows[c]
            context = plain.relu(plain.conv(seen, weights, "context.convolution"))
            np.testing.assert_allclose(found.context[v, c].detach(), context, atol=1e-9)
            relation = relate(rows[c], context if length == "static" else context[static], weights)
            relation = relation.mean(0, keepdims=True).repeat(T, 0) if extent == "video" else relation
            relation = plain_norm(relation, weights, norm)
            np.testing.assert_allclose(found.features[v, c].detach(), relation, atol=1e-9)
            scores.append([plain.sigmoid(z) for z in plain.linear(relation, weights, "head.1")[:, 0]])
        np.testing.assert_allclose(found.logits[v].sigmoid().detach(), np.mean(scores, axis=0), atol=1e-9)


READINGS = [
    pytest.param(*reading, id="-".join(reading))
    for reading in product(("time", "motion"), ("static", "all"), ("segment", "video"), ("layer", "batch", "none"))
]


def options(order, length, extent, norm):
    return {
        "has_motion": True,
        "object_classes": 0,
        "static_fraction": N / T,
        "static_order": order,
        "context_length": length,
        "extent": extent,
        "norm": norm,
    }


@pytest.mark.parametrize(("order", "length", "extent", "norm"), READINGS)
@pytest.mark.parametrize(("context_nodes", "fusion"), [("mean", "nodes"), ("rows", "states")])
def test_como(context_nodes, fusion, order, length, extent, norm):
    propagation = GraphPropagation(D, NODES, STATES, context_nodes, fusion)
    module = made(ContextMotion(propagation, D, **options(order, length, extent, norm)))
    check(module, lambda *x: plain_como(*x, context_nodes, fusion), order, length, extent, norm)


@pytest.mark.parametrize("norm", ["layer", "batch", "none"])
@pytest.mark.parametrize(("context_nodes", "fusion"), [("mean", "nodes"), ("rows", "states")])
def test_como_with_what_a_segment_is_itself(context_nodes, fusion, norm):
    propagation = GraphPropagation(D, NODES, STATES, context_nodes, fusion, residual=True)
    reading = "time", "static", "residual", norm
    module = made(ContextMotion(propagation, D, **options(*reading)))
    check(module, lambda *x: plain_como(*x, context_nodes, fusion, residual=True), *reading)


@pytest.mark.parametrize(("order", "length", "extent", "norm"), READINGS)
def test_rn_in_its_place(order, length, extent, norm):
    module = made(ContextMotion(RelationNetwork(D, 6, STATES), D, **options(order, length, extent, norm)))
    check(module, plain_rn, order, length, extent, norm)


@pytest.mark.parametrize(
    ("settings", "look", "expected"),
    [
        ({"hidden": 9}, lambda m: m.scorer.fc1.out_features, 9),
        ({"hidden": 9}, lambda m: m.decode_normal[0].out_features, 9),
        ({"hidden": 9}, lambda m: m.decode_abnormal[0].out_features, 9),
        ({"hidden": 9}, lambda m: m.relation.context.objects[0].out_features, 9),
        ({"hidden": 9, "relation": "rn"}, lambda m: m.relation.propagation.pair.out_features, 9),
        ({"states": 9, "relation": "rn"}, lambda m: m.relation.propagation.out.out_features, 9),
        (
            {"relation": "rn", "rn_pooling": "sum", "relation_norm": "none"},
            lambda m: m.relation.propagation.pooling,
            "sum",
        ),
        ({"states": 9}, lambda m: m.relation.propagation.phi.out_features, 9),
        ({"nodes": 9}, lambda m: m.relation.propagation.theta.out_features, 9),
        ({"context_nodes": "rows"}, lambda m: m.relation.propagation.context_nodes, "rows"),
        ({"graph_fusion": "states"}, lambda m: m.relation.propagation.fusion, "states"),
        ({"intensity_activation": "sigmoid"}, lambda m: type(m.relation.dynamic.layers[-1]), nn.Sigmoid),
        ({"relation_norm": "batch"}, lambda m: type(m.relation.norm), nn.BatchNorm1d),
        ({"relation_norm": "none"}, lambda m: type(m.relation.norm), nn.Identity),
        ({"static_fraction": 0.3}, lambda m: m.relation.static_fraction, 0.3),
        ({"static_rounding": "nearest"}, lambda m: m.relation.static_rounding, "nearest"),
        ({"static_order": "motion"}, lambda m: m.relation.static_order, "motion"),
        ({"context_length": "all"}, lambda m: m.relation.context_length, "all"),
        ({"relation_extent": "video"}, lambda m: m.relation.extent, "video"),
        ({"relation_extent": "residual"}, lambda m: m.relation.propagation.residual, True),
        ({}, lambda m: m.relation.propagation.residual, False),
        ({"ica_kernel": 1}, lambda m: m.activation.expand.kernel_size, (1,)),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_every_setting_reaches_its_layer(settings, look, expected):
    assert look(bags.build(CLAV, **settings)) == expected


def test_the_two_dropouts_are_apart():
    method = CLAV(CLAV.Config(dropout=0.2, relation_dropout=0.3), bags.build(CLAV).features)
    assert (method.scorer.dropout.p, method.relation.head[0].p) == (0.2, 0.3)
