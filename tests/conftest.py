"""Fixtures shared by all tests."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from benchmark.datasets.scenes import write_scenes
from benchmark.datasets.scenes.domains import DOMAINS

settings.register_profile("untimed", deadline=None)  # how long an example takes says nothing of the code
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real feature packs; the test is skipped where there is none."""
    root = Path(os.environ.get("WVAD_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (root / "surveillance-fights").is_dir():
        pytest.skip(f"no real feature packs in {root}; set WVAD_REAL_DATA to their folder")
    return root


@pytest.fixture(scope="session")
def tiny_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with small variants of the four simulated datasets, so that whole tables run in seconds."""
    root = tmp_path_factory.mktemp("data")
    write_tiny_scenes(root)
    return root


def write_tiny_scenes(root: Path) -> None:
    for name, domain in DOMAINS.items():
        (root / name).mkdir()
        write_scenes(replace(domain, train=(6, 6), test=(3, 8), snippets=(12, 24)), root / name)
