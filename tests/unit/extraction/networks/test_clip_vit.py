"""CLIP's image encoder against a plain float64 evaluation, and the names of its published weights."""

import numpy as np

from benchmark.extraction.networks.clip_vit import CLIPImageEncoder
from tests.unit.extraction.networks.plain import Values, Weights, clip, close, fill, run


def normal(x: Values, weights: Weights, name: str) -> Values:
    mean, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def attention(x: Values, weights: Weights, name: str) -> Values:
    mapped = x @ weights[f"{name}.in_proj_weight"].T + weights[f"{name}.in_proj_bias"]
    query, key, value = np.split(mapped, 3, axis=1)
    heads = []
    for head in range(12):
        part = slice(64 * head, 64 * head + 64)
        scores = np.exp(query[:, part] @ key[:, part].T / 8)
        heads.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, part])
    return np.concatenate(heads, axis=1) @ weights[f"{name}.out_proj.weight"].T + weights[f"{name}.out_proj.bias"]


def test_the_feature_is_that_of_a_plain_evaluation() -> None:
    network = CLIPImageEncoder()
    weights, image = fill(network), clip(3, 224, 224)
    x = [weights["visual.class_embedding"]]
    for top in range(0, 224, 16):
        for left in range(0, 224, 16):
            patch = image[:, top : top + 16, left : left + 16]
            x.append(np.einsum("chw,ochw->o", patch, weights["visual.conv1.weight"]))
    tokens = normal(np.stack(x) + weights["visual.positional_embedding"], weights, "visual.ln_pre")
    for place in range(12):
        name = f"visual.transformer.resblocks.{place}"
        tokens = tokens + attention(normal(tokens, weights, f"{name}.ln_1"), weights, f"{name}.attn")
        hidden = normal(tokens, weights, f"{name}.ln_2") @ weights[f"{name}.mlp.c_fc.weight"].T
        hidden = hidden + weights[f"{name}.mlp.c_fc.bias"]
        hidden = hidden / (1 + np.exp(-1.702 * hidden))
        tokens = tokens + hidden @ weights[f"{name}.mlp.c_proj.weight"].T + weights[f"{name}.mlp.c_proj.bias"]
    expected = normal(tokens[0], weights, "visual.ln_post") @ weights["visual.proj"]
    assert close(run(network, image), expected)


def test_names_and_sizes_are_the_published_ones() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in CLIPImageEncoder().state_dict().items()}
    assert len(shapes) == 8 + 12 * 12
    assert shapes["visual.positional_embedding"] == (197, 768)
    assert shapes["visual.transformer.resblocks.11.attn.in_proj_weight"] == (2304, 768)
    assert shapes["visual.proj"] == (768, 512)
    assert round(sum(np.prod(shape) for shape in shapes.values()) / 1e5) == 862  # 86.2 M
