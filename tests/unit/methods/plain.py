"""Layers and losses written out as plain float64 loops, independent of the tensors code under test."""

import math

import numpy as np


def arrays(module):
    return {name: value.detach().double().numpy() for name, value in module.state_dict().items()}


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def linear(x, weights, name):
    """Rows of x through the layer `name`; the bias may be missing."""
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    out = np.zeros((len(x), len(weight)))
    for i, row in enumerate(x):
        for o in range(len(weight)):
            out[i, o] = sum(a * b for a, b in zip(row, weight[o], strict=True))
            out[i, o] += 0 if bias is None else bias[o]
    return out


def conv(x, weights, name, dilation=1):
    """Zero-padded convolution along time of (T, channels), same length."""
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    half = weight.shape[2] // 2
    out = np.zeros((len(x), len(weight)))
    for t in range(len(x)):
        for o in range(len(weight)):
            total = 0.0 if bias is None else bias[o]
            for j in range(weight.shape[2]):
                at = t + (j - half) * dilation
                if 0 <= at < len(x):
                    total += float(np.dot(weight[o, :, j], x[at]))
            out[t, o] = total
    return out


def batch_norm(x, weights, name):
    """Batch normalisation of (T, channels) by the stored statistics."""
    out = np.zeros_like(x)
    for t in range(len(x)):
        for c in range(x.shape[1]):
            scale = math.sqrt(weights[f"{name}.running_var"][c] + 1e-5)
            centred = (x[t, c] - weights[f"{name}.running_mean"][c]) / scale
            out[t, c] = centred * weights[f"{name}.weight"][c] + weights[f"{name}.bias"][c]
    return out


def norm(x):
    return math.sqrt(sum(float(a) ** 2 for a in x))


def cosine(a, b):
    return sum(float(p) * float(q) for p, q in zip(a, b, strict=True)) / (norm(a) * norm(b))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def top(scores, k):
    """Indices of the k largest scores, the earlier of equal ones first."""
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k]


def cross_entropy(p, label):
    return -math.log(p if label else 1 - p)


def smoothness(scores):
    return sum((scores[t + 1] - scores[t]) ** 2 for t in range(len(scores) - 1))


def cohesion(rows, diagonal=True):
    pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if diagonal or i != j]
    return mean(cosine(rows[i], rows[j]) for i, j in pairs)


def distance(within, between, margin):
    return max(between + margin - within, 0) + (1 - within)
