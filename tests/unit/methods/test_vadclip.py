"""VadCLIP with weights under the official names: scores and loss terms against plain NumPy, and its traps."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from benchmark.api import Bags, FeatureSpec, InputError, MethodError, PairBatch
from benchmark.training.elsewhere.weights import load_weights
from methods import vadclip
from methods.vadclip import VadCLIP
from tests.unit.methods import bags, plain_graphs
from tests.unit.methods.plain_graphs import dense, graph_convolution, sigmoid, similarity, softmax

CLASSES = ("normal", "abuse", "arson")
SMALL = {"window": 12, "attention_window": 4, "layers": 2}
DIM = 6


def official_weights(dim, window, layers, seed=0, text=True):
    """Random weights under the official names, float64; of the text encoder a few."""
    random, state = np.random.default_rng(seed), {}

    def layer(name, *shape, bias=True):
        values = plain_graphs.random_layer(random, *shape, bias=bias)
        state.update({f"{name}.{part}": value for part, value in values.items()})

    def network(name):
        layer(f"{name}.c_fc", 4 * dim, dim)
        layer(f"{name}.c_proj", dim, 4 * dim)

    for i in range(layers):
        block = f"temporal.resblocks.{i}"
        projections = plain_graphs.random_layer(random, 3 * dim, dim)
        state.update({f"{block}.attn.in_proj_{part}": value for part, value in projections.items()})
        layer(f"{block}.attn.out_proj", dim, dim)
        for norm in ("ln_1", "ln_2"):
            state[f"{block}.{norm}.weight"] = random.uniform(0.5, 1.5, dim)
            state[f"{block}.{norm}.bias"] = random.uniform(-0.3, 0.3, dim)
        network(f"{block}.mlp")
    for i in range(1, 5):
        inputs = dim if i % 2 else dim // 2
        state[f"gc{i}.weight"] = random.standard_normal((inputs, dim // 2)) / math.sqrt(inputs)
        if i % 2:
            layer(f"gc{i}.residual", dim // 2, dim, 5)
    layer("linear", dim, dim)
    network("mlp1")
    network("mlp2")
    layer("classifier", 1, dim)
    state["frame_position_embeddings.weight"] = random.standard_normal((window, dim))
    if text:
        state["disAdj.sigma"] = np.array([0.1])
        state["text_prompt_embeddings.weight"] = random.standard_normal((77, 512))
        state["clipmodel.logit_scale"] = np.array(4.6)
        state["clipmodel.visual.proj"] = random.standard_normal((8, 8))
    return {name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}


def quick_gelu(x):
    return x * sigmoid(1.702 * x)


def network(x, state, name):
    return dense(quick_gelu(dense(x, state, f"{name}.c_fc")), state, f"{name}.c_proj")


def layer_norm(x, state, name):
    rows = [(row - row.mean()) / math.sqrt(((row - row.mean()) ** 2).mean() + 1e-5) for row in x]
    return np.array(rows) * state[f"{name}.weight"] + state[f"{name}.bias"]


def attention(x, state, name, block):
    """One head; a segment attends to those of its own block of positions."""
    q, k, v = np.split(x @ state[f"{name}.in_proj_weight"].T + state[f"{name}.in_proj_bias"], 3, axis=1)
    out = np.zeros_like(x)
    for i in range(len(x)):
        seen = [j for j in range(len(x)) if j // block == i // block]
        weights = softmax([q[i] @ k[j] / math.sqrt(x.shape[1]) for j in seen])
        out[i] = sum(w * v[j] for w, j in zip(weights, seen, strict=True))
    return dense(out, state, f"{name}.out_proj")


def plain_chunk(state, x, length, block, vectors, temperature=0.07):
    """Features, logits and class logits of one chunk of V rows, of which `length` are no padding."""
    h = x + state["frame_position_embeddings.weight"]
    for i in range(sum(name.endswith("ln_1.weight") for name in state)):
        name = f"temporal.resblocks.{i}"
        h = h + attention(layer_norm(h, state, f"{name}.ln_1"), state, f"{name}.attn", block)
        h = h + network(layer_norm(h, state, f"{name}.ln_2"), state, f"{name}.mlp")
    branches = []
    for graph, first in ((similarity(h, length), 1), (plain_graphs.distance(len(h)), 3)):
        hidden = quick_gelu(graph_convolution(h, graph, state, f"gc{first}"))
        branches.append(quick_gelu(graph_convolution(hidden, graph, state, f"gc{first + 1}")))
    v = dense(np.concatenate(branches, axis=1), state, "linear")
    logits = dense(v + network(v, state, "mlp2"), state, "classifier")[:, 0]
    prompt = sum(weight * row for weight, row in zip(logits, v, strict=True))
    text = vectors + prompt / np.linalg.norm(prompt)
    text = text + network(text, state, "mlp1")
    class_logits = [[row @ t / np.linalg.norm(row) / np.linalg.norm(t) / temperature for t in text] for row in v]
    return v, logits, np.array(class_logits)


def plain_video(state, x, window, block, vectors, length=None):
    """The same of a video of any length: chunks of V rows, the last one filled up by zeros."""
    length, parts = len(x) if length is None else length, []
    for start in range(0, len(x), window):
        rows = np.zeros((window, x.shape[1]))
        rows[: len(x) - start] = x[start : start + window]
        own = min(max(length - start, 0), window)
        parts.append(plain_chunk(state, rows, own, block, vectors))
    return [np.concatenate(values)[: len(x)] for values in zip(*parts, strict=True)]


def plain_terms(state, batch, lengths, vectors, **sizes):
    terms = {"mil": [], "alignment": []}
    videos = torch.cat([batch.normal.features, batch.abnormal.features])[:, 0].numpy()
    classes = torch.cat([batch.normal.classes, batch.abnormal.classes]).tolist()
    for x, length, of_video in zip(videos, lengths, classes, strict=True):
        _, logits, class_logits = plain_video(state, x, vectors=vectors, length=length, **sizes)
        p = plain_graphs.top_mean(list(sigmoid(logits)), length)
        terms["mil"].append(-math.log(1 - p if of_video[0] else p))
        shares = softmax([plain_graphs.top_mean(list(column), length) for column in class_logits.T])
        said = [y * math.log(share) for y, share in zip(of_video, shares, strict=True)]
        terms["alignment"].append(-sum(said) / sum(of_video))
    means = {name: sum(values) / len(values) for name, values in terms.items()}
    return {"loss": sum(means.values()), **means}


def class_vectors(size=DIM):
    return torch.from_numpy(np.random.default_rng(5).standard_normal((len(CLASSES), size)))


def told(dim=DIM, vectors=True):
    """What a method is told of features; of classes, with a vector each of the features' size, or nothing."""
    if vectors is True:
        vectors = class_vectors(dim)
    sources = {"classes": "none", "class_vectors": "none"}
    if vectors is None:
        return FeatureSpec(dim, sources)
    return FeatureSpec(dim, dict.fromkeys(sources, "given"), classes=CLASSES, class_vectors=vectors)


