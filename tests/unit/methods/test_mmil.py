"""MMIL: scores and loss terms against plain loops, parameters by hand."""

import pytest

from benchmark.api import FeatureSpec
from methods.mmil import MMIL
from tests.unit.methods import bags, plain


def plain_scores(method, videos):
    """Scores of (videos, crops, T, D): linear, ReLU, linear, linear, sigmoid, mean over crops."""
    weights, scores = plain.arrays(method), []
    for video in videos.numpy():
        crops = []
        for rows in video:
            hidden = plain.linear(plain.relu(plain.linear(rows, weights, "hidden.0")), weights, "hidden.3")
            crops.append([plain.sigmoid(z) for z in plain.linear(hidden, weights, "output.1")[:, 0]])
        scores.append([plain.mean(values) for values in zip(*crops, strict=True)])
    return scores


@pytest.mark.parametrize("hinge", ["paired", "all-pairs"])
def test_loss_terms(hinge):
    method, batch = bags.build(MMIL, hinge=hinge, smoothness=0.3, sparsity=0.2), bags.batch()
    normal = plain_scores(method, batch.normal.features)
    abnormal = plain_scores(method, batch.abnormal.features)
    highest = [[max(row) for row in half] for half in (normal, abnormal)]
    if hinge == "paired":
        ranking = plain.mean(max(0, 1 - a + n) for n, a in zip(*highest, strict=True))
    else:
        ranking = plain.mean(sum(max(0, 1 - a + n) for a in highest[1]) for n in highest[0])
    videos = len(abnormal) if hinge == "paired" else 1
    expected = {
        "hinge": ranking,
        "smooth": 0.3 * sum(plain.smoothness(row) for row in abnormal) / videos,
        "sparse": 0.2 * sum(sum(row) for row in abnormal) / videos,
        "weights": 1e-3 * sum((w**2).sum() for w in plain.arrays(method).values() if w.ndim == 2),
    }
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected)
    assert method.score(batch.normal.features)[1].tolist() == pytest.approx(normal[1])


def test_embedding_is_the_second_layer():
    method, batch = bags.build(MMIL), bags.batch()
    assert method.embed(batch.normal.features).shape == (2, 10, 32)


def test_parameters_at_the_published_width():
    method = MMIL(MMIL.Config(), FeatureSpec(4096, {}))
    assert bags.parameters(method) == (4096 * 512 + 512) + (512 * 32 + 32) + (32 + 1)
    # Xavier-normal, zero bias.
    assert method.hidden[0].weight.std().item() == pytest.approx((2 / (4096 + 512)) ** 0.5, rel=0.02)
    assert not any(p.any() for name, p in method.named_parameters() if name.endswith("bias"))


def test_dropout_follows_the_first_two_layers_only():
    method = MMIL(MMIL.Config(), FeatureSpec(8, {}))
    names = [type(layer).__name__ for layer in [*method.hidden, *method.output]]
    assert names == ["Linear", "ReLU", "Dropout", "Linear", "Dropout", "Linear", "Sigmoid"]
    assert method.hidden[2].p == 0.6
