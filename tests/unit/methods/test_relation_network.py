"""RN against plain loops over pairs, and its memory at the length of the longest videos."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from methods.clav import relation_network
from methods.clav.como import ContextMotion
from methods.clav.relation_network import RelationNetwork
from tests.unit.methods import plain

N, T, STATIC, D = 2, 5, 3, 4


def made(pooling):
    torch.manual_seed(0)
    return RelationNetwork(D, hidden=7, out_dim=6, pooling=pooling).double()


def expected(network, features, context, pooling):
    weights, out = plain.arrays(network), np.zeros((N, T, 6))
    for n in range(N):
        for t in range(T):
            pairs = [np.concatenate([features[n, t], context[n, j]]) for j in range(STATIC)]
            hidden = plain.relu(plain.linear(np.stack(pairs), weights, "pair"))
            related = plain.relu(plain.linear(hidden, weights, "out"))
            out[n, t] = related.mean(0) if pooling == "mean" else related.sum(0)
    return out


@pytest.mark.parametrize("pooling", ["mean", "sum"])
@pytest.mark.parametrize("pairs_at_once", [1, 12, 2**16])
def test_relations_are_pooled_over_all_pairs_however_many_at_once(pooling, pairs_at_once, monkeypatch):
    monkeypatch.setattr(relation_network, "PAIRS_AT_ONCE", pairs_at_once)
    network, generator = made(pooling), torch.Generator().manual_seed(1)
    features = torch.randn(N, T, D, dtype=torch.float64, generator=generator)
    context = torch.randn(N, STATIC, D, dtype=torch.float64, generator=generator)
    out = network(features, context).detach().numpy()
    np.testing.assert_allclose(out, expected(network, features.numpy(), context.numpy(), pooling), atol=1e-12)


def test_parameters_at_the_published_width():
    with torch.device("meta"):
        network = RelationNetwork(2048)
    count = sum(p.numel() for p in network.parameters())
    assert count == (2 * 2048 * 512 + 512) + (512 * 128 + 128)
    assert network.out_dim == 128


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that was made."""

    numel = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        out = function(*arguments, **options or {})
        if isinstance(out, torch.Tensor):
            self.numel = max(self.numel, out.numel())
        return out


@pytest.mark.parametrize("crops", [1, 10])
def test_memory_is_bounded_at_the_length_of_the_longest_video(crops):
    length = 6_750
    with torch.device("meta"):
        module = ContextMotion(RelationNetwork(384), 384, has_motion=False, object_classes=0).eval()
        features = torch.empty(1, crops, length, 384)
        with Largest() as largest, torch.no_grad():
            assert module(features, features).features.shape == (1, crops, length, 128)
    # Not the 36 million pairs of this video, 512 wide, but a fixed number of them, or what one segment needs.
    bound = max(relation_network.PAIRS_AT_ONCE, crops * length) * 512
    assert largest.numel <= bound
