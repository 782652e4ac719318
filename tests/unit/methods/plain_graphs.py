"""Graphs of HL-Net and VadCLIP, and what both compute from them, in float64 NumPy, written by their formulas."""

import math

import numpy as np


def similarity(x, length):
    """Softmax over j of the cosines above 0.7, the others 0, within the first `length` rows; else 0."""
    graph = np.zeros((len(x), len(x)))
    for i in range(length):
        logits = []
        for j in range(length):
            cosine = x[i] @ x[j] / (math.sqrt(x[i] @ x[i]) * math.sqrt(x[j] @ x[j]) + 1e-20)
            logits.append(cosine if cosine > 0.7 else 0.0)
        graph[i, :length] = softmax(logits)
    return graph


def closeness(scores, length):
    """Softmax over j of a steep sigmoid of 1 - |s_i - s_j|, within the first `length` rows; else 0."""
    graph = np.zeros((len(scores), len(scores)))
    for i in range(length):
        logits = [1 / (1 + math.exp(-((1 - abs(scores[i] - scores[j])) - 0.5) / 0.1)) for j in range(length)]
        graph[i, :length] = softmax(logits)
    return graph


def distance(length):
    return np.array([[math.exp(-abs(i - j) / math.e) for j in range(length)] for i in range(length)])


def softmax(logits):
    largest = max(logits)
    total = sum(math.exp(z - largest) for z in logits)
    return [math.exp(z - largest) / total for z in logits]


def graph_convolution(x, graph, state, name):
    residual = convolution(x, state, f"{name}.residual") if f"{name}.residual.weight" in state else x
    return graph @ (x @ state[f"{name}.weight"]) + residual


def convolution(x, state, name, before=None):
    """Convolution along time of (T, channels), with `before` zeros on the left; centred by default."""
    weight = state[f"{name}.weight"]
    before = weight.shape[2] // 2 if before is None else before
    out = np.zeros((len(x), len(weight)))
    for t in range(len(x)):
        for tap in range(weight.shape[2]):
            if 0 <= t + tap - before < len(x):
                out[t] += weight[:, :, tap] @ x[t + tap - before]
    return out + state[f"{name}.bias"]


def dense(x, state, name):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def top_mean(values, length):
    """Mean of the L // 16 + 1 largest of the first L."""
    return sum(sorted(values[:length], reverse=True)[: length // 16 + 1]) / (length // 16 + 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def relu(x):
    return np.where(x > 0, x, 0)


def numpy_state(state):
    return {name: value.detach().double().numpy() for name, value in state.items()}


def random_layer(random, *shape, bias=True):
    """Weight and bias of a linear layer or a convolution, the outputs first."""
    weight = random.standard_normal(shape) / math.sqrt(np.prod(shape[1:]))
    return {"weight": weight, "bias": random.uniform(-0.3, 0.3, shape[0])} if bias else {"weight": weight}
