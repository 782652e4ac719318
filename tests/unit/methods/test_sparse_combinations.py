"""Sparse combinations: fits, scores and loss against plain loops, and what a minimum over subspaces has to keep."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import Bags, FeatureSpec, PairBatch
from methods.sparse_combinations import SEED, SparseCombinations, learn_combinations, start_centres
from tests.unit.methods import bags, plain

SMALL = {"components": 5, "size": 2, "max_combinations": 4, "upper_bound": 0.2}


def build(dim=6, **config):
    return bags.build(SparseCombinations, dim=dim, **{**SMALL, **config})


def segments(videos, length, dim, seed=0):
    """Unit vectors near a few planes, so that there are combinations to be found: (videos, length, dim)."""
    random = np.random.default_rng(seed)
    planes = random.standard_normal((3, 2, dim))
    rows = [
        random.standard_normal(2) @ planes[random.integers(3)] + 0.1 * random.standard_normal(dim)
        for _ in range(videos * length)
    ]
    return torch.tensor(np.array([row / plain.norm(row) for row in rows])).view(videos, length, dim)


def fitted(method, kept):
    """The method with the weights that it finds for given segments."""
    for name, value in method.fit(kept, torch.zeros(len(kept))).items():
        dict(method.named_parameters())[name].data.copy_(value)
    return method


def singular_vectors(rows, most):
    """Leading right singular vectors as columns, those of no length left out."""
    _, lengths, vectors = np.linalg.svd(np.array(rows), full_matrices=False)
    return np.array([v for v, length in zip(vectors, lengths, strict=True) if length > 1e-6 * lengths[0]][:most]).T


def residual(basis, row):
    """Squared length of what the columns of a basis do not rebuild, with the pseudo-inverse of the paper's test."""
    return plain.norm(basis @ (np.linalg.pinv(basis) @ row) - row) ** 2


def k_means(rows, centres, rounds):
    for _ in range(rounds):
        nearest = [min(range(len(centres)), key=lambda k: plain.norm(row - centres[k])) for row in rows]
        for k in range(len(centres)):
            members = [row for row, n in zip(rows, nearest, strict=True) if n == k]
            centres[k] = sum(members) / len(members) if members else centres[k]
    return centres


def plain_fit(kept, config):
    """Principal components as columns, and the combinations, those that cover most first."""
    generator = torch.Generator().manual_seed(SEED)
    rows = [row for video in kept.numpy() for row in video if row.any()]
    if len(rows) > config.columns:
        rows = [rows[i] for i in torch.randperm(len(rows), generator=generator)[: config.columns]]
    centre = sum(rows) / len(rows) if config.centred else 0
    projection = singular_vectors([row - centre for row in rows], config.components)
    rest, found = [projection.T @ row for row in rows], []
    for _ in range(config.max_combinations):
        if len(rest) < config.size:
            break
        drawn = torch.randperm(len(rest), generator=generator)[: config.size]
        basis = singular_vectors(k_means(rest, [rest[i] for i in drawn], config.start_rounds), config.size)
        covered = [residual(basis, row) <= config.upper_bound for row in rest]
        for _ in range(config.rounds if any(covered) else 0):
            basis = singular_vectors([row for row, c in zip(rest, covered, strict=True) if c], config.size)
            covered = [residual(basis, row) <= config.upper_bound for row in rest]
        if any(covered):
            found.append((sum(covered), basis))
            rest = [row for row, c in zip(rest, covered, strict=True) if not c]
    return projection, [basis for _, basis in sorted(found, key=lambda pair: -pair[0])], len(rest)


FITS = [{}, {"centred": True}, {"start_rounds": 0}, {"rounds": 1}, {"columns": 20}, {"upper_bound": 0.03}, {"size": 3}]


@pytest.mark.parametrize("config", FITS, ids=str)
def test_a_fit_finds_what_plain_loops_find(config):
    method, kept = build(**config), segments(5, 8, 6)
    kept[1, 3:5] = 0
    projection, found, _ = plain_fit(kept, method.config)
    fitted(method, kept)
    p, bases = method.projection.detach().numpy(), method.bases.detach().numpy()
    np.testing.assert_allclose(p.T @ p, projection @ projection.T, rtol=0, atol=1e-9)
    assert len(found) > 1
    for basis, expected in zip(bases, found, strict=False):
        # The same subspace, in whatever vectors.
        inside = projection @ expected
        np.testing.assert_allclose(p.T @ basis @ basis.T @ p, inside @ inside.T, rtol=0, atol=1e-9)
    assert not bases[len(found) :].any()


