"""The transformer of UR-DMU and BN-WVAD: against plain loops, in blocks, on long videos."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from methods.parts import long_videos, temporal_graphs
from methods.parts import two_branch_transformer as part
from methods.parts.official_weights import rename_weights
from tests.unit.methods import bags
from tests.unit.methods import plain_two_branch as plain


def make(dim=5, width=8, seed=0, dropout=0.0):
    """Official weights, and our network with them in float64."""
    drawer = plain.Drawer(seed)
    drawer.network(dim, width)
    network = part.TwoBranchNetwork(dim, width, dropout).double().eval()
    weights = {name: torch.from_numpy(value) for name, value in drawer.state.items()}
    renamed = rename_weights(weights, part.OFFICIAL_LAYERS)
    network.load_state_dict({name.removeprefix("network."): value for name, value in renamed.items()})
    return drawer.state, network


@pytest.mark.parametrize("width", [4, 8, 10, 32])
@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_features_are_those_of_plain_loops(length, width):
    state, network = make(width=width)
    rows = bags.uniform(3, length, 5)
    expected = np.stack([plain.network(sequence, state) for sequence in rows])
    ours = network(torch.from_numpy(rows)).detach().numpy()
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    if length > 2:
        usual = plain.network(rows[0], state, rows_of_distance=True)
        assert np.abs(usual - ours[0]).max() > 1e-3


def test_distances_are_divided_by_columns_so_that_rows_do_not_sum_to_one():
    like = torch.zeros(0, dtype=torch.float64)
    kernel = temporal_graphs.distance_graph(torch.eye(200, dtype=torch.float64)) / part._column_sums(200, like)
    torch.testing.assert_close(kernel.sum(0), torch.ones(200, dtype=torch.float64), rtol=0, atol=1e-14)
    sums = kernel.sum(1)
    assert sums[:7].tolist() == pytest.approx([0.805, 0.932, 0.995, 1.024, 1.035, 1.037, 1.034], abs=5e-4)
    assert sums[100].item() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(sums, sums.flip(0), rtol=0, atol=1e-14)


@pytest.mark.parametrize("length", [1, 2, 3, 57, 400])
def test_sums_of_columns_are_those_of_all_distances(length):
    sums = part._column_sums(length, torch.zeros(0, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(sums, plain.distance_sums(length), rtol=1e-14)


def test_each_head_and_each_branch_has_its_own_place():
    state, network = make()
    rows = bags.uniform(1, 9, 5)
    for name in [name for name in state if "selfatt" in name or "embedding" in name]:
        changed = state | {name: state[name] * 1.5 + 0.1 * bags.uniform(*state[name].shape, seed=3)}
        adopted = rename_weights({n: torch.from_numpy(v) for n, v in changed.items()}, part.OFFICIAL_LAYERS)
        network.load_state_dict({n.removeprefix("network."): v for n, v in adopted.items()})
        moved = network(torch.from_numpy(rows)).detach().numpy()[0]
        assert np.abs(moved - plain.network(rows[0], state)).max() > 1e-6, name
        np.testing.assert_allclose(moved, plain.network(rows[0], changed), rtol=0, atol=1e-12)


def test_what_lies_beyond_the_band_is_nothing_in_float64(monkeypatch):
    state, network = make()
    rows = bags.uniform(1, 700, 5)
    monkeypatch.setattr(temporal_graphs, "BAND", 11)
    with torch.no_grad():
        ours = network(torch.from_numpy(rows))[0].numpy()
    np.testing.assert_allclose(ours, plain.network(rows[0], state), rtol=0, atol=1e-12)


@torch.no_grad()
def test_five_thousand_snippets_are_as_in_plain_loops():
    state, network = make(width=4)
    z = bags.uniform(1, 5_000, 4)
    ours = network.layers[0].attention(torch.from_numpy(z))[0].numpy()
    block = temporal_graphs.BAND
    wanted = [0, 1, *range(block - 3, block + 3), *range(7, 5_000, 97), *range(4_995, 5_000)]
    expected = plain.attention(z[0], state, "selfatt.layers.0.0.fn", wanted=wanted)
    np.testing.assert_allclose(ours[wanted], expected, rtol=0, atol=1e-12)


@torch.no_grad()
def test_sequences_are_taken_a_few_at_a_time_and_averaged_over_crops(monkeypatch):
    _, network = make()
    features = torch.from_numpy(bags.uniform(3, 4, 10, 5))
    expected = network(features.flatten(0, 1)).unflatten(0, (3, 4)).mean(1)
    shapes = []

    def seen(part_of_them):
        shapes.append(len(part_of_them))
        return network(part_of_them)

    for at_once, parts in ((1, [1] * 12), (50, [5, 5, 2]), (10_000, [12])):
        shapes.clear()
        monkeypatch.setattr(long_videos, "ELEMENTS", at_once)
        torch.testing.assert_close(long_videos.mean_over_crops(seen, features, 1), expected, rtol=0, atol=1e-12)
        assert shapes == parts


def test_dropout_follows_each_linear_layer_but_is_not_on_the_attention():
    torch.manual_seed(0)
    network = part.TwoBranchNetwork(5, 32, 0.5)
    places = {name for name, module in network.named_modules() if isinstance(module, torch.nn.Dropout)}
    inside = ("dropout", "feed_forward.2", "feed_forward.4")
    assert places == {f"layers.{i}.{name}" for i in (0, 1) for name in inside}
    x = torch.rand(2, 9, 32)
    attention = network.layers[0].train().attention
    assert torch.equal(attention(x), attention(x))
    # Of what the layer adds, dropout leaves about a half, doubled.
    layer = network.layers[0]
    torch.nn.init.zeros_(layer.feed_forward[3].weight)
    torch.nn.init.zeros_(layer.feed_forward[3].bias)
    added, full = layer.train()(x) - x, layer.eval()(x) - x
    kept = added.abs() > 1e-6
    assert kept.float().mean().item() == pytest.approx(0.5, abs=0.1)
    torch.testing.assert_close(added[kept], 2 * full[kept], rtol=1e-3, atol=1e-5)


def test_low_precision_runs_and_stays_near():
    _, network = make(width=32)
    rows = torch.from_numpy(bags.uniform(2, 40, 5)).float()
    network.float()
    exact = network(rows)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(rows)
    assert (rough - exact).abs().max() < 0.05 * exact.abs().max()


def test_a_long_video_takes_memory_that_grows_with_its_length_alone():
    code = (
        "import resource, torch; from methods.parts.two_branch_transformer import TwoBranchNetwork;"
        "torch.set_num_threads(1); network = TwoBranchNetwork(8, 16).eval(); x = torch.rand(1, 12_000, 8);"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;\n"
        "with torch.no_grad(): network(x)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    used = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(used) < 150_000  # KB; one matrix of all pairs has 576 MB
