"""A made-up dataset; a real one would fetch or convert features here and import them in the same way."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmark.datasets.dataset import Dataset
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest

DIM, SNIPPETS, FRAMES = 16, 12, 192
VIDEOS = {("train", 0): 8, ("train", 1): 8, ("test", 0): 5, ("test", 1): 5}


def open_corridors(name: str, root: Path, progress: Callable[[int, int], None]) -> Dataset:
    """Open the dataset below the data root; make it first if it is not there."""
    if not (root / name).exists():
        with tempfile.TemporaryDirectory() as scratch:
            _write_pack(Path(scratch))
            request = ImportRequest(name, Path(scratch) / "features", Path(scratch) / "annotations.json")
            import_dataset(request, root, progress)
    return Dataset(root / name)


def _write_pack(folder: Path) -> None:
    """Write features and annotations as somebody might publish them: one array per video, one JSON for all."""
    rng = np.random.default_rng(0)
    (folder / "features").mkdir()
    videos = []
    for (split, label), count in VIDEOS.items():
        for number in range(count):
            name = f"{split}-{'abnormal' if label else 'normal'}-{number}"
            features = rng.normal(size=(SNIPPETS, DIM)).astype(np.float16)
            start = int(rng.integers(0, SNIPPETS - 4))
            if label:
                features[start : start + 3, 0] += 6
            np.save(folder / "features" / f"{name}.npy", features)
            abnormal = {"class": "obstacle", "intervals": [[16 * start, 16 * (start + 3)]]} if label else {}
            videos.append({"name": name, "split": split, "label": label, "frames": FRAMES, **abnormal})
    (folder / "annotations.json").write_text(json.dumps({"videos": videos}))