def build(state, features, dtype=torch.float64, **config):
    method = VadCLIP(VadCLIP.Config(**config), features).to(dtype)
    method.load_state_dict(VadCLIP.adopt_weights(state))
    return method


def batch(videos=2, crops=1, length=12, lengths=None, classes=True):
    """A batch whose last abnormal video is of two classes; filled up by zeros behind the lengths."""
    drawn, halves = bags.batch(videos=videos, crops=crops, length=length, dim=DIM), []
    labels = torch.eye(3)[[0] * videos], torch.eye(3)[[1] * (videos - 1) + [2]] + torch.eye(3)[[1] * videos]
    for i, half in enumerate((drawn.normal, drawn.abnormal)):
        own = None if lengths is None else torch.tensor(lengths).chunk(2)[i]
        for video, until in zip(half.features, [] if own is None else own, strict=False):
            video[:, until:] = 0
        of_class = labels[i].clamp_max(1) if classes else None
        halves.append(Bags(half.features, None, None, half.video_ids, of_class, own))
    return PairBatch(*halves)


@pytest.fixture(scope="module")
def small():
    return official_weights(DIM, SMALL["window"], SMALL["layers"])


@cache
def at_the_published_size(layers, block):
    """Weights, features of two chunks, and what the official network scores by either branch."""
    published = official_weights(512, 256, layers, text=False)
    published["classifier.weight"] *= 0.1
    features = np.random.default_rng(1).uniform(-1, 1, (270, 512))
    features[::3] = features[0] + 0.3 * features[::3]
    state = plain_graphs.numpy_state(published)
    _, logits, class_logits = plain_video(state, features, 256, block, class_vectors(512).numpy())
    return published, features, sigmoid(logits), 1 - np.array([softmax(row)[0] for row in class_logits])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize(("layers", "block"), [(2, 8), (1, 64)])
