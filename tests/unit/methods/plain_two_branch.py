"""The network that UR-DMU and BN-WVAD share, in plain NumPy, by the names of the official weights.

The distance part is written as an n x n matrix whose columns are divided by their sums, one query at a time.
"""

import math

import numpy as np

HEADS = 4
ERF = np.vectorize(math.erf)


class Drawer:
    """Random float64 weights under given names."""

    def __init__(self, seed):
        self.random, self.state = np.random.default_rng(seed), {}

    def layer(self, name, *shape, bias=True):
        self.state[f"{name}.weight"] = self.random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        if bias:
            self.state[f"{name}.bias"] = self.random.uniform(-0.3, 0.3, shape[0])

    def norm(self, name, channels):
        self.state[f"{name}.weight"] = self.random.uniform(0.5, 1.5, channels)
        self.state[f"{name}.bias"] = self.random.uniform(-0.3, 0.3, channels)

    def network(self, dim, width):
        inner = HEADS * (width // HEADS)
        self.layer("embedding.conv_1.0", width, dim, 3)
        for i in (0, 1):
            name = f"selfatt.layers.{i}"
            self.norm(f"{name}.0.norm", width)
            self.layer(f"{name}.0.fn.to_qkv", 4 * inner, width, bias=False)
            self.layer(f"{name}.0.fn.to_out.0", width, 2 * inner)
            self.norm(f"{name}.1.norm", width)
            self.layer(f"{name}.1.fn.net.0", width, width)
            self.layer(f"{name}.1.fn.net.3", width, width)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def dense(rows, state, name):
    return rows @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)


def layer_norm(rows, state, name):
    centred = rows - rows.mean(1, keepdims=True)
    return (
        centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * state[f"{name}.weight"] + state[f"{name}.bias"]
    )


def convolve(rows, state, name):
    """Kernel of 3 along time, zeros beside the ends."""
    weight, padded = state[f"{name}.weight"], np.pad(rows, ((1, 1), (0, 0)))
    taps = [[weight[:, :, tap] @ padded[t + tap] for tap in range(3)] for t in range(len(rows))]
    return np.array([sum(at) for at in taps]) + state[f"{name}.bias"]


def distance_sums(length):
    return np.array([np.exp(-np.abs(np.arange(length) - j) / math.e).sum() for j in range(length)])


def attention(rows, state, name, rows_of_distance=False, wanted=None):
    """Both branches, of the wanted rows or of all.

    `rows_of_distance` divides the distance matrix by the sums of its rows, as is usual.
    """
    sums, at = distance_sums(len(rows)), np.arange(len(rows))
    blocks = np.split(rows @ state[f"{name}.to_qkv.weight"].T, 4, axis=1)
    heads = []
    for head in range(HEADS):
        q, k, v, t = (np.split(block, HEADS, axis=1)[head] for block in blocks)
        out = []
        for i in at if wanted is None else wanted:
            logits = k @ q[i] / math.sqrt(q.shape[1])
            alike = np.exp(logits - logits.max())
            near = np.exp(-np.abs(at - i) / math.e) / (sums[i] if rows_of_distance else sums)
            out.append(np.concatenate([alike @ v / alike.sum(), near @ t]))
        heads.append(np.array(out))
    return dense(np.concatenate(heads, axis=1), state, f"{name}.to_out.0")


def network(rows, state, **attention_options):
    """Features (T, width) of segments (T, D)."""
    h = np.maximum(convolve(rows, state, "embedding.conv_1.0"), 0)
    for i in (0, 1):
        name = f"selfatt.layers.{i}"
        h = h + attention(layer_norm(h, state, f"{name}.0.norm"), state, f"{name}.0.fn", **attention_options)
        inner = dense(layer_norm(h, state, f"{name}.1.norm"), state, f"{name}.1.fn.net.0")
        h = h + dense(inner * (1 + ERF(inner / math.sqrt(2))) / 2, state, f"{name}.1.fn.net.3")
    return h
