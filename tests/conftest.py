"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real feature packs; the test is skipped where there is none."""
    root = Path(os.environ.get("WVAD_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (root / "surveillance-fights").is_dir():
        pytest.skip(f"no real feature packs in {root}; set WVAD_REAL_DATA to their folder")
    return root
