"""The scenes of a video, and a diverse choice of its segments: what BN-SVP (Sapkota and Yu, CVPR 2022) learns from.

A scene is called a state, as in the paper's hidden Markov model, whose deterministic stand-in this is: k-means, then
the cheapest path through the states. Everything is batched over videos, draws no random numbers and passes no gradient.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.parts.layers import full_precision

__all__ = ["choose_greedily", "partition", "split_in_two", "sticky_path"]

K_MEANS_ROUNDS = 10
"""Of both k-means: that of the states, and that of two parts in a state."""


def partition(x: Tensor, states: int, stickiness: float, rounds: int) -> Tensor:
    """Return the state of each segment, (videos, T, D) -> (videos, T), numbers below `states`.

    k-means begins with the means of as many equal spans of the video. Each round then takes the cheapest path, see
    `sticky_path`, where a segment costs its squared distance to its state's centre, and moves the centres to the means
    of their segments; the path of the last round counts.

    Parameters
    ----------
    states
        How many there may be, T at most.
    stickiness
        What a change of state costs, in medians of the video's squared steps ||x_{t+1} - x_t||^2.
    rounds
        How many paths are taken.
    """
    with full_precision(x), torch.no_grad():
        length = x.shape[1]
        path = (torch.arange(length, device=x.device) * states // length).expand(x.shape[:2])
        centres = _means(x, path, x.new_zeros(len(x), states, x.shape[2]))
        for _ in range(K_MEANS_ROUNDS):
            centres = _means(x, _squared_distances(x, centres).argmin(-1), centres)
        steps = x.diff(dim=1).square().sum(-1)
        price = stickiness * steps.quantile(0.5, dim=1) if length > 1 else x.new_zeros(len(x))
        for _ in range(rounds):
            path = sticky_path(_squared_distances(x, centres), price)
            centres = _means(x, path, centres)
        return path


def sticky_path(costs: Tensor, price: Tensor) -> Tensor:
    """Return the states z that minimise sum_t costs[t, z_t] + price * [z_t != z_{t-1}], by dynamic programming.

    Parameters
    ----------
    costs
        What each segment costs in each state, shape (videos, T, states).
    price
        Of a change of state, shape (videos,).

    Returns
    -------
    Tensor
        Shape (videos, T). Where paths cost the same, one that stays.
    """
    videos, length, states = costs.shape
    own = torch.arange(states, device=costs.device).expand(videos, -1)
    lowest, origins = costs[:, 0], []
    for t in range(1, length):
        cheapest = lowest.argmin(-1, keepdim=True)
        changed = lowest.gather(1, cheapest) + price[:, None]
        moves = changed < lowest
        origins.append(torch.where(moves, cheapest, own))
        lowest = costs[:, t] + torch.where(moves, changed, lowest)
    path = [lowest.argmin(-1, keepdim=True)]
    for origin in reversed(origins):
        path.append(origin.gather(1, path[-1]))
    return torch.cat(path[::-1], dim=1)


def split_in_two(x: Tensor, path: Tensor, states: int) -> Tensor:
    """Split each state in two by 2-means: (videos, T, D), (videos, T) -> (videos, T), 2 z_t or 2 z_t + 1.

    It begins with the segment that is farthest from the state's mean, and the one farthest from that.
    """
    with full_precision(x), torch.no_grad():
        outside = ~F.one_hot(path, states).bool()
        ends, centres = [], _means(x, path, x.new_zeros(len(x), states, x.shape[2]))
        for _ in range(2):
            farthest = _squared_distances(x, centres).masked_fill(outside, -torch.inf).argmax(1)
            centres = x.gather(1, farthest[..., None].expand(-1, -1, x.shape[2]))
            ends.append(centres)
        centres = torch.stack(ends, dim=2).flatten(1, 2)
        outside = outside.repeat_interleave(2, dim=2)
        for _ in range(K_MEANS_ROUNDS):
            parts = _squared_distances(x, centres).masked_fill(outside, torch.inf).argmin(-1)
            centres = _means(x, parts, centres)
        return parts


def choose_greedily(likeness: Tensor, worth: Tensor, allowed: Tensor, count: Tensor, most: int) -> Tensor:
    """Choose segments C, one by one, each for the largest gain of F(C) = sum_i max_{j in C} W_ij + sum_{j in C} v_j.

    Parameters
    ----------
    likeness
        W, non-negative, shape (videos, T, T).
    worth
        v, non-negative, shape (videos, T): F is monotone and submodular.
    allowed
        Which segments may be chosen, shape (videos, T).
    count
        How many are chosen in each video, of those allowed; shape (videos,).
    most
        The largest count.

    Returns
    -------
    Tensor
        Which ones are chosen, shape (videos, T). Of equal gains the earlier segment's counts.
    """
    chosen, covered = torch.zeros_like(allowed), torch.zeros_like(worth)
    for turn in range(most):
        gains = (likeness - covered[..., None]).clamp_min(0).sum(1) + worth
        best = gains.masked_fill(chosen | ~allowed, -torch.inf).argmax(-1)
        takes = (turn < count)[:, None] & F.one_hot(best, worth.shape[1]).bool()
        chosen = chosen | takes
        covered = covered.maximum((likeness * takes[:, None]).amax(-1))
    return chosen


def _squared_distances(x: Tensor, centres: Tensor) -> Tensor:
    """Return those of each segment to each centre, (videos, T, D), (videos, N, D) -> (videos, T, N)."""
    return torch.cdist(x, centres, compute_mode="donot_use_mm_for_euclid_dist").square()


def _means(x: Tensor, groups: Tensor, otherwise: Tensor) -> Tensor:
    """Return the mean of each group's segments, (videos, T, D), (videos, T) -> (videos, N, D).

    Parameters
    ----------
    otherwise
        What an empty group has, shape (videos, N, D).
    """
    members = F.one_hot(groups, otherwise.shape[1]).to(x.dtype)
    sizes = members.sum(1)[..., None]
    return torch.where(sizes > 0, members.mT @ x / sizes.clamp_min(1), otherwise)
