"""Scenes of a video and the greedy choice, against plain loops and enumerations."""

from itertools import chain, combinations, pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.parts.scenes import choose_greedily, partition, split_in_two, sticky_path
from tests.unit.methods.plain_scenes import plain_halves, plain_partition


def draw(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def same(labels):
    return [[a == b for b in labels] for a in labels]


def price_of(path, costs, price):
    changes = sum(a != b for a, b in pairwise(path))
    return sum(costs[t][z] for t, z in enumerate(path)) + price * changes


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 3), st.floats(0, 3), st.integers(0, 999))
def test_the_path_is_the_cheapest_of_all(length, states, price, seed):
    costs = draw(3, length, states, seed=seed).abs()
    paths = sticky_path(costs, torch.tensor([price, price / 2, 0.0], dtype=torch.float64))
    for video, path, own in zip(costs.tolist(), paths.tolist(), (price, price / 2, 0.0), strict=True):
        cheapest = min(price_of(other, video, own) for other in product(range(states), repeat=length))
        assert price_of(path, video, own) == pytest.approx(cheapest, abs=1e-12)


def test_changes_that_cost_nothing_lead_to_the_nearest_centre_and_those_that_cost_all_to_one_state():
    costs = draw(2, 40, 5).abs()
    free, dear = (sticky_path(costs, torch.full((2,), price, dtype=torch.float64)) for price in (0.0, torch.inf))
    assert torch.equal(free, costs.argmin(-1))
    assert torch.equal(dear, costs.sum(1).argmin(-1)[:, None].expand(-1, 40))


def test_a_path_stays_where_a_change_would_cost_the_same():
    costs = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    assert sticky_path(costs, torch.tensor([0.5], dtype=torch.float64)).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("length", "states", "stickiness", "rounds"),
    [(1, 1, 1.0, 3), (7, 2, 1.0, 3), (16, 5, 0.3, 1), (17, 5, 0.3, 3), (32, 10, 0.1, 3), (32, 10, 0.0, 2)],
)
def test_partition_and_halves_against_plain_loops(length, states, stickiness, rounds):
    x = draw(3, length, 4, seed=length).cumsum(1)  # a walk, so that neighbours are alike
    path = partition(x, states, stickiness, rounds)
    expected = [plain_partition(rows, states, stickiness, rounds) for rows in x.numpy()]
    assert path.tolist() == expected
    assert length < 16 or len(set(expected[0])) > 2
    halves = split_in_two(x, path, states)
    assert torch.equal(halves // 2, path)
    for rows, own, found in zip(x.numpy(), expected, halves.tolist(), strict=True):
        assert same(found) == same(plain_halves(rows, own))  # which half is called the first may hang on rounding


@pytest.mark.parametrize(("stickiness", "most"), [(1.0, 6), (10.0, 1)])
@pytest.mark.parametrize("dim", [3, 64])
def test_two_scenes_five_units_apart_are_told_apart(dim, stickiness, most):
    x = 5 * torch.eye(dim, dtype=torch.float64)[torch.arange(32) // 16] + 0.05 * draw(32, dim)
    (path,) = partition(x[None], 10, stickiness, 3)
    changes = (path.diff() != 0).nonzero()[:, 0].tolist()
    assert 15 in changes
    assert len(changes) <= most
    assert not set(path[:16].tolist()) & set(path[16:].tolist())


def test_a_video_of_equal_segments_is_one_state_with_one_half():
    x = torch.ones(1, 12, 3, dtype=torch.float64)
    path = partition(x, 4, 1.0, 3)
    assert path.unique().numel() == split_in_two(x, path, 4).unique().numel() == 1


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_scale_of_features_does_not_matter(factor):
    x = draw(4, 20, 3).cumsum(1)
    assert torch.equal(partition(factor * x, 6, 0.3, 3), partition(x, 6, 0.3, 3))


def test_the_video_beside_one_has_no_part_in_it_and_nothing_is_drawn():
    x, before = draw(4, 20, 3).cumsum(1), torch.get_rng_state()
    together = partition(x, 6, 0.3, 3)
    assert torch.equal(torch.cat([partition(own[None], 6, 0.3, 3) for own in x]), together)
    halves = split_in_two(x, together, 6)
    alone = [split_in_two(own[None], path[None], 6) for own, path in zip(x, together, strict=True)]
    assert torch.equal(torch.cat(alone), halves)
    assert torch.equal(torch.get_rng_state(), before)


def value(chosen, likeness, worth):
    """F of a set of segments, by its definition."""
    covered = sum(max((row[j] for j in chosen), default=0.0) for row in likeness)
    return covered + sum(worth[j] for j in chosen)


def subsets(items):
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


def likeness_of(random, size, halves=True):
    """1 for the same half of a state, 0.5 for the same state, else 0; or all as one."""
    state, half = random.integers(0, 3, size), random.integers(0, 2, size)
    same = state[:, None] == state
    return same * (0.5 + 0.5 * (half[:, None] == half)) if halves else same.astype(float)


def test_the_value_of_a_choice_is_monotone_and_submodular():
    random = np.random.default_rng(0)
    for _ in range(200):
        size = random.integers(2, 9)
        likeness, worth = likeness_of(random, size), random.random(size)
        order = random.permutation(size)
        small, large = order[: random.integers(0, size)], order[:-1]
        of_small, of_large = value(small, likeness, worth), value(large, likeness, worth)
        gain_to_small = value([*small, order[-1]], likeness, worth) - of_small
        gain_to_large = value([*large, order[-1]], likeness, worth) - of_large
        assert of_small <= of_large + 1e-12
        assert gain_to_small >= gain_to_large - 1e-12
        assert gain_to_large >= 0


@pytest.mark.parametrize(("halves", "share"), [(True, 1 - 1 / np.e), (False, 1)])
def test_the_greedy_choice_reaches_its_share_of_the_best_one(halves, share):
    random, size = np.random.default_rng(1), 8
    for _ in range(60):
        likeness, worth = likeness_of(random, size, halves), random.random(size)
        allowed = random.random(size) < 0.8
        allowed[random.integers(size)] = True
        count = random.integers(1, allowed.sum() + 1)
        (chosen,) = choose_greedily(
            *(torch.from_numpy(given)[None] for given in (likeness, worth, allowed)), torch.tensor([count]), 10
        )
        taken = chosen.nonzero()[:, 0].tolist()
        assert len(taken) == count
        assert allowed[taken].all()
        best = max(value(other, likeness, worth) for other in subsets(np.flatnonzero(allowed)) if len(other) == count)
        assert share * best - 1e-12 <= value(taken, likeness, worth) <= best + 1e-12


def test_of_equal_gains_the_earlier_segment_counts_and_each_video_takes_its_own_number():
    likeness = torch.eye(4, dtype=torch.float64).expand(3, -1, -1)
    chosen = choose_greedily(likeness, torch.ones(3, 4).double(), torch.ones(3, 4).bool(), torch.tensor([0, 2, 4]), 4)
    assert chosen.int().tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
