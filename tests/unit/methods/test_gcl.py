"""GCL: losses and scores against plain loops, labels that nobody gives, and what each network learns from the other."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec, PairBatch, TrainingContext
from methods.gcl import GCL, far_above
from tests.unit.methods import bags, plain


def build(**config):
    """A small float64 method without dropout, whose batch normalisation is not the identity."""
    method = bags.build(GCL, **config)
    generator = torch.Generator().manual_seed(5)
    for module in method.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            for value, low in ((module.weight.data, 0.5), (module.running_mean, -0.5), (module.running_var, 0.5)):
                value.copy_(low + torch.rand(value.shape, generator=generator))
    return method


def network(rows, weights, name, layers, slope, statistics=None):
    """Hidden layers of rows (N, D) and a linear one, with the batch's statistics or those that are stored."""
    x = np.array(rows)
    for i in range(layers):
        x = plain.linear(x, weights, f"{name}.{i}.0")
        norm = f"{name}.{i}.1"
        if statistics == "stored":
            x = plain.batch_norm(x, weights, norm)
        else:
            for c in range(x.shape[1]):
                mean = plain.mean(x[:, c])
                variance = plain.mean((a - mean) ** 2 for a in x[:, c])
                scale = weights[f"{norm}.weight"][c] / np.sqrt(variance + 1e-5)
                x[:, c] = [(a - mean) * scale + weights[f"{norm}.bias"][c] for a in x[:, c]]
        x = np.array([[a if a > 0 else slope * a for a in row] for row in x])
    return plain.linear(x, weights, f"{name}.{layers}")


def generate(rows, weights):
    return network(rows, weights, "generator", 5, 0.0)


def discriminate(rows, weights, slope=0.2, statistics=None):
    logits = network(rows, weights, "discriminator", 2, slope, statistics)
    return [plain.sigmoid(logit) for logit in logits[:, 0]]


def above(values, deviations):
    mean = plain.mean(values)
    deviation = np.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    return [v > mean + deviations * deviation for v in values]


def samples(batch):
    """All segments of all crops of both halves, normal videos first."""
    return np.concatenate([half.features.numpy().reshape(-1, half.features.shape[-1]) for half in halves(batch)])


def halves(batch):
    return batch.normal, batch.abnormal


def square(a, b):
    return plain.mean((float(p) - float(q)) ** 2 for p, q in zip(a, b, strict=True))


def judged(method, batch):
    """What the networks make of a batch: rows, rebuilt ones, probabilities, and what each calls abnormal."""
    rows, weights = samples(batch), plain.arrays(method)
    rebuilt, p = generate(rows, weights), discriminate(rows, weights, method.config.slope)
    errors = [square(a, b) for a, b in zip(rebuilt, rows, strict=True)]
    return (
        rows,
        rebuilt,
        p,
        above(errors, method.config.generator_deviations),
        above(p, method.config.discriminator_deviations),
    )


def empty(bag):
    """The half of a batch without a video of its class."""
    return replace(bag, features=bag.features[:0], video_ids=())


@pytest.mark.parametrize("missing", ["", "normal", "abnormal"])
@pytest.mark.parametrize("config", [{}, {"target": "none"}, {"slope": 0.01}], ids=str)
@pytest.mark.parametrize(("videos", "crops", "length"), [(3, 2, 7), (2, 5, 4)])
def test_terms(videos, crops, length, config, missing):
    method, batch = build(**config), bags.batch(videos, crops, length)
    if missing:
        batch = replace(batch, **{missing: empty(getattr(batch, missing))})
    rows, rebuilt, p, labels, distorted = judged(method, batch)
    assert any(labels)
    assert any(distorted)
    errors = [
        square(out, np.ones(6) if d else row)
        for out, row, d in zip(rebuilt, rows, distorted, strict=True)
        if not d or method.config.target == "ones"
    ]
    terms = method.training_step(batch)
    assert list(terms) == ["loss", "generator", "discriminator"]
    cross_entropies = [plain.cross_entropy(q, label) for q, label in zip(p, labels, strict=True)]
    assert terms["generator"].item() == pytest.approx(plain.mean(errors), abs=1e-9)
    assert terms["discriminator"].item() == pytest.approx(plain.mean(cross_entropies), abs=1e-9)
    assert terms["loss"].item() == pytest.approx(plain.mean(errors) + plain.mean(cross_entropies), abs=1e-9)