def test_the_fits_that_are_compared_differ():
    found = [fitted(build(**config), segments(5, 8, 6)) for config in FITS[:6]]
    scores = [method.score(segments(1, 30, 6, seed=1)[:, None]).detach() for method in found]
    for i, one in enumerate(scores):
        assert all((one - other).abs().max() > 1e-3 for other in scores[:i])


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize(("crops", "length"), [(1, 1), (2, 7), (5, 16)])
def test_scores_are_the_smallest_error_of_a_combination(crops, length, outside):
    method, kept = build(outside=outside), segments(5, 8, 6)
    projection, found, _ = plain_fit(kept, method.config)
    features = bags.batch(2, crops, length).normal.features
    scores = fitted(method, kept).score(features).detach().numpy()
    for video, row in np.ndindex(2, length):
        x = sum(features[video, crop, row].numpy() for crop in range(crops)) / crops
        x = x / plain.norm(x)
        y = projection.T @ x
        error = min(residual(basis, y) for basis in found) + outside * (1 - plain.norm(y) ** 2)
        assert scores[video, row] == pytest.approx(error, abs=1e-9)


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize(("videos", "crops", "length", "dim"), [(1, 1, 1, 6), (3, 2, 7, 6), (2, 5, 4, 3)])
def test_the_loss_is_the_mean_error_of_normal_segments_by_the_weights_as_they_are(videos, crops, length, dim, outside):
    method, batch = build(dim, outside=outside), bags.batch(videos, crops, length, dim)
    for parameter in method.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(4))
    projection, bases = (parameter.detach().numpy() for parameter in method.parameters())
    errors = []
    for video in batch.normal.features.numpy():
        for row in range(length):
            x = sum(video[crop, row] for crop in range(crops)) / crops
            x = x / plain.norm(x)
            y = projection @ x
            rebuilt = min((basis @ (basis.T @ y) for basis in bases), key=lambda z: plain.norm(y - z))
            errors.append(plain.norm(x - projection.T @ rebuilt if outside else y - rebuilt) ** 2)
    terms = method.training_step(batch)
    assert list(terms) == ["loss"]
    assert terms["loss"].item() == pytest.approx(plain.mean(errors), abs=1e-9)


def test_the_initial_weights_are_orthonormal_and_random():
    torch.manual_seed(0)
    config = SparseCombinations.Config(components=10, size=3, max_combinations=7)
    method, other = (SparseCombinations(config, FeatureSpec(32, {})) for _ in range(2))
    torch.testing.assert_close(method.projection @ method.projection.T, torch.eye(10))
    torch.testing.assert_close(method.bases.mT @ method.bases, torch.eye(3).expand(7, 3, 3))
    for one, another in zip(method.parameters(), other.parameters(), strict=True):
        assert not torch.equal(one, another)


def test_more_basis_vectors_than_components_are_as_many_as_there_are():
    method = fitted(build(size=9, components=3), segments(5, 8, 6))
    assert method.bases.shape == (4, 3, 9)
    inside = method.projection.T @ torch.rand(3, 20, dtype=torch.float64)
    assert method.score(inside.T[None, None]).abs().max() < 1e-12


@pytest.mark.parametrize("place", range(3))
def test_the_smallest_error_counts_wherever_its_combination_stands(place):
    # A public test returns the error of the last combination that it tries.
    method = build(6, components=6, size=2, max_combinations=3)
    method.projection.data = torch.eye(6, dtype=torch.float64)
    method.bases.data = torch.eye(6, dtype=torch.float64).view(6, 3, 2).transpose(0, 1).contiguous()
    vector = method.bases[place] @ torch.tensor([0.6, -0.8], dtype=torch.float64)
    assert method.score(vector.expand(1, 1, 1, 6)).item() == pytest.approx(0, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 4), st.booleans(), st.integers(0, 999))
