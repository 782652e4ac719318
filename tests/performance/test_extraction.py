"""Speed of a named extractor from a video to a file of features, beside the operations of its network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.extraction.extra import load_opencv
from benchmark.extraction.extractors.published import NETWORKS
from benchmark.extraction.instruments import Instruments
from benchmark.extraction.one_video import extract_video
from benchmark.extraction.recipes import find_recipe
from benchmark.extraction.settings import ExtractionRequest
from benchmark.system.process import keep_freed_memory
from tests.performance.limits import counted, products
from tests.unit.extraction.makers import moving, write_video

NAME, CROPS, FRAMES = "i3d-r50-rtfm", 10, 16


@pytest.mark.parametrize("side", ["ours", "limit"])
def test_extractor_beside_the_operations_of_its_network(benchmark: BenchmarkFixture, tmp_path: Path, side: str) -> None:
    """The weights are drawn: time does not depend on them."""
    benchmark.group, benchmark.param = f"a snippet of {FRAMES} frames by {NAME}, {CROPS} crops, one thread", None
    torch.set_num_threads(1)
    keep_freed_memory()  # as a worker does
    recipe = find_recipe(NAME)
    if side == "limit":
        with torch.device("meta"):
            network = NETWORKS[recipe.network]().eval()
            clip = torch.empty(1, 3, FRAMES, recipe.height, recipe.width)
        work = counted(lambda: network(clip))
        benchmark.pedantic(products(CROPS * work.flops), rounds=3, warmup_rounds=1)
        return
    benchmark.extra_info.update(kind="limit", aim="≥ 45 % of the matrix products of as many operations")
    load_opencv().setNumThreads(1)
    torch.manual_seed(0)
    torch.save(NETWORKS[recipe.network]().state_dict(), tmp_path / "w.pth")
    instruments = Instruments.of(ExtractionRequest(features=tmp_path / "w.pth", recipe=recipe))
    video = write_video(tmp_path / "v.mp4", moving(FRAMES, size=(240, 320)))
    (tmp_path / "features").mkdir()
    outcome = benchmark.pedantic(lambda: extract_video("v", video, instruments, tmp_path), rounds=3, warmup_rounds=0)
    assert (outcome.reason, outcome.snippets) == ("", 1)
    assert np.load(tmp_path / "features" / "v.npy").shape == (1, CROPS, 2048)