def test_two_segments_are_enough():
    method, batch = build(), bags.batch(1, 1, 1)
    rows, rebuilt, p, labels, distorted = judged(method, batch)
    assert not any(labels)  # of two values none is a deviation above the mean
    assert sum(distorted) == 1
    errors = [square(out, np.ones(6) if d else r) for out, r, d in zip(rebuilt, rows, distorted, strict=True)]
    terms = method.training_step(batch)
    assert terms["generator"].item() == pytest.approx(plain.mean(errors), abs=1e-9)
    assert terms["discriminator"].item() == pytest.approx(plain.mean(-np.log(1 - q) for q in p), abs=1e-9)


def test_the_target_of_what_is_called_abnormal_is_replaced_and_not_what_is_made_of_it():
    # A public re-implementation overwrites what is made of segments called normal: they then teach nothing.
    method, batch = build(), bags.batch(3, 2, 7)
    rows, rebuilt, _, _, distorted = judged(method, batch)
    slopes = [
        2 * (out - (np.ones(6) if d else row)) / rebuilt.size
        for out, row, d in zip(rebuilt, rows, distorted, strict=True)
    ]
    method.training_step(batch)["loss"].backward()
    np.testing.assert_allclose(method.generator[-1].bias.grad.numpy(), sum(slopes), rtol=0, atol=1e-12)


@pytest.mark.parametrize("term", ["generator", "discriminator"])
def test_a_networks_term_moves_that_network_alone(term):
    method = build()
    method.training_step(bags.batch(3, 2, 7))[term].backward()
    for name, parameter in method.named_parameters():
        moved = parameter.grad is not None and parameter.grad.any().item()
        assert moved == name.startswith(term), name


def test_noise_as_target():
    method, batch = build(target="noise", noise=0.5), bags.batch(3, 2, 7)
    rows, rebuilt, _, _, distorted = judged(method, batch)
    torch.manual_seed(3)
    noise = torch.randn(rows.shape, dtype=torch.float64).numpy()
    errors = [
        square(out, row + 0.5 * n if d else row) for out, row, n, d in zip(rebuilt, rows, noise, distorted, strict=True)
    ]
    torch.manual_seed(3)
    assert method.training_step(batch)["generator"].item() == pytest.approx(plain.mean(errors), abs=1e-9)


def test_a_segment_called_normal_as_target():
    method, batch = build(target="normal"), bags.batch(3, 2, 7)
    rows, rebuilt, p, *_ = judged(method, batch)
    # Where only one is called normal, it is the target of all others.
    lowest, second = sorted(p)[:2]
    between = ((lowest + second) / 2 - plain.mean(p)) / np.std(p, ddof=1)
    method.config = GCL.Config(target="normal", discriminator_deviations=between)
    target = rows[p.index(lowest)]
    expected = plain.mean(square(out, target) for out in rebuilt)
    assert method.training_step(batch)["generator"].item() == pytest.approx(expected, abs=1e-9)


def test_targets_are_drawn_of_all_segments_called_normal_and_of_no_others():
    method = build(target="normal")
    rows = torch.arange(400.0).view(400, 1).double()
    distorted = torch.arange(400) % 2 == 0
    rebuilt = torch.zeros(400, 1, dtype=torch.float64, requires_grad=True)
    method._distance(rebuilt, rows, distorted).backward()
    targets = (-rebuilt.grad * 400 / 2)[:, 0].round()
    assert torch.equal(targets[~distorted], rows[~distorted, 0])
    assert (targets[distorted] % 2 == 1).all()
    assert len(targets[distorted].unique()) > 100


@pytest.mark.parametrize("target", ["ones", "normal", "noise", "none"])
def test_where_none_is_called_abnormal_the_generator_only_rebuilds(target):
    # No value is 10 deviations above the mean of fewer than 102.
    method, batch = build(target=target, discriminator_deviations=10), bags.batch(3, 2, 7)
    rows, rebuilt, *_ = judged(method, batch)
    expected = plain.mean(square(a, b) for a, b in zip(rebuilt, rows, strict=True))
    assert method.training_step(batch)["generator"].item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("target", ["ones", "normal", "noise", "none"])
