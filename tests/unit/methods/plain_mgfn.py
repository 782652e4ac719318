"""MGFN written out in NumPy on the names of the official code, sequence by sequence and place by place."""

import itertools
import math

import numpy as np

from tests.unit.methods import plain

WIDTHS, DEPTHS = (64, 128, 1024), (3, 3, 2)


def official_shapes(dim=2048, widths=WIDTHS, depths=DEPTHS):
    """Name -> shape of all tensors of the official code, in its order; a head has 64 channels."""
    shapes = {}

    def layer(name, *shape, bias=True):
        shapes[f"{name}.weight"] = shape
        if bias:
            shapes[f"{name}.bias"] = shape[:1]

    def channel_norm(name, width):
        shapes[f"{name}.g"] = shapes[f"{name}.b"] = (1, width, 1)

    layer("to_tokens", widths[0], dim, 3)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        inner = 64 * (width // 64)
        for block in range(depth):
            name = f"stages.{stage}.0.layers.{block}"
            layer(f"{name}.0", width, width, 3)
            if stage == 0:
                channel_norm(f"{name}.1.norm", width)
                layer(f"{name}.1.to_qkv", 3 * inner, width, 1, bias=False)
            else:
                layer(f"{name}.1.norm", width)
                shapes[f"{name}.1.norm.running_mean"] = shapes[f"{name}.1.norm.running_var"] = (width,)
                shapes[f"{name}.1.norm.num_batches_tracked"] = ()
                layer(f"{name}.1.to_v", inner, width, 1, bias=False)
                layer(f"{name}.1.rel_pos", width // 64, 1, 5)
            layer(f"{name}.1.to_out", width, inner, 1)
            channel_norm(f"{name}.2.0", width)
            layer(f"{name}.2.1", 4 * width, width, 1)
            layer(f"{name}.2.4", width, 4 * width, 1)
        if stage < 2:
            channel_norm(f"stages.{stage}.1.0", width)
            layer(f"stages.{stage}.1.1", widths[stage + 1], width, 1)
    layer("to_logits.0", widths[2])
    layer("fc", 1, widths[2])
    layer("to_mag", widths[0], 1, 3)
    return shapes


def official_weights(seed=0, **sizes):
    """Random weights under the official names, float64, that leave activations of ordinary size."""
    random, state = np.random.default_rng(seed), {}
    for name, shape in official_shapes(**sizes).items():
        if name.endswith("num_batches_tracked"):
            state[name] = np.array(28400)
        elif name.endswith(("running_var", ".g")):
            state[name] = random.uniform(0.5, 1.5, shape)
        elif name.endswith(".weight") and len(shape) > 1:
            state[name] = random.standard_normal(shape) * 0.7 / math.sqrt(math.prod(shape[1:]))
        elif name.endswith(".weight"):
            state[name] = random.uniform(0.5, 1.5, shape)
        else:
            state[name] = random.uniform(-0.3, 0.3, shape)
    return state


def convolve(rows, state, name):
    """Zero-padded convolution along time of (T, channels), same length."""
    weight = state[f"{name}.weight"]
    half, out = weight.shape[2] // 2, np.zeros((len(rows), len(weight)))
    for t in range(len(rows)):
        for tap in range(weight.shape[2]):
            if 0 <= t + tap - half < len(rows):
                out[t] += weight[:, :, tap] @ rows[t + tap - half]
    return out + state.get(f"{name}.bias", 0)


def channel_norm(rows, state, name):
    """Over the channels of each place, eps beside the deviation."""
    out = np.zeros_like(rows)
    for t, row in enumerate(rows):
        deviation = math.sqrt(sum((value - row.mean()) ** 2 for value in row) / len(row))
        out[t] = (row - row.mean()) / (deviation + 1e-5) * state[f"{name}.g"][0, :, 0] + state[f"{name}.b"][0, :, 0]
    return out


def batch_norm(sequences, state, name, training):
    """Of a list of (T, channels); by the statistics of all their rows in training."""
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    if training:
        mean, variance = np.concatenate(sequences).mean(0), np.concatenate(sequences).var(0)
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return [(rows - mean) / np.sqrt(variance + 1e-5) * weight + bias for rows in sequences]


def glance(rows, state, name):
    """Attention of each place to all, head by head: a head is 64 neighbouring channels."""
    joint = convolve(channel_norm(rows, state, f"{name}.norm"), state, f"{name}.to_qkv")
    inner = joint.shape[1] // 3
    seen = np.zeros((len(rows), inner))
    for head in range(inner // 64):
        q, k, v = (joint[:, part * inner + 64 * head : part * inner + 64 * (head + 1)] for part in range(3))
        for t in range(len(rows)):
            logits = np.array([q[t] @ k[i] / 8 for i in range(len(rows))])
            shares = np.exp(logits - logits.max())
            seen[t, 64 * head : 64 * (head + 1)] = sum(
                share * value for share, value in zip(shares / shares.sum(), v, strict=True)
            )
    return convolve(seen, state, f"{name}.to_out")


def focus(rows, state, name):
    """A filter of five taps for each head, of normalised rows: channel j * heads + head is of that head."""
    values, taps = convolve(rows, state, f"{name}.to_v"), state[f"{name}.rel_pos.weight"]
    heads, filtered = len(taps), np.zeros_like(values)
    for j, head in itertools.product(range(64), range(heads)):
        channel = values[:, j * heads + head]
        for t in range(len(rows)):
            filtered[t, j * heads + head] = state[f"{name}.rel_pos.bias"][head] + sum(
                taps[head, 0, tap] * channel[t + tap - 2] for tap in range(5) if 0 <= t + tap - 2 < len(rows)
            )
    return convolve(filtered, state, f"{name}.to_out")


def feed_forward(rows, state, name):
    hidden = convolve(channel_norm(rows, state, f"{name}.0"), state, f"{name}.1")
    hidden = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
    return convolve(hidden, state, f"{name}.4")


def layer_norm(rows, state, name):
    mean, variance = rows.mean(1, keepdims=True), rows.var(1, keepdims=True)
    return (rows - mean) / np.sqrt(variance + 1e-5) * state[f"{name}.weight"] + state[f"{name}.bias"]


def embed(sequences, state, depths=DEPTHS, training=False, ratio=0.1):
    """Features F of a list of sequences (T, D)."""
    hidden = []
    for rows in sequences:
        magnitudes = np.array([[plain.norm(row)] for row in rows])
        hidden.append(convolve(rows, state, "to_tokens") + ratio * convolve(magnitudes, state, "to_mag"))
    for stage, depth in enumerate(depths):
        for block in range(depth):
            name = f"stages.{stage}.0.layers.{block}"
            hidden = [convolve(rows, state, f"{name}.0") + rows for rows in hidden]
            if stage == 0:
                hidden = [glance(rows, state, f"{name}.1") + rows for rows in hidden]
            else:
                normed = batch_norm(hidden, state, f"{name}.1.norm", training)
                hidden = [focus(x, state, f"{name}.1") + rows for x, rows in zip(normed, hidden, strict=True)]
            hidden = [feed_forward(rows, state, f"{name}.2") + rows for rows in hidden]
        if stage < 2:
            name = f"stages.{stage}.1"
            hidden = [convolve(channel_norm(rows, state, f"{name}.0"), state, f"{name}.1") for rows in hidden]
    return [layer_norm(rows, state, "to_logits.0") for rows in hidden]


def evaluate(videos, state, **how):
    """F (videos, crops, T, width) and scores (videos, T) of (videos, crops, T, D)."""
    features = embed([crop for video in videos for crop in video], state, **how)
    features = np.stack(features).reshape(*videos.shape[:2], *features[0].shape)
    scores = [
        [
            plain.mean(plain.sigmoid(float(state["fc.weight"][0] @ row + state["fc.bias"][0])) for row in crops)
            for crops in video.swapaxes(0, 1)
        ]
        for video in features
    ]
    return features, scores


def distance(u, w):
    return math.sqrt(sum((a - b + 1e-6) ** 2 for a, b in zip(u, w, strict=True)))


def cohesion(rows):
    half = len(rows) // 2
    return plain.mean(distance(rows[r + half], rows[r]) ** 2 for r in range(half))


def losses(halves, state, top_k=3, margin=200.0, smooth_half="both", sparse_half="normal", **how):
    """Unweighted loss terms of the normal and the abnormal videos, each (B, crops, T, D)."""
    count, (_, crops, length, _) = len(halves[0]), halves[0].shape
    features, scores = evaluate(np.concatenate(halves), state, **how)
    selected, sizes = [], []
    for video in range(2 * count):
        magnitudes = [plain.mean(plain.norm(features[video, c, t]) for c in range(crops)) for t in range(length)]
        selected.append(plain.top(magnitudes, top_k))
    for half in range(2):
        members = range(half * count, (half + 1) * count)
        sizes.append(
            [[float(np.abs(features[v, c, t]).sum()) for t in selected[v]] for c in range(crops) for v in members]
        )
    normal, abnormal = sizes
    smooth = scores if smooth_half == "both" else scores[count:]
    sparse = scores[:count] if sparse_half == "normal" else scores[count:]
    return {
        "mil": plain.mean(
            plain.cross_entropy(plain.mean(scores[v][t] for t in selected[v]), v >= count) for v in range(2 * count)
        ),
        "separation": plain.mean(max(0, margin - distance(a, n)) ** 2 for a, n in zip(abnormal, normal, strict=True)),
        "normal_cohesion": cohesion(normal),
        "abnormal_cohesion": cohesion(abnormal),
        "smooth": sum(plain.smoothness(row) for row in smooth),
        "sparse": plain.norm([s for row in sparse for s in row]),
    }
