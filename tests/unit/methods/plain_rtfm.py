"""RTFM's temporal network and loss, and what S3R and TEVAD make of them, in float64 NumPy under the official names."""

import math

import numpy as np
import torch

from tests.unit.methods import plain


class Weights:
    """Random weights under official names, so large that every layer matters."""

    def __init__(self, seed=0):
        self.random, self.state = np.random.default_rng(seed), {}

    def layer(self, name, *shape, bias=True):
        self.state[f"{name}.weight"] = self.random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        if bias:
            self.state[f"{name}.bias"] = self.random.uniform(-0.3, 0.3, shape[0])

    def norm(self, name, channels, running=True):
        self.state[f"{name}.weight"] = self.random.uniform(0.5, 1.5, channels)
        self.state[f"{name}.bias"] = self.random.uniform(-0.3, 0.3, channels)
        if running:
            self.state[f"{name}.running_mean"] = self.random.uniform(0.2, 0.6, channels)
            self.state[f"{name}.running_var"] = self.random.uniform(0.2, 0.6, channels)
            self.state[f"{name}.num_batches_tracked"] = np.array(1000)

    def aggregate(self, prefix, dim, non_local, norm_at, running):
        """One temporal network; `non_local` are the names of g, theta, phi, and of output and norm."""
        width, inner = max(1, dim // 4), max(1, dim // 8)
        for i in (1, 2, 3):
            self.layer(f"{prefix}.conv_{i}.0", width, dim, 3)
            self.norm(f"{prefix}.conv_{i}.{norm_at}", width, running)
        self.layer(f"{prefix}.conv_4.0", width, dim, 1, bias=False)
        self.layer(f"{prefix}.conv_5.0", dim, 4 * width, 3, bias=False)
        self.norm(f"{prefix}.conv_5.{norm_at}", dim, running)
        for name in non_local[:3]:
            self.layer(f"{prefix}.non_local.{name}", inner, width, 1)
        self.layer(f"{prefix}.non_local.{non_local[3]}", width, inner, 1)
        self.norm(f"{prefix}.non_local.{non_local[4]}", width)

    def tensors(self):
        return {name: torch.from_numpy(np.asarray(value)) for name, value in self.state.items()}


RTFM_NAMES = ("g", "theta", "phi", "W.0", "W.1")
S3R_NAMES = ("value", "query", "key", "alter.0", "alter.1")


def relu(x):
    return np.where(x > 0, x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(rows, state, name):
    return rows @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def convolve(rows, state, name, dilation=1):
    """Zero-padded convolution of (T, channels) along time."""
    weight = state[f"{name}.weight"]
    half, out = weight.shape[2] // 2, np.zeros((len(rows), len(weight)))
    for tap in range(weight.shape[2]):
        shift = (tap - half) * dilation
        for t in range(max(0, -shift), min(len(rows), len(rows) - shift)):
            out[t] += weight[:, :, tap] @ rows[t + shift]
    return out + state.get(f"{name}.bias", 0)


def batch_norm(sequences, state, name, training):
    """Normalise a list of (T, channels) by stored statistics, or by those of all rows of all sequences."""
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    if training:
        rows = np.concatenate(sequences)
        mean = rows.sum(0) / len(rows)
        variance = ((rows - mean) ** 2).sum(0) / len(rows)
    scale = state[f"{name}.weight"] / np.sqrt(variance + 1e-5)
    return [(rows - mean) * scale + state[f"{name}.bias"] for rows in sequences]


def group_norm(rows, state, name):
    """Normalise each group of neighbouring channels over all its channels and rows."""
    channels = rows.shape[1]
    size = channels // math.gcd(8, channels)
    out = np.zeros_like(rows)
    for start in range(0, channels, size):
        group = rows[:, start : start + size]
        mean = group.sum() / group.size
        variance = ((group - mean) ** 2).sum() / group.size
        out[:, start : start + size] = (group - mean) / np.sqrt(variance + 1e-5)
    return out * state[f"{name}.weight"] + state[f"{name}.bias"]


def aggregate(sequences, state, prefix, names, training=False):
    """RTFM's network (ReLU, then batch norm), or S3R's by its names (group norm, then ReLU)."""

    def branch(name, inputs, dilation=1):
        out = [convolve(rows, state, f"{prefix}.{name}.0", dilation) for rows in inputs]
        if names is S3R_NAMES:
            return [relu(group_norm(rows, state, f"{prefix}.{name}.1")) for rows in out]
        return batch_norm([relu(rows) for rows in out], state, f"{prefix}.{name}.2", training)

    pyramid = [branch(f"conv_{i}", sequences, dilation) for i, dilation in ((1, 1), (2, 2), (3, 4))]
    narrow = [relu(convolve(rows, state, f"{prefix}.conv_4.0")) for rows in sequences]
    mixed = []
    for rows in narrow:
        g, theta, phi = (convolve(rows, state, f"{prefix}.non_local.{name}") for name in names[:3])
        mixed.append(convolve(theta @ phi.T @ g / len(rows), state, f"{prefix}.non_local.{names[3]}"))
    mixed = batch_norm(mixed, state, f"{prefix}.non_local.{names[4]}", training)
    joined = [
        np.concatenate([*(one[i] for one in pyramid), mixed[i] + narrow[i]], axis=1) for i in range(len(sequences))
    ]
    return [fused + rows for fused, rows in zip(branch("conv_5", joined), sequences, strict=True)]


def loss_terms(scores, features, k, margin, magnitude_weight, smoothness, sparsity):
    """RTFM's weighted terms, of scores (2B, T) and features (2B, crops, T, D), normal videos first."""
    videos, crops = features.shape[:2]
    half = videos // 2
    magnitudes = np.linalg.norm(features, axis=3).mean(1)
    index = [plain.top(list(row), k) for row in magnitudes]
    bags = [plain.mean(scores[v][t] for t in index[v]) for v in range(videos)]
    sizes = [[plain.norm(features[v, c][index[v]].mean(0)) for c in range(crops)] for v in range(videos)]
    squares = [(abs(margin - sizes[half + v][c]) + sizes[v][c]) ** 2 for v in range(half) for c in range(crops)]
    flat = [float(s) for row in scores[half:] for s in row]
    return {
        "mil": plain.mean(plain.cross_entropy(bags[v], v >= half) for v in range(videos)),
        "magnitude": magnitude_weight * plain.mean(squares),
        "smooth": smoothness * plain.smoothness(flat),
        "sparse": sparsity * plain.norm(flat),
    }
