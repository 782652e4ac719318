"""CLAV+CoMo: every loss term and switch against plain loops, parameters by hand."""

from dataclasses import replace

import pytest
import torch

from benchmark.api import FeatureSpec
from methods.clav.clav import CLAV
from methods.clav.como import feature_difference
from tests.unit.methods import bags, plain

V, C, T, K = 2, 2, 10, 3


def parts(method, batch):
    """What CLAV makes of each half, from its modules; these are tested on their own."""
    halves = []
    for half in (batch.normal, batch.abnormal):
        features = method.activation(half.features)
        logits, hidden = method.scorer(features)
        made = {
            "F": features.detach().numpy(),
            "hidden": hidden.detach().numpy(),
            "S": logits.sigmoid().mean(1).tolist(),
            "motion": half.motion.tolist(),
            "objects": half.objects.tolist(),
        }
        if method.relation is not None:
            relation = method.relation(features, half.features)
            made |= {
                "R": relation.features.detach().numpy(),
                "S_R": relation.logits.sigmoid().tolist(),
                "relation": relation,
            }
        halves.append(made)
    return halves


def plain_mil(halves, head, mean_first):
    total = []
    for label, half in enumerate(halves):
        for scores in half[head]:
            chosen = [scores[t] for t in plain.top(scores, K)]
            chosen = [plain.mean(chosen)] if mean_first else chosen
            total += [plain.cross_entropy(p, label) for p in chosen]
    return plain.mean(total)


def plain_distance(halves, name, head, config):
    normal = halves[0]
    means = [
        [[half[name][v, c][plain.top(half[head][v], K)].mean(0) for c in range(C)] for v in range(V)] for half in halves
    ]
    total = []
    for c in range(C):
        rows = [normal[name][v, c, t] for v in range(V) for t in range(T)]
        for v in range(V):
            within = plain.cohesion(
                rows if config.distance_cohesion == "batch" else normal[name][v, c], config.distance_diagonal
            )
            for a in range(V) if config.distance_pairs == "all-pairs" else [v]:
                total.append(plain.distance(within, plain.cosine(means[0][v][c], means[1][a][c]), 0.3))
    return plain.mean(total)


def plain_class_specific(method, halves, reduction):
    weights, total = plain.arrays(method), 0.0
    for half, decoder in zip(halves, ("decode_normal", "decode_abnormal"), strict=True):
        errors = []
        for v in range(V):
            for c in range(C):
                index = plain.top(half["S"][v], K)
                hidden = plain.relu(plain.linear(half["hidden"][v, c][index], weights, f"{decoder}.0"))
                rebuilt = plain.linear(hidden, weights, f"{decoder}.2")
                errors += [sum(abs(row)) for row in rebuilt - half["F"][v, c][index]]
        total += plain.mean(errors) / (6 if reduction == "mean" else 1)
    return total


def plain_intensity(halves):
    return plain.mean(
        abs(half["relation"].intensity[v, c, t].item() - half["motion"][v][t])
        for half in halves
        for v in range(V)
        for c in range(C)
        for t in range(T)
    )


def plain_objects(method, halves):
    errors = []
    for half in halves:
        predicted = method.relation.context.objects(half["relation"].context).tolist()
        for v in range(V):
            rows = range(T) if method.config.context_length == "all" else half["relation"].static[v].tolist()
            for c in range(C):
                assert len(predicted[v][c]) == len(rows)
                for i, t in enumerate(rows):
                    errors += [abs(predicted[v][c][i][o] - half["objects"][v][t][o]) for o in range(3)]
    return plain.mean(errors)


def expected_terms(method, batch):
    config, halves = method.config, parts(method, batch)
    related = config.relation != "none"
    mean_first, share = config.mil == "mean-first", 0.5 if config.mil == "joint" else 1
    heads, abnormal = ("S", "S_R") if related else ("S",), halves[1]
    terms = {
        "mil": share * plain_mil(halves, "S", mean_first),
        "cs": plain_class_specific(method, halves, config.reconstruction_reduction),
        "dist": 10 * plain_distance(halves, "F", "S", config),
        "smooth": 8e-4 * sum(plain.mean(plain.smoothness(row) for row in abnormal[s]) for s in heads),
        "sparse": 8e-3 * sum(plain.mean(plain.mean(row) for row in abnormal[s]) for s in heads),
    }
    if related:
        head = "S_R" if config.distance_relation_top == "own" else "S"
        terms |= {
            "mil_relation": share * plain_mil(halves, "S_R", mean_first),
            "dist_relation": 10 * plain_distance(halves, "R", head, config),
            "intensity": plain_intensity(halves),
            "objects": plain_objects(method, halves),
        }
    return {**terms, "loss": sum(terms.values())}