def test_where_all_are_called_abnormal_terms_stay_finite(target):
    method = build(target=target, discriminator_deviations=-10)
    terms = method.training_step(bags.batch(3, 2, 7))
    assert all(torch.isfinite(term) for term in terms.values())
    assert (terms["generator"] == 0) == (target == "none")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(-1000, 1000), min_size=2, max_size=30),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.floats(0.01, 100),
    st.floats(-100, 100),
)
def test_what_is_called_abnormal_is_the_same_in_another_unit_and_from_another_zero(values, deviations, unit, zero):
    x = torch.tensor(values, dtype=torch.float64)
    distance = (x - x.mean() - deviations * x.std()).abs().min()
    if distance > 1e-6:  # on the threshold itself, rounding decides
        assert torch.equal(far_above(unit * x + zero, deviations), far_above(x, deviations))


@pytest.mark.parametrize("value", [0.1, 0.7331, 1e-4, 12345.678])
@pytest.mark.parametrize("count", [2, 7, 1000])
def test_of_equal_values_none_is_above_the_others(value, count):
    assert not far_above(torch.full((count,), value), 0.1).any()


def gradients(method, batch):
    method.zero_grad()
    method.training_step(batch)["loss"].backward()
    return torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None])


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("first", range(7))
def test_dealing_the_videos_out_to_the_halves_anew_changes_no_gradient(first, alone):
    method, batch = build(pretrain_share=0.5), bags.batch(3, 2, 5)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(first))
    features = torch.cat([half.features for half in halves(batch)])[order]
    ids = [f"v{i}" for i in order.tolist()]
    parts = (features[:first], ids[:first]), (features[first:], ids[first:])
    dealt = PairBatch(*(replace(batch.normal, features=part, video_ids=tuple(names)) for part, names in parts))
    found = []
    for one in (batch, dealt):
        method.begin_training(TrainingContext(2 if alone else 1, 0))
        found.append(gradients(method, one))
    torch.testing.assert_close(*found, rtol=0, atol=1e-10)


def calm(batch, lengths=None):
    """Segments no farther from the one before them than the median of all, the lower one of two."""
    pairs, videos = [], [v for half in halves(batch) for v in half.features.numpy()]
    for v, video in enumerate(videos):
        for crop in video:
            length = len(crop) if lengths is None else lengths[v]
            pairs += [(plain.norm(crop[t] - crop[t - 1]), crop[t]) for t in range(1, length)]
    median = sorted(step for step, _ in pairs)[(len(pairs) - 1) // 2]
    return [row for step, row in pairs if step <= median]


@pytest.mark.parametrize(("videos", "crops", "length"), [(3, 2, 7), (2, 1, 2), (2, 5, 4)])
def test_the_generator_begins_alone_with_calm_segments(videos, crops, length):
    method, batch = build(), bags.batch(videos, crops, length)
    method.begin_training(TrainingContext(10, 0))
    rows = calm(batch)
    assert len(rows) == videos * crops * (length - 1)
    expected = plain.mean(square(a, b) for a, b in zip(generate(rows, plain.arrays(method)), rows, strict=True))
    before = plain.arrays(method.discriminator)
    terms = method.training_step(batch)
    assert list(terms) == ["loss", "generator", "discriminator"]
    assert terms["generator"].item() == terms["loss"].item() == pytest.approx(expected, abs=1e-9)
    assert terms["discriminator"].item() == 0
    terms["loss"].backward()
    assert all(parameter.grad is None for parameter in method.discriminator.parameters())
    for name, value in plain.arrays(method.discriminator).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(("videos", "length"), [(2, 1), (1, 2)])
def test_where_fewer_than_two_segments_are_calm_all_are_learned(videos, length):
    method, batch = build(), bags.batch(videos, 1, length)
    method.begin_training(TrainingContext(10, 0))
    rows = samples(batch)
    expected = plain.mean(square(a, b) for a, b in zip(generate(rows, plain.arrays(method)), rows, strict=True))
    assert method.training_step(batch)["generator"].item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("share", "steps", "alone"), [(0.2, 10, 2), (0.0, 10, 0), (0.5, 3, 2), (0.2, 1, 0), (0.9, 1, 0), (0.99, 20, 19)]
)
def test_the_generator_is_alone_for_its_share_of_the_steps_and_never_to_the_end(share, steps, alone):
    method = build(pretrain_share=share)
    for _ in range(2):  # a second training begins anew
        method.begin_training(TrainingContext(steps, 0))
        terms = [method.training_step(bags.batch(2, 1, 4, seed=i)) for i in range(steps)]
        assert [term["discriminator"].item() == 0 for term in terms] == [step < alone for step in range(steps)]


