"""An import that was interrupted or killed is gone on with, and nothing is written twice."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.manifest import Manifest
from benchmark.importing import packing
from benchmark.importing.importer import import_dataset
from benchmark.importing.packing import JOURNAL
from benchmark.importing.placing import folder_in_place, unfinished
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import (
    DIM,
    Spec,
    specs,
    write_annotations,
    write_features,
    write_frames,
    write_pack,
)


def _request(pack: Path, **options: object) -> ImportRequest:
    return ImportRequest(**{"name": "small", "features": pack / "features", "annotations": pack, **options})  # type: ignore[arg-type]


def _interrupt_after(videos: int) -> packing.Progress:
    calls = iter(range(videos + 1))

    def progress(done: int, total: int) -> None:
        if next(calls) == videos:
            raise KeyboardInterrupt

    return progress


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The videos whose features are read."""
    names: list[str] = []
    original = packing.feature_blocks

    def noted(video: packing.PlannedVideo) -> Iterator[np.ndarray]:
        names.append(video.name)
        return original(video)

    monkeypatch.setattr(packing, "feature_blocks", noted)
    return names


@pytest.mark.parametrize("videos", [0, 1, 3])
def test_an_interrupted_import_is_gone_on_with(tmp_path: Path, read: list[str], videos: int) -> None:
    pack, root = tmp_path / "pack", tmp_path / "data"
    write_pack(pack)
    import_dataset(_request(pack), tmp_path / "whole")
    read.clear()
    with pytest.raises(KeyboardInterrupt):
        import_dataset(_request(pack), root, _interrupt_after(videos), workers=1)
    assert not (root / "small").exists()
    read.clear()
    import_dataset(_request(pack), root, workers=1)
    assert len(read) == 4 - videos
    assert _content(root / "small") == _content(tmp_path / "whole" / "small")
    assert [path.name for path in root.iterdir()] == ["small"]


@pytest.mark.parametrize("change", ["file", "segments", "torn"])
def test_what_was_written_counts_only_if_nothing_has_changed(tmp_path: Path, read: list[str], change: str) -> None:
    pack, root = tmp_path / "pack", tmp_path / "data"
    write_pack(pack)
    with pytest.raises(KeyboardInterrupt):
        import_dataset(_request(pack), root, _interrupt_after(3), workers=1)
    read.clear()
    options, expected = {}, 4
    if change == "file":
        os.utime(next((pack / "features").rglob("*.npy")), ns=(0, 0))
    elif change == "segments":
        options = {"train_segments": 2}
    else:
        journal = unfinished(root / "small", "importing") / JOURNAL
        journal.write_text(journal.read_text()[:-9])
        expected = 2
    import_dataset(_request(pack, **options), root)
    import_dataset(_request(pack, **options), tmp_path / "whole")
    assert len(read) == expected + 4
    assert _content(root / "small") == _content(tmp_path / "whole" / "small")


