"""DMIL: scores and loss terms against plain loops, parameters by hand."""

import pytest
import torch

from benchmark.api import FeatureSpec
from methods.dmil import DMIL
from tests.unit.methods import bags, plain


def plain_scores(method, videos):
    """Scores of (videos, crops, T, D): linear, ReLU, linear, sigmoid, mean over crops."""
    weights, scores = plain.arrays(method), []
    for video in videos.numpy():
        hidden = [plain.relu(plain.linear(rows, weights, "fc")) for rows in video]
        crops = [[plain.sigmoid(z) for z in plain.linear(rows, weights, "classifier")[:, 0]] for rows in hidden]
        scores.append([plain.mean(values) for values in zip(*crops, strict=True)])
    return scores


@pytest.mark.parametrize("centre_term", ["variance", "distance"])
@pytest.mark.parametrize(
    ("length", "top_divisor", "k"), [(1, 4, 1), (8, 4, 2), (9, 4, 3), (32, 4, 8), (9, 1, 9), (9, 10, 1)]
)
def test_loss_terms(length, top_divisor, k, centre_term):
    method = bags.build(DMIL, top_divisor=top_divisor, centre_term=centre_term, centre_weight=3.0)
    batch = bags.batch(length=length)
    normal, abnormal = (plain_scores(method, half.features) for half in (batch.normal, batch.abnormal))
    selected = [(sorted(row)[-k:], label) for label, half in enumerate((normal, abnormal)) for row in half]
    divisor = max(1, length - 1) if centre_term == "variance" else length
    expected = {
        "mil": plain.mean(plain.cross_entropy(s, label) for scores, label in selected for s in scores),
        "centre": 3 * plain.mean(sum((s - plain.mean(row)) ** 2 for s in row) / divisor for row in normal),
    }
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected)
    assert method.score(batch.normal.features)[1].tolist() == pytest.approx(normal[1])


@pytest.mark.parametrize("centre_term", ["variance", "distance"])
def test_a_single_segment_has_no_centre_term_and_finite_gradients(centre_term):
    method = bags.build(DMIL, centre_term=centre_term)
    terms = method.training_step(bags.batch(length=1))
    terms["loss"].backward()
    assert terms["centre"] == 0
    assert all(torch.isfinite(p.grad).all() for p in method.parameters())


def test_the_centre_term_concerns_normal_videos_only():
    method, batch = bags.build(DMIL), bags.batch()
    before = method.training_step(batch)["centre"]
    batch.abnormal.features.mul_(3)
    assert torch.equal(method.training_step(batch)["centre"], before)


def test_embedding_is_the_hidden_layer():
    method, features = bags.build(DMIL), bags.batch().normal.features
    torch.testing.assert_close(method.embed(features), method.fc(features).relu().mean(1))


def test_dropout_is_between_the_layers_and_in_training_only():
    method = DMIL(DMIL.Config(), FeatureSpec(64, {}))
    features = torch.ones(1, 1, 200, 64)
    kept = method.train()(features)[1] != 0
    assert kept.float().mean() == pytest.approx(0.3 * (method.fc(features) > 0).float().mean().item(), rel=0.1)
    torch.testing.assert_close(method.eval()(features)[1], method.fc(features).relu())


def test_parameters_at_the_published_width():
    method = DMIL(DMIL.Config(), FeatureSpec(2048, {}))
    assert bags.parameters(method) == (2048 * 2048 + 2048) + (2048 + 1) == 4_198_401
    # Xavier-uniform, zero bias.
    assert method.fc.weight.abs().max().item() == pytest.approx((6 / 4096) ** 0.5, rel=0.01)
    assert not any(p.any() for name, p in method.named_parameters() if name.endswith("bias"))