def test_in_turn_the_discriminator_learns_first_and_the_other_stays():
    method, together = build(updates="in-turn", pretrain_share=0.25), build(pretrain_share=0.25)
    learned = []
    for one in (method, together):
        one.begin_training(TrainingContext(8, 0))
    for step in range(8):
        batch = bags.batch(2, 1, 5, seed=step)
        terms, both = method.training_step(batch), together.training_step(batch)
        method.zero_grad()
        terms["loss"].backward()
        learned.append({name.split(".")[0] for name, p in method.named_parameters() if p.grad is not None})
        for name in ("generator", "discriminator"):
            assert terms[name].item() == (both[name].item() if name in learned[-1] else 0)
    assert learned == [{"generator"}] * 2 + [{"discriminator"}, {"generator"}] * 3


def padded(batch, lengths):
    """The batch with zeros behind each video's own segments."""
    made, rest = [], list(lengths)
    for half in halves(batch):
        own, rest = rest[: len(half.video_ids)], rest[len(half.video_ids) :]
        there = torch.arange(half.features.shape[2]) < torch.tensor(own)[:, None]
        made.append(replace(half, features=half.features * there[:, None, :, None], lengths=torch.tensor(own)))
    return PairBatch(*made)


def test_segments_that_fill_up_a_video_are_none():
    lengths = [6, 2, 1, 4]
    batch = padded(bags.batch(2, 2, 6), lengths)
    videos = [v for half in halves(batch) for v in half.features]
    method = build(pretrain_share=0.5)
    weights = plain.arrays(method)
    method.begin_training(TrainingContext(2, 0))
    rows = calm(batch, lengths)
    expected = plain.mean(square(a, b) for a, b in zip(generate(rows, weights), rows, strict=True))
    assert method.training_step(batch)["generator"].item() == pytest.approx(expected, abs=1e-9)
    own = torch.cat([video[:, :n].flatten(0, 1) for video, n in zip(videos, lengths, strict=True)])
    heap = PairBatch(
        replace(batch.normal, features=own[:, None, None], lengths=None),
        empty(replace(batch.abnormal, features=own[:, None, None], lengths=None)),
    )
    expected = build().training_step(heap)
    for name, term in method.training_step(batch).items():
        assert term.item() == pytest.approx(expected[name].item(), abs=1e-9)


@pytest.mark.parametrize("scale", ["none", "unit-max"])
@pytest.mark.parametrize(("crops", "length"), [(1, 1), (3, 7), (2, 33)])
def test_scores_are_the_mean_over_crops_of_what_the_discriminator_says(crops, length, scale):
    method, features = build(scale=scale).eval(), bags.batch(2, crops, length).abnormal.features
    weights, scores = plain.arrays(method), np.zeros((2, length))
    for video in range(2):
        for crop in features[video].numpy():
            rows = [row / max(abs(row)) for row in crop] if scale == "unit-max" else crop
            scores[video] += np.array(discriminate(rows, weights, statistics="stored")) / crops
    np.testing.assert_allclose(method.score(features).detach().numpy(), scores, rtol=0, atol=1e-12)


def test_scaled_features_are_what_both_networks_see():
    method, batch = build(scale="unit-max", pretrain_share=0.5), bags.batch(3, 2, 7)
    for half in halves(batch):
        half.features[0, 0, 2] = 0  # has no largest entry, and stays
    scaled = [half.features / half.features.abs().amax(-1, keepdim=True).clamp_min(1e-300) for half in halves(batch)]
    other = PairBatch(*(replace(half, features=x) for half, x in zip(halves(batch), scaled, strict=True)))
    plainly = build(pretrain_share=0.5)
    for one in (method, plainly):
        one.begin_training(TrainingContext(2, 0))
    for _ in range(2):
        found, expected = method.training_step(batch), plainly.training_step(other)
        for name, term in found.items():
            assert term.item() == pytest.approx(expected[name].item(), abs=1e-12)