def test_scores_are_those_of_the_official_network_at_the_published_size(layers, block, dtype, tolerance):
    published, features, *both = at_the_published_size(layers, block)
    # Saturated scores would agree whatever the weights.
    assert all(((scores > 0.01) & (scores < 0.99)).mean() > 0.9 for scores in both)
    for score_by, expected in zip(("classification", "alignment"), both, strict=True):
        method = build(published, told(512), dtype, layers=layers, attention_window=block, score_by=score_by).eval()
        with torch.no_grad():
            scores = method.score(torch.tensor(features, dtype=dtype)[None, None])[0]
        np.testing.assert_allclose(scores.numpy(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("score_by", ["classification", "alignment"])
@pytest.mark.parametrize("length", [1, 5, 12, 13, 24, 31])
def test_scores_of_any_length_are_those_of_chunks_filled_up_by_zeros(small, length, score_by):
    method = build(small, told(), **SMALL, score_by=score_by).eval()
    features = bags.batch(crops=2, length=length, dim=DIM).normal.features
    state, expected = plain_graphs.numpy_state(small), []
    for video in features.numpy():
        crops = [plain_video(state, crop, 12, 4, class_vectors().numpy()) for crop in video]
        if score_by == "classification":
            crops = [sigmoid(logits) for _, logits, _ in crops]
        else:
            crops = [[1 - softmax(row)[0] for row in class_logits] for _, _, class_logits in crops]
        expected.append(np.mean(crops, axis=0))
    with torch.no_grad():
        np.testing.assert_allclose(method.score(features), expected, rtol=0, atol=1e-12)


@torch.no_grad()
def test_chunks_do_not_know_each_other_and_a_whole_number_of_them_needs_no_padding(small):
    method = build(small, told(), **SMALL, score_by="alignment").eval()
    features = bags.batch(crops=1, length=36, dim=DIM).normal.features
    chunks = torch.cat([method.score(chunk) for chunk in features.split(12, dim=2)], dim=1)
    torch.testing.assert_close(method.score(features), chunks)
    # The authors add a chunk of zeros there, which changes no real row.
    more = torch.cat([features, torch.zeros(2, 1, 12, DIM, dtype=features.dtype)], dim=2)
    torch.testing.assert_close(method.score(more)[:, :36], chunks)


@pytest.mark.parametrize(
    ("length", "lengths"),
    [(12, None), (12, (12, 12, 12, 12)), (12, (1, 12, 7, 4)), (7, None), (7, (3, 7, 7, 2)), (40, (40, 13, 12, 33))],
)
def test_loss_terms(small, length, lengths):
    shown = batch(length=length, lengths=lengths)
    sizes = {"window": 12, "block": 4}
    expected = plain_terms(
        plain_graphs.numpy_state(small), shown, lengths or [length] * 4, class_vectors().numpy(), **sizes
    )
    terms = build(small, told(), **SMALL).training_step(shown)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-11)
    assert list(terms) == ["loss", "mil", "alignment"]


def test_without_class_vectors_the_classification_branch_is_all_there_is(small):
    whole, shown = build(small, told(), **SMALL), batch(lengths=(1, 12, 7, 4))
    expected = whole.training_step(shown)["mil"]
    for features, config in (
        (told(vectors=None), {}),
        (told(), {"branches": "classification"}),
        (FeatureSpec(DIM, {}, classes=CLASSES), {}),
    ):
        alone = build(small, features, **SMALL, **config)
        assert alone.training_step(batch(lengths=(1, 12, 7, 4), classes=False)) == {"loss": expected, "mil": expected}
        assert not [name for name in alone.state_dict() if name.startswith(("mlp1", "text_map", "class_vectors"))]
        torch.testing.assert_close(alone.score(shown.normal.features), whole.score(shown.normal.features))
    assert VadCLIP.inputs_for(VadCLIP.Config(branches="classification")) == {}
    assert set(VadCLIP.inputs_for(VadCLIP.Config())) == {"classes", "class_vectors"}
    assert VadCLIP.title_for(VadCLIP.Config(branches="classification")) == "VadCLIP (C-branch)"


def test_the_alignment_branch_scores_where_there_is_one():
    with pytest.raises(InputError, match="score_by 'alignment' needs classes"):
        VadCLIP(VadCLIP.Config(score_by="alignment"), told(vectors=None))
    with pytest.raises(ValidationError, match="score_by 'alignment' means nothing without branches 'both'"):
        VadCLIP.Config(score_by="alignment", branches="classification")
    with pytest.raises(MethodError, match="classes"):
        VadCLIP(VadCLIP.Config(**SMALL), told()).double().training_step(batch(classes=False))


def test_class_vectors_of_another_size_pass_a_linear_map():
    torch.manual_seed(0)
    method = VadCLIP(VadCLIP.Config(**SMALL), told(vectors=class_vectors(4))).double().eval()
    assert {name: value.shape for name, value in method.text_map.named_parameters()} == {"weight": (DIM, 4)}
    mapped = VadCLIP(VadCLIP.Config(**SMALL), told(vectors=method.text_map(class_vectors(4)).detach())).double()
    mapped.load_state_dict({k: v for k, v in method.state_dict().items() if "text_map" not in k and "vectors" not in k})
    first, second = method.training_step(batch()), mapped.training_step(batch())
    torch.testing.assert_close(first["alignment"], second["alignment"])


def test_class_vectors_are_a_buffer_that_learns_nothing():
    vectors = class_vectors()
    method = VadCLIP(VadCLIP.Config(**SMALL), told(vectors=vectors)).double()
    assert "class_vectors" in dict(method.named_buffers())
    stored = method.state_dict()
    fresh = VadCLIP(VadCLIP.Config(**SMALL), told(vectors=torch.zeros(3, DIM))).double()
    fresh.load_state_dict(stored)
    assert torch.equal(fresh.class_vectors, vectors)
    assert method.class_vectors.data_ptr() != vectors.data_ptr()


def test_videos_of_several_classes_and_of_unknown_ones():
    method = VadCLIP(VadCLIP.Config(**SMALL), told()).double()
    shown = batch()
    assert shown.abnormal.classes.tolist() == [[0, 1, 0], [0, 1, 1]]
    shown.abnormal.classes.zero_()
    terms = method.training_step(shown)
    terms["loss"].backward()
    assert terms["alignment"].isfinite()
    assert all(p.grad.isfinite().all() for p in method.parameters())


def test_segments_attend_within_blocks_the_last_of_which_may_be_shorter():
    torch.manual_seed(0)
    layer = vadclip.Block(DIM, 4).double().eval()
    x = bags.batch(videos=2, crops=1, length=10, dim=DIM).normal.features[:, 0]
    state = {f"b.{name}": value for name, value in plain_graphs.numpy_state(layer.state_dict()).items()}
    for rows, found in zip(x.numpy(), layer(x).detach(), strict=True):
        h = rows + attention(layer_norm(rows, state, "b.ln_1"), state, "b.attn", 4)
        h = h + network(layer_norm(h, state, "b.ln_2"), state, "b.mlp")
        np.testing.assert_allclose(found, h, rtol=0, atol=1e-13)
    moved = x.clone()
    moved[:, 5] += 1
    changed = (layer(x) != layer(moved)).any(-1)[0]
    assert changed.nonzero()[:, 0].tolist() == [4, 5, 6, 7]


def test_rows_that_fill_a_video_up_are_no_part_of_its_similarity_graph_alone(small):
    method = build(small, told(), **SMALL)
    x, lengths = batch().normal.features[:, 0], torch.tensor([8, 8])
    other = x.clone()
    other[:, 8:] += 1

    def moved(lengths):
        """How far logits and class logits move of segments whose neighbours are the video's own."""
        said = zip(method(x, lengths)[1:], method(other, lengths)[1:], strict=True)
        return [(before - after).abs()[:, :6].max() for before, after in said]

    assert moved(lengths)[0] > 1e-3
    # What is left is likeness, and a convolution of five segments.
    for weight in (method.gc3.weight, method.gc4.weight, method.gc1.residual.weight):
        torch.nn.init.zeros_(weight)
    logits, class_logits = moved(lengths)
    assert logits < 1e-12
    # All rows make the visual prompt.
    assert class_logits > 1e-3
    assert moved(None)[0] > 1e-3


def test_a_bag_shorter_than_the_window_is_filled_up_as_the_authors_loader_does(small):
    method, short = build(small, told(), **SMALL), batch(length=7)
    filled = [
        Bags(
            torch.nn.functional.pad(half.features, (0, 0, 0, 5)),
            None,
            None,
            half.video_ids,
            half.classes,
            torch.tensor([7, 7]),
        )
        for half in (short.normal, short.abnormal)
    ]
    assert method.training_step(short) == method.training_step(PairBatch(*filled))


@pytest.mark.parametrize("dim", [1, 5])
def test_an_odd_feature_size_rounds_the_branches_up(dim):
    method = VadCLIP(VadCLIP.Config(**SMALL), told(dim, class_vectors(dim)))
    assert method.linear.weight.shape == (dim, dim + 1)
    assert method.eval().score(torch.rand(1, 2, 14, dim)).shape == (1, 14)


def test_crops_are_samples_of_their_own(small):
    method, shown = build(small, told(), **SMALL), batch(crops=3)
    apart = [
        Bags(
            half.features.flatten(0, 1)[:, None], None, None, tuple("abcdef"), half.classes.repeat_interleave(3, dim=0)
        )
        for half in (shown.normal, shown.abnormal)
    ]
    terms, expected = method.training_step(shown), method.training_step(PairBatch(*apart))
    assert {k: v.item() for k, v in terms.items()} == pytest.approx({k: v.item() for k, v in expected.items()})


@torch.no_grad()
def test_long_videos_are_scored_in_pieces_to_the_same_scores(small, monkeypatch):
    method = build(small, told(), **SMALL, score_by="alignment").eval()
    features = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 2, 5000, DIM)))
    at_once, embedded = method.score(features), method.embed(features)
    assert embedded.shape == (1, 5000, DIM)
    monkeypatch.setattr(vadclip, "PIECE", 40 * 2 * 12 * 4 * DIM)
    seen = []
    method.classifier.register_forward_hook(lambda _, __, output: seen.append(len(output)))
    torch.testing.assert_close(method.score(features), at_once, rtol=0, atol=1e-13)
    assert max(seen) == 40 * 2
    torch.testing.assert_close(method.embed(features), embedded, rtol=0, atol=1e-13)
    monkeypatch.setattr(vadclip, "PIECE", 1)
    torch.testing.assert_close(method.score(features[:, :, :60]), at_once[:, :60], rtol=0, atol=1e-13)


