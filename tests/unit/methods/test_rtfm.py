"""RTFM: selection and loss terms against plain loops, parameters by hand."""

import pytest
import torch

from benchmark.api import FeatureSpec
from methods.parts.feature_magnitude import select_by_magnitude
from methods.rtfm import RTFM
from tests.unit.methods import bags, plain


@pytest.mark.parametrize("magnitude_loss", ["squared", "hinge"])
@pytest.mark.parametrize("length", [1, 7, 20, 32])
def test_loss_terms(length, magnitude_loss):
    method = bags.build(
        RTFM, magnitude_loss=magnitude_loss, magnitude_margin=3.0, magnitude_weight=0.5, smoothness=0.3, sparsity=0.2
    ).eval()
    batch = bags.batch(length=length)
    k = {1: 1, 7: 1, 20: 2, 32: 3}[length]
    halves = []
    for half in (batch.normal, batch.abnormal):
        features = torch.stack([method.temporal(video) for video in half.features])
        scores = method.scorer(features)[0].sigmoid().mean(1).tolist()
        features = features.detach().numpy()
        magnitudes = [
            [plain.mean(plain.norm(features[v, c, t]) for c in range(2)) for t in range(length)] for v in range(2)
        ]
        halves.append((features, scores, [plain.top(row, k) for row in magnitudes]))
    cross_entropy = plain.mean(
        plain.cross_entropy(plain.mean(scores[v][t] for t in index[v]), label)
        for label, (_, scores, index) in enumerate(halves)
        for v in range(2)
    )
    sizes = [
        [
            plain.norm(features[v, c][index[v]].mean(0))
            if magnitude_loss == "squared"
            else plain.mean(plain.norm(features[v, c, t]) for t in index[v])
            for c in range(2)
            for v in range(2)
        ]
        for features, _, index in halves
    ]
    magnitude = plain.mean(
        (abs(3 - a) + n) ** 2 if magnitude_loss == "squared" else max(0, 3 - a + n) for n, a in zip(*sizes, strict=True)
    )
    flat = [s for row in halves[1][1] for s in row]
    expected = {
        "mil": cross_entropy,
        "magnitude": 0.5 * magnitude,
        "smooth": 0.3 * plain.smoothness(flat),
        "sparse": 0.2 * plain.norm(flat),
    }
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected)


def test_scores_and_embedding_are_means_over_crops():
    method, features = bags.build(RTFM).eval(), bags.batch().normal.features
    embedded = torch.stack([method.temporal(video) for video in features])
    torch.testing.assert_close(method.embed(features), embedded.mean(1))
    scores = method.scorer(embedded)[0].sigmoid().mean(1)
    torch.testing.assert_close(method.score(features), scores)


def test_selection_leaves_segments_out_at_random_in_training_only():
    dropout = torch.nn.Dropout(0.7)
    embedded = torch.arange(1.0, 33.0)[None, None, :, None].expand(64, 1, 32, 6)
    assert select_by_magnitude(embedded, dropout.eval()).tolist() == [[31, 30, 29]] * 64
    torch.manual_seed(0)
    chosen = select_by_magnitude(embedded, dropout.train())
    # The longest segment survives the mask in three videos of ten.
    assert (chosen[:, 0] == 31).float().mean().item() == pytest.approx(0.3, abs=0.15)


def test_parameters_at_the_published_width():
    method = RTFM(RTFM.Config(), FeatureSpec(2048, {}))
    pyramid = 3 * ((2048 * 512 * 3 + 512) + 2 * 512)
    reduce = 2048 * 512
    non_local = 3 * (512 * 256 + 256) + (256 * 512 + 512) + 2 * 512
    fuse = 2048 * 2048 * 3 + 2 * 2048
    scorer = (2048 * 512 + 512) + (512 * 128 + 128) + (128 + 1)
    assert bags.parameters(method) == pyramid + reduce + non_local + fuse + scorer == 24_718_849


def test_initialisation_is_that_of_the_official_code():
    method = RTFM(RTFM.Config(), FeatureSpec(256, {}))
    assert not method.temporal.non_local.norm.weight.any()
    assert method.temporal.fuse[2].weight.eq(1).all()
    assert not any(p.any() for name, p in method.named_parameters() if name.endswith("bias"))
    convolution = method.temporal.pyramid[1][0].weight
    assert convolution.abs().max().item() == pytest.approx((6 / (3 * 256 + 3 * 64)) ** 0.5, rel=0.01)