def test_a_long_video_is_scored_in_blocks_as_it_is_whole(monkeypatch):
    method, features = build().eval(), bags.batch(2, 2, 300).normal.features
    whole = method.score(features)
    seen = []
    hidden = method._hidden
    monkeypatch.setattr("methods.parts.long_videos.ELEMENTS", 240)
    monkeypatch.setattr(method, "_hidden", lambda rows: seen.append(rows.shape[:2].numel()) or hidden(rows))
    torch.testing.assert_close(method.score(features), whole, rtol=0, atol=1e-12)
    assert max(seen) * 6 <= 240


def test_embedding_is_the_discriminators_last_hidden_layer():
    method, features = build().eval(), bags.batch(2, 3, 5).normal.features
    rows = method.discriminator[:-1](features.flatten(0, 2)).view(2, 3, 5, -1)
    torch.testing.assert_close(method.embed(features), rows.mean(1))


def layers(method, kind=torch.nn.Linear):
    return [
        [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, kind)]
        for network in (method.generator, method.discriminator)
    ]


@pytest.mark.parametrize("widths", ["scaled", "printed"])
def test_layers_at_the_printed_size_are_the_printed_ones(widths):
    with torch.device("meta"):
        method = GCL(GCL.Config(widths=widths), FeatureSpec(2048, {}))
    hidden = [2048, 1024, 512, 256, 512, 1024, 2048]
    assert layers(method) == [list(pairwise(hidden)), [(2048, 512), (512, 32), (32, 1)]]


def test_layers_of_other_features():
    with torch.device("meta"):
        scaled, narrow = (GCL(GCL.Config(), FeatureSpec(dim, {})) for dim in (1024, 3))
        printed = GCL(GCL.Config(widths="printed"), FeatureSpec(3, {}))
    assert layers(scaled)[0] == [(1024, 512), (512, 256), (256, 128), (128, 256), (256, 512), (512, 1024)]
    assert layers(scaled)[1] == [(1024, 256), (256, 16), (16, 1)]
    assert layers(narrow) == [[(3, 2), (2, 1), (1, 1), (1, 1), (1, 2), (2, 3)], [(3, 8), (8, 8), (8, 1)]]
    assert layers(printed)[0][0] == (3, 1024)
    assert layers(printed)[1] == [(3, 512), (512, 32), (32, 1)]


def test_linear_layers_start_xavier_uniform_without_a_bias_before_batch_normalisation():
    torch.manual_seed(0)
    method = GCL(GCL.Config(), FeatureSpec(256, {}))
    for network in (method.generator, method.discriminator):
        *hidden, last = (m for m in network.modules() if isinstance(m, torch.nn.Linear))
        assert all(layer.bias is None for layer in hidden)
        assert not last.bias.any()
        for layer in (*hidden, last):
            bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
            assert 0.8 * bound < layer.weight.abs().max() <= bound


def test_dropout_is_the_discriminators():
    torch.manual_seed(0)
    method = GCL(GCL.Config(dropout=0.5), FeatureSpec(64, {})).double()
    rows = torch.rand(400, 64, dtype=torch.float64)
    hidden = method.discriminator[:-1](rows)
    assert (hidden == 0).double().mean().item() == pytest.approx(0.5, abs=0.03)
    assert torch.equal(method.generator(rows), method.generator(rows))


def test_the_discriminator_finds_what_the_generator_cannot_rebuild():
    # Rare segments off the plane of the others: nobody says which they are.
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    plane = torch.rand(2, 24, generator=random)
    features = torch.rand(40, 1, 16, 2, generator=random) @ plane
    rare = torch.rand(40, 1, 16, generator=random) < 0.06
    features[rare] += torch.randn(int(rare.sum()), 24, generator=random)
    batch = bags.batch(20, 1, 16, 24)
    batch = PairBatch(*(replace(h, features=f) for h, f in zip(halves(batch), features.chunk(2), strict=True)))
    method = GCL(GCL.Config(), FeatureSpec(24, {}))
    method.begin_training(TrainingContext(80, 0))
    optimizer = torch.optim.RMSprop(method.parameters(), lr=1e-3, momentum=0.6)
    for _ in range(80):
        optimizer.zero_grad()
        method.training_step(batch)["loss"].backward()
        optimizer.step()
    scores = method.eval().score(features).detach()
    ranked = scores.flatten().argsort(descending=True)[: int(rare.sum())]
    assert rare.flatten()[ranked].double().mean() > 0.7