def test_a_killed_import_is_gone_on_with(tmp_path: Path) -> None:
    pack, root = tmp_path / "pack", tmp_path / "data"
    videos = [Spec(f"v{i:03d}", "train" if i % 2 else "test", 0, 40, 640) for i in range(60)]
    write_features(pack / "features", videos, "plain")
    write_annotations(pack, videos, "json")
    write_frames(pack, videos)
    script = (
        "import time, sys; from pathlib import Path; from benchmark.importing import packing\n"
        "from benchmark.importing.importer import *\n"
        "packing._SYNC_BYTES = 0\n"
        "import_dataset(ImportRequest('small', Path(sys.argv[1]) / 'features', Path(sys.argv[1])), Path(sys.argv[2]),\n"
        "    lambda done, total: time.sleep(0.02), workers=2)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(pack), str(root)])
    journal = unfinished(root / "small", "importing") / JOURNAL
    for _ in range(3000):
        if journal.exists() and len(journal.read_text().splitlines()) > 10:
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (root / "small").exists()
    written = len(journal.read_text().splitlines()) - 1
    assert written >= 10
    told: list[int] = []
    import_dataset(_request(pack), root, lambda done, total: told.append(done))
    assert told[0] >= 10 * 40 * DIM * 2
    import_dataset(_request(pack), tmp_path / "whole")
    assert _content(root / "small") == _content(tmp_path / "whole" / "small")


def test_the_bytes_do_not_depend_on_the_number_of_readers(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", layout="crop-files")
    for workers in (1, 4):
        import_dataset(_request(tmp_path / "pack"), tmp_path / str(workers), workers=workers)
    assert _content(tmp_path / "1" / "small") == _content(tmp_path / "4" / "small")


def test_two_processes_do_not_import_the_same_dataset(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    with folder_in_place(tmp_path / "data" / "small", "importing", keep=True) as folder:
        (folder / "x").write_text("of the first")
        with pytest.raises(InputError, match="small: another process is importing it"):
            import_dataset(_request(tmp_path / "pack"), tmp_path / "data")
        assert (folder / "x").exists()


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path / "pack")

    class Full:
        free = 100

    monkeypatch.setattr("benchmark.importing.importer.shutil.disk_usage", lambda folder: Full)
    with pytest.raises(InputError, match=r"MB are needed .* choose another folder with --data, or .*--train-segments"):
        import_dataset(_request(tmp_path / "pack"), tmp_path / "data")
    assert not (tmp_path / "data").exists()
    written = unfinished(tmp_path / "data" / "small", "importing") / "features.npy"
    written.parent.mkdir(parents=True)
    written.write_bytes(b"of an import that was interrupted")
    Full.free = -(10**6)  # what is written counts as room, a block of the disk at least
    with pytest.raises(InputError, match="MB are needed"):
        import_dataset(_request(tmp_path / "pack"), tmp_path / "data")
    assert written.exists()


def test_training_videos_are_stored_as_segments_on_request(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    made = write_features(pack / "features", specs("ucf"), "ten-crop")
    write_annotations(pack, specs("ucf"), "ucf")
    write_frames(pack, specs("ucf"))
    (pack / "motion").mkdir()
    motion = {spec.name: np.linspace(0, 1, spec.rows, dtype=np.float32) for spec in specs("ucf")}
    for name, values in motion.items():
        np.save(pack / "motion" / f"{name}.npy", values)
    manifest: Manifest = import_dataset(_request(pack, train_segments=2), tmp_path / "data")
    assert [(v.rows, v.unit) for v in manifest.split("train")] == [(2, "segments"), (2, "segments")]
    assert [(v.rows, v.unit) for v in manifest.split("test")] == [(4, "snippets"), (1, "snippets")]
    stored = np.load(tmp_path / "data" / "small" / "features.npy")
    stored_motion = np.load(tmp_path / "data" / "small" / "motion.npy")
    for video in manifest.split("train"):
        rows = made[video.name].astype(np.float64)
        cut = len(rows) // 2  # edges trunc(i * rows / 2)
        for i, part in enumerate((slice(0, cut), slice(cut, None))):
            np.testing.assert_allclose(stored[video.first_row + i], rows[part].mean(axis=0), rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(stored_motion[video.first_row + i], motion[video.name][part].mean(), rtol=1e-6)
    assert "Training videos are stored as 2 segments each; test videos as snippets." in manifest.notes
    assert json.loads((tmp_path / "data" / "small" / "manifest.json").read_text())["version"] == 2


def test_a_replacement_cut_off_between_two_renames_is_recovered(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    import_dataset(_request(tmp_path / "pack"), tmp_path / "data")
    whole = _content(tmp_path / "data" / "small")
    (tmp_path / "data" / "small").rename(tmp_path / "data" / ".small.replaced")
    with pytest.raises(InputError, match="small: this dataset exists already"):
        import_dataset(_request(tmp_path / "pack"), tmp_path / "data")
    assert _content(tmp_path / "data" / "small") == whole
