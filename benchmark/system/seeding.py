"""Seeds derived by purpose, so that what two runs share does not depend on what they do not."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def derive_seed(seed: int, *purpose: str) -> int:
    """Derive a 63-bit seed for one purpose from a run's seed.

    Parameters
    ----------
    seed
        The run's seed.
    purpose
        What the derived seed is for; different purposes give independent seeds.
    """
    digest = hashlib.sha256("/".join([str(seed), *purpose]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed PyTorch (all devices), NumPy's and Python's global generators, whichever a method may draw from."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