@pytest.mark.parametrize(
    "switch",
    [
        {},
        {"ica_kernel": 1},
        {"mil": "mean-first"},
        {"mil": "joint"},
        {"reconstruction_reduction": "sum"},
        {"distance_pairs": "all-pairs"},
        {"distance_cohesion": "batch"},
        {"distance_pairs": "all-pairs", "distance_cohesion": "batch"},
        {"distance_diagonal": False},
        {"distance_relation_top": "scores"},
        {"context_nodes": "rows"},
        {"graph_fusion": "states"},
        {"static_fraction": 0.46},
        {"static_fraction": 0.46, "static_rounding": "nearest"},
        {"static_order": "motion"},
        {"context_length": "all"},
        {"relation_norm": "none"},
        {"relation_extent": "video"},
        {"activation": "conv"},
        {"activation": "conv-wide"},
        {"activation": "none"},
        {"hidden": 9},
        {"relation": "rn"},
        {"relation": "rn", "rn_pooling": "sum", "relation_norm": "none"},
        {"relation": "none"},
        {"relation": "none", "mil": "mean-first"},
    ],
    ids=str,
)
def test_loss_terms(switch):
    method, batch = bags.build(CLAV, **switch), bags.batch(V, C, T)
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected_terms(method, batch))


def test_weights_multiply_their_terms():
    batch, plainly = bags.batch(), bags.build(CLAV)
    weights = {
        "reconstruction_weight": 2.0,
        "distance_weight": 30.0,
        "intensity_weight": 4.0,
        "objects_weight": 5.0,
        "smoothness": 8e-4 * 6,
        "sparsity": 8e-3 * 7,
    }
    factors = {"cs": 2, "dist": 3, "dist_relation": 3, "intensity": 4, "objects": 5, "smooth": 6, "sparse": 7}
    before, after = plainly.training_step(batch), bags.build(CLAV, **weights).training_step(batch)
    for name in before.keys() - {"loss"}:
        assert after[name].item() == pytest.approx(factors.get(name, 1) * before[name].item())
    assert after["loss"].item() == pytest.approx(sum(v.item() for k, v in after.items() if k != "loss"))


@pytest.mark.parametrize("detach", [False, True])
def test_reconstruction_shapes_the_features_unless_detached(detach):
    method = bags.build(CLAV, reconstruction_detach=detach)
    for parameter in method.scorer.parameters():
        # Without the path through F_FC2 only the target is left.
        parameter.data.zero_()
    method.training_step(bags.batch())["cs"].backward()
    assert (method.activation.expand.weight.grad is None or not method.activation.expand.weight.grad.any()) == detach


@pytest.mark.parametrize(
    ("fusion", "alpha", "weights"),
    [
        ("scores+alpha*relation", 0.4, (1 / 1.4, 0.4 / 1.4)),
        ("scores+alpha*relation", 1.0, (0.5, 0.5)),
        ("alpha*scores+relation", 0.4, (0.4 / 1.4, 1 / 1.4)),
        ("mixture", 0.4, (0.6, 0.4)),
        ("scores-alpha*relation", 0.4, (1 / 1.4, -0.4 / 1.4)),
    ],
)
@pytest.mark.parametrize("relation", ["como", "rn"])
def test_score_fuses_the_two_heads(relation, fusion, alpha, weights):
    method, batch = bags.build(CLAV, relation=relation, fusion=fusion, alpha=alpha).eval(), bags.batch()
    half = parts(method, batch)[0]
    scores = method.score(batch.normal.features)
    shift = max(0, -weights[1])  # a difference is moved into [0, 1], which leaves the ranking alone
    for v in range(V):
        expected = [weights[0] * s + weights[1] * r + shift for s, r in zip(half["S"][v], half["S_R"][v], strict=True)]
        assert scores[v].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("alpha_of", "target", "alpha"),
    [
        ("training", "xd-violence", 0.7),
        ("target", "ucf-crime", 0.1),
        ("target", "xd-violence", 1.0),
        ("target", "shanghaitech", 0.4),
        ("target", "avenue", 0.1),
        ("target", "other", 0.7),
        ("target", None, 0.7),
    ],
)
def test_alpha_is_that_of_the_training_or_of_the_benchmark_tested_on(alpha_of, target, alpha):
    method, batch = bags.build(CLAV, alpha=0.7, alpha_of=alpha_of).eval(), bags.batch()
    half = parts(method, batch)[0]
    method.features = replace(method.features, target=target)
    for v, scores in enumerate(method.score(batch.normal.features)):
        expected = [(s + alpha * r) / (1 + alpha) for s, r in zip(half["S"][v], half["S_R"][v], strict=True)]
        assert scores.tolist() == pytest.approx(expected)


def test_without_relation_the_score_is_that_of_the_features():
    method, batch = bags.build(CLAV, relation="none", alpha=0.7).eval(), bags.batch()
    assert method.relation is None
    for scores, expected in zip(method.score(batch.normal.features), parts(method, batch)[0]["S"], strict=True):
        assert scores.tolist() == pytest.approx(expected)