def test_embedding_is_what_the_classifier_sees(small):
    method, features = build(small, told(), **SMALL).eval(), batch().normal.features
    v = method.embed(features)
    logits = method.classifier(v + method.mlp2(v))[..., 0]
    torch.testing.assert_close(logits.sigmoid(), method.score(features))


def test_official_names_and_sizes():
    w, v = 512, 256
    official = official_weights(w, v, 2)
    layer = (3 * w * w + 3 * w) + (w * w + w) + 4 * w + (8 * w * w + 5 * w)
    graphs = 2 * (w * (w // 2) + (w // 2) ** 2 + 5 * w * (w // 2) + w // 2)
    network_size = 8 * w * w + 5 * w
    expected = 2 * layer + graphs + (w * w + w) + 2 * network_size + (w + 1) + v * w
    method = VadCLIP(VadCLIP.Config(), told(w))
    assert bags.parameters(method) == expected == 12_602_881
    adopted = VadCLIP.adopt_weights({f"module.{name}": value for name, value in official.items()})
    own = {name: value.shape for name, value in method.state_dict().items() if name != "class_vectors"}
    assert {name: value.shape for name, value in adopted.items()} == own


@pytest.mark.parametrize("vectors", [True, None])
@pytest.mark.parametrize("score_by", ["classification", "alignment"])
def test_a_file_of_the_authors_weights_serves_with_and_without_class_vectors(small, tmp_path, vectors, score_by):
    if vectors is None and score_by == "alignment":
        return
    torch.save(small, tmp_path / "model_ucf.pth")
    method = VadCLIP(VadCLIP.Config(**SMALL, score_by=score_by), told(vectors=vectors)).double()
    load_weights(method, tmp_path / "model_ucf.pth", "VadCLIP")
    features = batch().normal.features
    expected = build(small, told(vectors=vectors), **SMALL, score_by=score_by)
    if vectors:
        expected.class_vectors.copy_(method.class_vectors)
    torch.testing.assert_close(method.eval().score(features), expected.eval().score(features))
    missing = {name: value for name, value in small.items() if name != "gc2.weight"}
    torch.save(missing, tmp_path / "missing.pth")
    with pytest.raises(InputError, match=r"gc2\.weight"):
        load_weights(method, tmp_path / "missing.pth", "VadCLIP")
    with pytest.raises(RuntimeError, match=r"gc2\.weight"):
        method.load_state_dict(VadCLIP.adopt_weights(missing))


def test_initialisation():
    torch.manual_seed(0)
    state = VadCLIP(VadCLIP.Config(), told(64)).state_dict()
    assert state["frame_position_embeddings.weight"].std().item() == pytest.approx(0.01, rel=0.05)
    assert not state["temporal.resblocks.1.attn.in_proj_bias"].any()
    for name, bound in (
        ("gc1.weight", (6 / (64 + 32)) ** 0.5),
        ("gc1.residual.weight", 1 / (5 * 64) ** 0.5),
        ("mlp2.c_proj.weight", 1 / 256**0.5),
        ("classifier.bias", 1 / 64**0.5),
    ):
        largest = state[name].abs().max().item()
        assert largest <= bound
        assert largest > 0.9 * bound or name.endswith("bias")
