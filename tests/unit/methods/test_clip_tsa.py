"""CLIP-TSA against an evaluation written out in float64: scores, loss terms, both gradients of the hard attention."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods import clip_tsa
from methods.clip_tsa import ClipTSA, HardAttention, InclusionFrequency
from methods.parts import long_videos
from tests.unit.methods import bags, plain_clip_tsa, plain_rtfm


def official(dim, seed=0):
    return plain_clip_tsa.official_weights(dim, seed).tensors()


def build(dim, **config):
    torch.manual_seed(0)
    return ClipTSA(ClipTSA.Config(**config), FeatureSpec(dim, {}))


def loaded(dim, dtype=torch.float64, **config):
    """A method without dropout, with weights under the official names, and these."""
    state = official(dim)
    method = build(dim, dropout=0.0, **config).to(dtype)
    method.load_state_dict(ClipTSA.adopt_weights(state))
    return method, {name: value.numpy() for name, value in state.items()}


def noise_of_tests(length, draws=100):
    """The same for each sequence."""
    generator = torch.Generator().manual_seed(0)
    return np.stack([torch.randn(length, generator=generator).double().numpy() for _ in range(draws)])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
@pytest.mark.parametrize(("dim", "crops", "share"), [(512, 1, 0.95), (600, 2, 0.9), (16, 3, 0.01)])
def test_scores_are_those_of_the_official_network(dim, crops, share, dtype, tolerance):
    method, state = loaded(dim, dtype, keep_share=share)
    for length in (1, 2, 5, 32):
        features = np.random.default_rng(length).uniform(-1, 1, (2, crops, length, dim))
        noise = np.broadcast_to(noise_of_tests(length), (2, crops, 100, length))
        embedded, expected = plain_clip_tsa.evaluate(features, state, noise, share)
        given_features = torch.tensor(features, dtype=dtype)
        with torch.no_grad():
            scores = method.eval().score(given_features).numpy()
            np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerance)
            found = method.embed(given_features).numpy()
        np.testing.assert_allclose(found, embedded.mean(1), rtol=0, atol=10 * tolerance)
        assert (np.abs(expected - 0.5) < 0.49).all()


@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 1, 1), (2, 1, 7), (1, 3, 32), (2, 2, 20)])
def test_loss_terms(videos, crops, length):
    method, state = loaded(16, keep_share=0.6)
    batch = bags.batch(videos, crops, length, dim=16)
    features = torch.cat([batch.normal.features, batch.abnormal.features]).numpy()
    # The noise is drawn at once, for each sequence anew, as the official code does.
    torch.manual_seed(5)
    noise = torch.normal(0.0, 1.0, (2 * videos * crops, 100, length)).double().numpy()
    noise = noise.reshape(2 * videos, crops, 100, length)
    embedded, scores = plain_clip_tsa.evaluate(features, state, noise, 0.6, training=True)
    expected = plain_rtfm.loss_terms(scores, embedded, max(1, length // 10), 100, 1e-4, 8e-4, 8e-3)
    expected["loss"] = sum(expected.values())
    torch.manual_seed(5)
    terms = method.train().training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-9, abs=1e-11)


def plain_gradient(noise, k, sigma, importance, grad, textbook):
    """By one-hot vectors: of the official code, and of perturbed optimisers."""
    hot = plain_clip_tsa.indicators(importance, noise, k, sigma)
    out = np.zeros(len(importance))
    for u in range(len(importance)):
        for n in range(len(noise)):
            for slot in range(k):
                for t in range(len(importance)):
                    kept, noisy = (t, u) if textbook else (u, t)
                    out[u] += hot[n, slot, kept] * noise[n, noisy] * grad[t] / (len(noise) * sigma)
    return out


@pytest.mark.parametrize("textbook", [False, True])
@pytest.mark.parametrize(("length", "k"), [(1, 1), (6, 1), (6, 4), (6, 6)])
def test_gradient_of_the_choice(length, k, textbook):
    random = np.random.default_rng(length + k)
    importance, grad = random.uniform(0.4, 0.6, length), random.standard_normal(length)
    noise = random.standard_normal((1, 20, length))
    leaf = torch.tensor(importance[None], requires_grad=True)
    frequency = InclusionFrequency.apply(leaf, torch.from_numpy(noise), k, 0.05, not textbook)
    hot = plain_clip_tsa.indicators(importance, noise[0], k, 0.05)
    np.testing.assert_allclose(frequency[0].detach(), hot.mean(0).sum(0), atol=1e-12)
    frequency.backward(torch.from_numpy(grad[None]))
    expected = plain_gradient(noise[0], k, 0.05, importance, grad, textbook)
    np.testing.assert_allclose(leaf.grad[0], expected, rtol=1e-9, atol=1e-12)
    other = plain_gradient(noise[0], k, 0.05, importance, grad, not textbook)
    assert length == 1 or np.abs(expected - other).max() > 1e-3


@pytest.mark.parametrize("gradient", ["swapped", "textbook"])
def test_gradient_of_the_attention_as_a_whole(gradient):
    torch.manual_seed(0)
    attention = HardAttention(5, 0.5, 30, 0.05, gradient).double()
    x = torch.randn(3, 8, 5, dtype=torch.float64, requires_grad=True)
    grad = torch.randn(3, 8, 5, dtype=torch.float64)
    torch.manual_seed(1)
    attention.train()(x).backward(grad)
    torch.manual_seed(1)
    noise = torch.normal(0.0, 1.0, (3, 30, 8)).double().numpy()
    importance = attention.importance(x.detach()).squeeze(-1)
    grads = [
        plain_gradient(
            noise[i], 4, 0.05, importance[i].tolist(), (grad[i] * x[i]).sum(-1).tolist(), gradient != "swapped"
        )
        for i in range(3)
    ]
    weights = list(attention.parameters())
    expected = torch.autograd.grad(importance, weights, torch.from_numpy(np.stack(grads)))
    for parameter, value in zip(weights, expected, strict=True):
        torch.testing.assert_close(parameter.grad, value)
    assert attention.importance[2].bias.grad.abs() > 1e-3


def test_textbook_gradient_is_that_of_the_expected_frequencies():
    # Of two segments one is kept: the first with probability Phi((a - b) / (sigma sqrt 2)).
    sigma, gap = 0.05, 0.02
    noise = torch.randn(1, 400_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    leaf = torch.tensor([[0.5 + gap, 0.5]], dtype=torch.float64, requires_grad=True)
    frequency = InclusionFrequency.apply(leaf, noise, 1, sigma, False)
    frequency[0, 0].backward()
    z = gap / (sigma * 2**0.5)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / (sigma * 2**0.5)
    np.testing.assert_allclose(leaf.grad[0], [density, -density], rtol=0.02)


@pytest.mark.parametrize(
    ("share", "length", "k"), [(0.95, 32, 30), (0.9, 32, 28), (0.01, 32, 1), (0.0, 5, 1), (1.0, 5, 5)]
)
@pytest.mark.parametrize("training", [True, False])
def test_a_share_of_the_segments_is_kept(share, length, k, training):
    attention = HardAttention(3, share, 10, 0.05, "swapped").train(training)
    weighed = attention(torch.ones(2, length, 3))
    torch.testing.assert_close(weighed.sum(1), torch.full((2, 3), float(k)))


def test_a_thousand_snippets_are_kept_at_most_and_in_tests_alone():
    attention = HardAttention(3, 0.95, 4, 0.05, "swapped")
    x = torch.ones(1, 1200, 3)
    assert attention.eval()(x).sum(1)[0].tolist() == pytest.approx([1000] * 3)
    assert attention.train()(x).sum(1)[0].tolist() == pytest.approx([1140] * 3)


def test_segments_stay_at_their_places():
    attention = HardAttention(1, 0.5, 50, 1e-6, "swapped").eval()
    with torch.no_grad():
        for layer in (attention.importance[0], attention.importance[2]):
            layer.weight.fill_(0.1)
            layer.bias.zero_()
        x = torch.tensor([[[1.0], [5.0], [2.0], [4.0], [3.0], [6.0]]])
        assert attention(x)[0, :, 0].tolist() == [0, 5, 0, 4, 0, 6]


@torch.no_grad()
def test_noise_of_tests_is_private_and_the_same_for_every_sequence():
    method = build(16).eval()
    features = torch.rand(2, 3, 40, 16)
    features[1] = features[0, [0]]
    before = torch.get_rng_state()
    scores = method.score(features)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(77)
    assert torch.equal(method.score(features), scores)
    torch.testing.assert_close(method.score(features[1:, :1]), scores[1:])


def test_noise_of_training_is_drawn_anew_and_apart():
    attention = HardAttention(4, 0.5, 20, 0.05, "swapped").train()
    x = torch.ones(2, 9, 4)
    first, again = attention(x), attention(x)
    assert not torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
    torch.manual_seed(3)
    one = attention(x)
    torch.manual_seed(3)
    assert torch.equal(one, attention(x))


def test_indicators_are_not_held_one_by_one():
    # 64 sequences, 100 draws, 30 of 32 places: 6 million numbers as one-hot vectors, a thirtieth as bits.
    kept = []
    importance = torch.rand(64, 32, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        InclusionFrequency.apply(importance, torch.randn(64, 100, 32), 30, 0.05, True)
    assert sum(x.nbytes for x in kept) == 64 * 100 * 32 * (1 + 4)


def test_official_weights_in_name_shape_and_number():
    state = official(512)
    assert len(state) == 55
    assert sum(value.numel() for value in state.values()) == 2_730_887
    adopted = ClipTSA.adopt_weights({f"module.{name}": value for name, value in state.items()})
    own = build(512).state_dict()
    assert {name: value.shape for name, value in adopted.items()} == {name: value.shape for name, value in own.items()}
    unused = 1024 * 512 + 1024 + 512 * 1024 + 512
    assert sum(value.numel() for value in own.values()) == 2_730_887 - unused
    assert bags.parameters(build(512)) == 2_728_834 - unused == 1_678_722


@pytest.mark.parametrize(("dim", "used"), [(2048, True), (513, True), (512, False), (64, False)])
def test_the_first_layers_are_adopted_where_they_are_used(dim, used):
    adopted = ClipTSA.adopt_weights(official(dim))
    assert ("squash.0.weight" in adopted) == used
    build(dim).load_state_dict(adopted)


def test_missing_and_unknown_weights_are_named():
    state = official(16)
    method = build(16)
    with pytest.raises(RuntimeError, match=r"attention.importance.2.bias"):
        method.load_state_dict(
            ClipTSA.adopt_weights({k: v for k, v in state.items() if k != "hard_attention.scorer.fc2.bias"})
        )
    with pytest.raises(RuntimeError, match=r"fc4.bias"):
        method.load_state_dict(ClipTSA.adopt_weights(state | {"fc4.bias": torch.zeros(1)}))
    assert list(ClipTSA.adopt_weights(method.state_dict())) == list(method.state_dict())


def test_layers_start_as_the_official_ones_do():
    method = build(1024)
    for name, module in method.named_modules():
        if isinstance(module, torch.nn.Conv1d | torch.nn.Linear) and not name.startswith("squash"):
            taps = module.weight[0, 0].numel()
            bound = (6 / (taps * (module.weight.shape[0] + module.weight.shape[1]))) ** 0.5
            assert module.weight.abs().max().item() == pytest.approx(bound, rel=0.1), name
            assert module.bias is None or not module.bias.any()
    # Made after the initialisation in the official code, and so left as PyTorch has it.
    assert method.squash[0].weight.abs().max().item() == pytest.approx(1024**-0.5, rel=0.01)
    assert method.squash[0].bias.any()


@pytest.mark.parametrize("gradient", ["swapped", "textbook"])
@pytest.mark.parametrize("dim", [1, 7, 64, 520])
@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 1, 1), (2, 2, 7), (1, 10, 16)])
def test_any_shape_is_trained_and_scored(dim, videos, crops, length, gradient):
    method = build(dim, attention_gradient=gradient)
    batch = bags.batch(videos, crops, length, dim)
    method.double().train().training_step(batch)["loss"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())
    scores = method.eval().score(batch.normal.features)
    assert scores.shape == (videos, length)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("dim", [16, 520])
def test_blank_features_have_finite_gradients(dim):
    method, batch = build(dim).double(), bags.batch(2, 1, 32, dim)
    batch.normal.features.zero_()
    batch.abnormal.features.zero_()
    method.train().training_step(batch)["loss"].backward()
    assert all(p.grad.isfinite().all() for p in method.parameters())


@torch.no_grad()
def test_long_videos_are_scored_in_groups_with_the_same_result(monkeypatch):
    method = build(8, draws=10).double().eval()
    features = torch.randn(1, 4, 5000, 8, dtype=torch.float64)
    monkeypatch.setattr(long_videos, "ELEMENTS", 2**30)
    whole, embedded = method.score(features), method.embed(features)
    monkeypatch.setattr(long_videos, "ELEMENTS", 1024 * 10_001)
    torch.testing.assert_close(method.score(features), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(method.embed(features), embedded, rtol=0, atol=1e-12)


def test_choices_in_bfloat16_are_made_in_float32():
    attention = HardAttention(16, 0.5, 20, 0.05, "swapped").eval()
    x = torch.rand(1, 30, 16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert attention(x).dtype == torch.float32
    method = build(16)
    batch = bags.batch(2, 1, 32, 16)
    for half in (batch.normal, batch.abnormal):
        object.__setattr__(half, "features", half.features.float())
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.train().training_step(batch)
    terms["loss"].backward()
    assert all(p.grad.isfinite().all() for p in method.parameters())


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)), st.integers(1, 9))
def test_crops_may_come_in_any_order(order, length):
    method = build(5).double().eval()
    features = torch.rand(2, 4, length, 5, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(method.score(features[:, order]), method.score(features))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
def test_frequencies_are_shares_that_add_up_to_the_number_kept(length, k, seed):
    k, generator = min(k, length), torch.Generator().manual_seed(seed)
    importance = torch.rand(2, length, generator=generator, dtype=torch.float64)
    noise = torch.randn(2, 25, length, generator=generator, dtype=torch.float64)
    frequency = InclusionFrequency.apply(importance, noise, k, 0.3, True)
    assert ((frequency >= 0) & (frequency <= 1)).all()
    torch.testing.assert_close(frequency.sum(1), torch.full((2,), float(k), dtype=torch.float64))


def test_the_seed_of_the_noise_is_part_of_the_numbers(monkeypatch):
    method, features = build(16).eval(), torch.rand(1, 1, 30, 16)
    with torch.no_grad():
        scores = method.score(features)
        monkeypatch.setattr(clip_tsa, "SEED", 1)
        assert not torch.equal(method.score(features), scores)