def test_without_relation_no_pseudo_label_is_asked_for():
    assert set(CLAV.inputs_for(CLAV.Config())) == {"motion", "objects"}
    assert CLAV.inputs_for(CLAV.Config(relation="none")) == {}
    assert "mil" in bags.build(CLAV, sources={}, relation="none").training_step(bags.batch())


def test_relation_per_video_gives_one_relational_score_to_all_segments():
    method, batch = bags.build(CLAV, relation_extent="video").eval(), bags.batch()
    relation = method(batch.normal.features).relation
    assert relation.logits.shape == (V, T)
    assert relation.logits.std(1).max() == 0
    assert relation.features.std(2).max() == 0


def test_batch_norm_of_the_relational_features_is_per_state():
    method, batch = bags.build(CLAV, relation_norm="batch").train(), bags.batch()
    rows = method(batch.normal.features).relation.features.detach().numpy().reshape(-1, 128)
    bias = method.relation.norm.bias.detach().numpy()
    for state in range(128):
        assert rows[:, state].mean() == pytest.approx(bias[state], abs=1e-9)
        assert rows[:, state].std() <= 1 + 1e-9


def test_motion_order_keeps_the_least_moving_first():
    method, batch = bags.build(CLAV, static_order="motion"), bags.batch()
    relation = method(batch.normal.features).relation
    for v in range(V):
        activity = relation.intensity[v].mean(0).tolist()
        assert relation.static[v].tolist() == plain.top([-a for a in activity], 8)


@pytest.mark.parametrize(
    ("length", "rounding", "count"), [(16, "down", 12), (16, "nearest", 13), (8, "down", 6), (8, "nearest", 6)]
)
def test_number_of_static_segments_of_the_paper(length, rounding, count):
    method, batch = bags.build(CLAV, static_rounding=rounding), bags.batch(length=length)
    assert method(batch.normal.features).relation.static.shape == (V, count)


@pytest.mark.parametrize(
    ("weight", "term"),
    [("reconstruction_weight", "cs"), ("distance_weight", "dist"), ("distance_weight", "dist_relation")],
)
def test_a_loss_of_weight_zero_is_left_out(weight, term):
    method = bags.build(CLAV, **{weight: 0.0})
    assert term not in method.training_step(bags.batch())
    assert (method.decode_normal is None) == (term == "cs")


def test_without_motion_the_change_of_the_raw_features_chooses_the_static_segments():
    method, batch = bags.build(CLAV, {"motion": "none", "objects": "given"}), bags.batch()
    assert method.relation.dynamic is None
    relation = method(batch.normal.features).relation
    change = feature_difference(batch.normal.features)
    for v in range(V):
        assert relation.static[v].tolist() == sorted(plain.top([-d for d in change[v].tolist()], 8))
    terms = method.training_step(batch)
    assert "intensity" not in terms
    assert "objects" in terms


def test_without_objects_there_is_no_object_head():
    method = bags.build(CLAV, {"motion": "given", "objects": "none"})
    assert method.relation.context.objects is None
    terms = method.training_step(bags.batch())
    assert "objects" not in terms
    assert "intensity" in terms


@pytest.mark.parametrize(
    ("weight", "term", "path"), [("intensity_weight", "intensity", "dynamic"), ("objects_weight", "objects", "objects")]
)
def test_a_path_without_a_loss_is_left_out_instead_of_choosing_at_random(weight, term, path):
    method = bags.build(CLAV, **{weight: 0.0})
    assert getattr(method.relation if path == "dynamic" else method.relation.context, path) is None
    assert term not in method.training_step(bags.batch())


def test_a_batch_without_the_promised_labels_is_refused():
    batch = bags.batch()
    lacking = type(batch)(type(batch.normal)(batch.normal.features, None, None, ()), batch.abnormal)
    with pytest.raises(ValueError, match="the batch holds no motion"):
        bags.build(CLAV).training_step(lacking)


def test_embedding_is_the_activated_features():
    method, features = bags.build(CLAV), bags.batch().normal.features
    torch.testing.assert_close(method.embed(features), method.activation(features).mean(1))


def test_parameters_at_the_published_width():
    dim, nodes, states, classes = 2048, 32, 128, 80
    method = CLAV(CLAV.Config(), FeatureSpec(dim, bags.GIVEN, classes))
    ica = dim * 2 * dim * 3 + 2 * dim
    scorer = (dim * 512 + 512) + (512 * 128 + 128) + (128 + 1)
    decoders = 2 * ((128 * 512 + 512) + (512 * dim + dim))
    dynamic = (dim * 512 + 512) + (512 + 1)
    context = (dim * dim * 3 + dim) + (dim * 512 + 512) + (512 * classes + classes)
    projection = (dim * nodes + nodes) + (dim * states + states)
    graphs = 2 * (nodes * nodes + nodes + states * states)
    fusion = (2 * nodes * nodes + nodes) + states * states
    head = 2 * states + states + 1
    expected = ica + scorer + decoders + dynamic + context + projection + graphs + fusion + head
    assert bags.parameters(method) == expected