def test_scores_of_anything_lie_between_0_and_1(dim, components, size, outside, seed):
    method = build(dim, components=components, size=size, outside=outside).float()
    fitted(method, segments(3, 6, dim, seed).float())
    random = torch.randn(1, 2, 50, dim, generator=torch.Generator().manual_seed(seed)) * 10
    scores = method.score(torch.cat([random, torch.zeros(1, 2, 1, dim)], dim=2))
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert scores[0, -1] == 0  # nothing of a zero vector is left out


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999))
def test_a_vector_in_a_learned_subspace_scores_0_and_a_further_combination_raises_no_score(seed):
    method = fitted(build(), segments(5, 8, 6, seed))
    inside = (torch.rand(10, 2, dtype=torch.float64) - 0.5) @ method.bases[0].T @ method.projection
    assert method.score(inside[None, None]).max() < 1e-12
    features = bags.batch(1, 1, 20, seed=seed).normal.features
    last = None
    for count in range(method.config.max_combinations + 1):
        fewer = build()
        fewer.load_state_dict(method.state_dict())
        fewer.bases.data[count:] = 0
        scores = fewer.score(features)
        assert last is None or (scores <= last + 1e-12).all()
        last = scores
    assert torch.equal(last, method.score(features))


def test_one_combination_that_covers_all_is_principal_component_analysis():
    kept = segments(5, 8, 6)
    rows = kept.flatten(0, 1).numpy()
    for size, components in ((2, 5), (4, 5), (5, 3)):
        method = fitted(build(size=size, components=components, max_combinations=1, upper_bound=1), kept)
        basis = singular_vectors(rows, min(size, components))
        expected = [plain.norm(row - basis @ (basis.T @ row)) ** 2 for row in rows]
        scores = method.score(kept[:, None]).detach().flatten().numpy()
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)


def test_a_combination_whose_start_covers_nothing_is_left_out():
    # One centre of two groups lies between them, and none of it is learned; a segment covers itself at least.
    columns = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64).repeat(5, 1)
    for start_rounds, count in ((1, 0), (0, 2)):
        config = SparseCombinations.Config(size=1, start_rounds=start_rounds)
        assert len(learn_combinations(columns, config, torch.Generator().manual_seed(0))) == count


