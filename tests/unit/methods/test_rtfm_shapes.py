"""RTFM's shapes: segments in training, snippets and crops in scoring, feature sizes, branch widths."""

import pytest
import torch
from pydantic import ValidationError

from benchmark.api import Bags, FeatureSpec, PairBatch
from methods.parts.feature_magnitude import select_by_magnitude
from methods.rtfm import RTFM
from tests.unit.methods import bags


def build(dim, **config):
    torch.manual_seed(0)
    return RTFM(RTFM.Config(**config), FeatureSpec(dim, {}))


def pair_batch(videos, crops, length, dim):
    def half():
        return Bags(torch.rand(videos, crops, length, dim), None, None, tuple(str(i) for i in range(videos)))

    return PairBatch(half(), half())


def check_training_step(method, batch):
    terms = method.train().training_step(batch)
    assert all(term.shape == () and term.isfinite() for term in terms.values())
    terms["loss"].backward()
    assert all(p.grad.isfinite().all() for p in method.parameters())


@pytest.mark.parametrize(("length", "k"), [(1, 1), (8, 1), (16, 1), (20, 2), (32, 3), (200, 20)])
def test_a_tenth_of_the_segments_and_at_least_one_stand_for_a_video(length, k):
    method = build(12)
    index = select_by_magnitude(torch.rand(4, 2, length, 12), method.train().dropout)
    assert index.shape == (4, k)
    assert all(len(set(row)) == k and min(row) >= 0 and max(row) < length for row in index.tolist())
    check_training_step(method, pair_batch(2, 2, length, 12))


@torch.no_grad()
def test_videos_of_any_number_of_snippets_are_scored():
    method = build(12).eval()
    for length in (1, 2, 3, 4, 5, 8, 9, 31, 32, 33, 100, 299, 300):
        features = torch.rand(2, 2, length, 12)
        scores = method.score(features)
        assert scores.shape == (2, length)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert method.embed(features).shape == (2, length, 12)


@torch.no_grad()
def test_score_is_the_mean_over_any_number_of_crops():
    method = build(12).double().eval()
    for crops in range(1, 11):
        features = torch.rand(2, crops, 9, 12, dtype=torch.float64)
        each = torch.stack([method.score(features[:, [crop]]) for crop in range(crops)])
        torch.testing.assert_close(method.score(features), each.mean(0))


@pytest.mark.parametrize("crops", [1, 5, 10])
def test_training_takes_any_number_of_crops(crops):
    check_training_step(build(12), pair_batch(2, crops, 32, 12))


@pytest.mark.parametrize("dim", [512, 1024, 2048, 2560])
def test_common_feature_sizes(dim):
    method = build(dim)
    assert method.temporal.reduce[0].weight.shape == (dim // 4, dim, 1)
    check_training_step(method, pair_batch(2, 1, 8, dim))
    with torch.no_grad():
        assert method.eval().score(torch.rand(1, 1, 3, dim)).isfinite().all()


@pytest.mark.parametrize(("dim", "width"), [(12, 1), (12, 5), (12, 40), (1, 2)])
def test_branches_have_the_width_that_is_given(dim, width):
    method, inner = build(dim, branch_width=width), max(1, width // 2)
    pyramid = 3 * ((dim * width * 3 + width) + 2 * width)
    non_local = 3 * (width * inner + inner) + (inner * width + width) + 2 * width
    fuse = 4 * width * dim * 3 + 2 * dim
    scorer = (dim * 512 + 512) + (512 * 128 + 128) + (128 + 1)
    assert bags.parameters(method) == pyramid + dim * width + non_local + fuse + scorer
    check_training_step(method, pair_batch(2, 2, 8, dim))
    assert method.eval().score(torch.rand(1, 2, 3, dim)).shape == (1, 3)


def test_a_quarter_of_the_feature_size_is_the_default_width():
    given, default = build(16, branch_width=4).state_dict(), build(16).state_dict()
    assert all(torch.equal(given[name], default[name]) for name in default)
    with pytest.raises(ValidationError, match="branch_width"):
        RTFM.Config(branch_width=0)
