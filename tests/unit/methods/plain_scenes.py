"""The scenes of one video in plain float64 loops: k-means from equal spans, the cheapest path, halves of a state."""

import math
from itertools import pairwise

import numpy as np


def squared(a, b):
    return sum((float(p) - float(q)) ** 2 for p, q in zip(a, b, strict=True))


def nearest(row, centres):
    return min(range(len(centres)), key=lambda at: squared(row, centres[at]))


def moved(rows, groups, centres):
    """Means of the groups; an empty one keeps its centre."""
    members = [[row for row, group in zip(rows, groups, strict=True) if group == at] for at in range(len(centres))]
    return [np.mean(own, axis=0) if own else old for own, old in zip(members, centres, strict=True)]


def cheapest_path(costs, price):
    """The path by dynamic programming from the end, which prefers to stay."""
    states = range(len(costs[0]))
    ahead, follow = [0.0 for _ in states], []
    for row in reversed(costs):
        here = [row[z] + ahead[z] for z in states]
        best = min(states, key=lambda z: here[z])
        follow.append([z if here[z] <= here[best] + price else best for z in states])
        ahead = [min(here[z], here[best] + price) for z in states]
    path, follow = [], follow[::-1]
    at = min(states, key=lambda z: ahead[z])
    for step in follow:
        at = step[at]
        path.append(at)
    return path


def plain_partition(rows, states, stickiness, rounds):
    length = len(rows)
    centres = moved(rows, [t * states // length for t in range(length)], [None] * states)
    for _ in range(10):
        centres = moved(rows, [nearest(row, centres) for row in rows], centres)
    steps = sorted(squared(a, b) for a, b in pairwise(rows))
    middle = (steps[(len(steps) - 1) // 2] + steps[len(steps) // 2]) / 2 if steps else 0.0
    for _ in range(rounds):
        path = cheapest_path([[squared(row, c) for c in centres] for row in rows], stickiness * middle)
        centres = moved(rows, path, centres)
    return path


def plain_halves(rows, path):
    """2 z_t, or 2 z_t + 1 in the half that began with the segment farthest from the other's first."""
    halves = [0] * len(rows)
    for state in set(path):
        places = [t for t, z in enumerate(path) if z == state]
        own = [rows[t] for t in places]
        first = max(own, key=lambda row: squared(row, np.mean(own, axis=0)))
        centres = [first, max(own, key=lambda row: squared(row, first))]
        for _ in range(10):
            groups = [nearest(row, centres) for row in own]
            centres = moved(own, groups, centres)
        for t, group in zip(places, groups, strict=True):
            halves[t] = 2 * state + group
    return halves


def quantile(values, share):
    """The value at a share of the sorted ones, with a straight line between neighbours."""
    values, at = sorted(values), share * (len(values) - 1)
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (at - low) * (values[high] - values[low])


def plain_greedy(path, parts, scores, allowed, count):
    """Chosen segments, one by one for the largest gain; of equal ones the first."""

    def gain(j, chosen):
        def like(i, k):
            return 0.5 * (path[i] == path[k]) + 0.5 * (parts[i] == parts[k])

        before = [max((like(i, k) for k in chosen), default=0.0) for i in range(len(path))]
        return sum(max(0.0, like(i, j) - before[i]) for i in range(len(path))) + scores[j]

    chosen = []
    for _ in range(count):
        chosen.append(max((j for j in allowed if j not in chosen), key=lambda j: gain(j, chosen)))
    return chosen