def test_learning_ends_though_nothing_can_be_covered():
    # Public code goes on for ever here: every centre stands for several columns, and none is near enough.
    columns = torch.randn(200, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for most in (1, 7):
        config = SparseCombinations.Config(size=2, max_combinations=most, upper_bound=1e-9)
        generator = torch.Generator().manual_seed(1)
        assert learn_combinations(columns, config, generator) == []
        drawn = torch.Generator().manual_seed(1)
        for _ in range(most):
            torch.randperm(200, generator=drawn)
        assert torch.equal(generator.get_state(), drawn.get_state())


def test_too_few_columns_make_no_combination_and_score_1():
    method = fitted(build(size=3, max_combinations=9, upper_bound=0.01), segments(1, 2, 6))
    assert not method.bases.any()
    torch.testing.assert_close(method.score(bags.batch(1).normal.features), torch.ones(1, 10, dtype=torch.float64))


def test_a_later_combination_is_learned_on_what_the_earlier_ones_do_not_cover():
    rows = 0.01 * np.random.default_rng(0).standard_normal((38, 4))
    rows[:30, :2] += [np.cos(0.3), np.sin(0.3)]
    rows[30:, 2:] += [np.cos(0.9), np.sin(0.9)]
    config = SparseCombinations.Config(size=1, upper_bound=0.01, start_rounds=0)
    for seed in range(6):  # whichever it starts from, the larger group comes first
        one, other, *more = learn_combinations(torch.tensor(rows), config, torch.Generator().manual_seed(seed))
        assert more == []
        assert one[:2].norm() == pytest.approx(1, abs=1e-3)
        assert other[2:].norm() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("rounds", [0, 1, 10])
def test_a_combination_starts_from_k_means(rounds):
    rows = segments(1, 30, 4, seed=3)[0]
    drawn = torch.randperm(30, generator=torch.Generator().manual_seed(2))[:7]
    expected = k_means(list(rows.numpy()), [rows[i].numpy() for i in drawn], rounds)
    found = start_centres(rows, 7, rounds, torch.Generator().manual_seed(2))
    np.testing.assert_allclose(found.numpy(), np.array(expected), rtol=0, atol=1e-12)


def test_a_centre_without_members_stays():
    rows = torch.ones(4, 2, dtype=torch.float64)
    assert torch.equal(start_centres(rows, 3, 5, torch.Generator()), rows[:3])


def of_videos(names, dim=6, shift=0.0):
    """Bags whose features depend on the names of the videos alone."""
    features = [torch.randn(2, 8, dim, generator=torch.Generator().manual_seed(int(name[1:]))) for name in names]
    return Bags(torch.stack(features) + shift, None, None, tuple(names))


def trained(optimiser_rate, names=("n1", "n2", "n3", "n1")):
    torch.manual_seed(round(100 * optimiser_rate))
    method = SparseCombinations(SparseCombinations.Config(**SMALL), FeatureSpec(6, {}))
    optimizer = torch.optim.Adam(method.parameters(), lr=optimiser_rate)
    for i, name in enumerate(names):
        optimizer.zero_grad()
        method.training_step(PairBatch(of_videos([name]), of_videos([f"a{i}"], shift=i)))["loss"].backward()
        optimizer.step()
    return method


def test_what_is_stored_depends_on_the_normal_videos_alone():
    # Neither on their order, nor on abnormal videos, steps between, the seed, or how often a video came.
    states = [trained(0.1).state_dict(), trained(0.5, ("n3", "n2", "n1")).state_dict()]
    kept = torch.cat([build().collect(of_videos([name])) for name in ("n1", "n2", "n3")])
    expected = fitted(build().float(), kept).state_dict()
    for state in states:
        for name, value in state.items():
            assert torch.equal(value, expected[name])


def test_the_optimiser_lowers_the_loss_between_fits():
    method, batch = build(), bags.batch(3, 1, 16)
    optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
    losses = []
    for _ in range(30):
        loss = method.training_step(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_segments_that_fill_up_a_video_count_nowhere():
    method, batch = build(), bags.batch(2, 1, 6)
    batch.normal.features[1, :, 2:] = 0
    whole = replace(batch.normal, lengths=torch.tensor([6, 2]))
    loss = method.training_step(PairBatch(whole, batch.abnormal))["loss"].item()
    errors = method.errors(method.collect(batch.normal)).detach()
    assert loss == pytest.approx((errors[0].sum() + errors[1, :2].sum()).item() / 8, abs=1e-12)
    kept = method.collect(whole)
    for name, value in method.fit(kept, torch.zeros(2)).items():
        cut = torch.cat([kept[0], kept[1, :2]])[None]
        torch.testing.assert_close(value, method.fit(cut, torch.zeros(1))[name], rtol=0, atol=1e-12)


def test_crops_are_averaged_before_they_are_divided_by_their_length():
    method = fitted(build(), segments(5, 8, 6))
    features = bags.batch(1, 2, 5).normal.features
    features[:, 1] *= 100
    torch.testing.assert_close(method.score(features), method.score(features.mean(1, keepdim=True)))
    assert (method.score(features) - method.score(features[:, 1:])).abs().max() > 1e-6


def test_a_long_video_is_scored_in_blocks_as_it_is_whole(monkeypatch):
    method = fitted(build(), segments(5, 8, 6))
    features = bags.batch(2, 2, 300).normal.features
    whole = method.score(features)
    seen = []
    errors = method.errors
    monkeypatch.setattr("methods.parts.long_videos.ELEMENTS", 200)
    monkeypatch.setattr(method, "errors", lambda units: seen.append(units.shape[:2].numel()) or errors(units))
    torch.testing.assert_close(method.score(features), whole, rtol=0, atol=1e-12)
    assert max(seen) * 4 * 2 <= 200


def test_embedding_is_the_principal_components():
    method = fitted(build(), segments(5, 8, 6))
    features = bags.batch(2, 3, 5).normal.features
    embedded = method.embed(features).detach().numpy()
    x = features.mean(1).numpy()[1, 4]
    np.testing.assert_allclose(embedded[1, 4], method.projection.detach().numpy() @ (x / plain.norm(x)), atol=1e-12)


def test_fits_draw_nothing_from_the_global_generator():
    method, state = build(columns=20), torch.get_rng_state()
    fitted(method, segments(5, 8, 6))
    assert torch.equal(torch.get_rng_state(), state)
