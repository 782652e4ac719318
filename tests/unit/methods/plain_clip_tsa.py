"""CLIP-TSA written out in NumPy on the names of the official code, one-hot vectors included."""

import numpy as np

from tests.unit.methods import plain, plain_rtfm
from tests.unit.methods.plain_rtfm import dense, relu, sigmoid


def official_weights(dim=512, seed=0):
    """Random weights for features of a size; the layers `mlp` serve those above 512."""
    width, made = min(dim, 512), plain_rtfm.Weights(seed)
    made.layer("hard_attention.scorer.fc1", 256, width)
    made.layer("hard_attention.scorer.fc2", 1, 256)
    made.aggregate("Aggregate", width, plain_rtfm.RTFM_NAMES, 2, running=True)
    for name, out, size in (("fc1", 128, width), ("fc2", 32, 128), ("fc3", 1, 32)):
        made.layer(name, out, size)
    made.layer("mlp.fc1", 1024, dim)
    made.layer("mlp.fc2", 512, 1024)
    return made


def kept(length, share):
    """How many of the segments a draw keeps."""
    return min(max(int(length * share), 1), length)


def indicators(importance, noise, k, sigma=0.05):
    """One-hot vectors (draws, k, T) of the places that each draw keeps, in order of time."""
    hot = np.zeros((len(noise), k, len(importance)))
    for draw, row in enumerate(noise):
        noisy = [r + sigma * e for r, e in zip(importance, row, strict=True)]
        for slot, place in enumerate(sorted(plain.top(noisy, k))):
            hot[draw, slot, place] = 1
    return hot


def attend(rows, state, noise, share):
    """Hard attention of (T, D): indicators averaged over draws, then summed over the k places kept."""
    hidden = relu(dense(rows, state, "hard_attention.scorer.fc1"))
    importance = sigmoid(dense(hidden, state, "hard_attention.scorer.fc2"))[:, 0]
    out = np.zeros_like(rows)
    for slot in indicators(importance, noise, kept(len(rows), share)).mean(0):
        for t, part in enumerate(slot):
            out[t] += part * rows[t]
    return out


def evaluate(videos, state, noise, share, training=False):
    """F (videos, crops, T, width) and scores (videos, T) of (videos, crops, T, D); noise (videos, crops, draws, T)."""
    sequences = []
    for crops, noises in zip(videos, noise, strict=True):
        for rows, drawn in zip(crops, noises, strict=True):
            if rows.shape[1] > 512:
                rows = sigmoid(dense(relu(dense(rows, state, "mlp.fc1")), state, "mlp.fc2"))
            sequences.append(attend(rows, state, drawn, share))
    features = np.stack(plain_rtfm.aggregate(sequences, state, "Aggregate", plain_rtfm.RTFM_NAMES, training))
    features = features.reshape(*videos.shape[:3], -1)
    hidden = relu(dense(relu(dense(features, state, "fc1")), state, "fc2"))
    return features, sigmoid(dense(hidden, state, "fc3"))[..., 0].mean(1)
