"""The real packs, imported: their counts are those of the packs' own descriptions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.check import DatasetReport, check_dataset
from benchmark.datasets.dataset import Dataset
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest

pytestmark = pytest.mark.real_data


@dataclass(frozen=True)
class Counts:
    """Of the training and the test split: videos, normal, abnormal, rows, frames; then of the test split alone."""

    train: tuple[int, int, int, int, int | None]
    test: tuple[int, int, int, int, int]
    positive_frames: int
    layout: str
    dim: int
    crops: int
    motion: bool
    object_classes: int
    missing: int = 0


PACKS = {
    "surveillance-fights": Counts(
        (120, 60, 60, 2977, 47632), (60, 30, 30, 1472, 23552), 2800, "ten-crop", 512, 2, True, 80
    ),
    "hockey-fights": Counts(
        (160, 80, 80, 2863, 45808), (80, 40, 40, 1302, 20832), 3008, "crop-files", 512, 2, True, 80
    ),
    "shanghaitech-tracks": Counts(
        (238, 175, 63, 10972, 173437), (199, 155, 44, 8980, 141869), 7962, "plain", 128, 1, True, 0
    ),
    "ucf-captions": Counts(
        (1568, 764, 804, 1568 * 32, None), (286, 146, 140, 69369, 1107597), 84338, "plain", 384, 1, False, 0, 46
    ),
}


@pytest.fixture(scope="module", params=PACKS)
def imported(
    request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> DatasetReport:
    name = str(request.param)
    pack = real_data / name
    missing = pack / "missing.txt"
    root = tmp_path_factory.mktemp("data")
    import_dataset(ImportRequest(name, pack / "features", pack, missing=missing if missing.exists() else None), root)
    return check_dataset(Dataset(root / name))


def test_counts_equal_those_of_the_pack(imported: DatasetReport) -> None:
    manifest, counts = imported.manifest, PACKS[imported.manifest.name]
    for split, expected in zip(imported.splits, (counts.train, counts.test), strict=True):
        assert (split.videos, split.normal, split.abnormal, split.rows) == expected[:4]
        if expected[4] is not None:
            assert split.frames == expected[4]
    assert imported.splits[1].positive_frames == counts.positive_frames
    assert imported.splits[1].unscored_frames == 0
    assert (manifest.dim, manifest.crops) == (counts.dim, counts.crops)
    assert (manifest.motion, manifest.object_classes) == (counts.motion, counts.object_classes)
    assert len(manifest.missing) == counts.missing
    assert f"Layout {counts.layout} " in manifest.notes[0]
    assert imported.sound


def test_only_the_captions_are_segmented_and_five_intervals_clipped(imported: DatasetReport) -> None:
    captions = imported.manifest.name == "ucf-captions"
    assert imported.splits[0].unit == ("segments" if captions else "snippets")
    assert imported.splits[1].unit == "snippets"
    assert any("Intervals of 5 videos" in note for note in imported.manifest.notes) == captions


def test_the_official_xd_violence_annotations_give_every_positive_frame(real_data: Path, tmp_path: Path) -> None:
    # Some of its names carry `.mp4`, and 71 videos end before their last interval does.
    official = real_data / "annotations" / "xd-violence"
    (tmp_path / "annotations.txt").write_text((official / "vadclip" / "annotations.txt").read_text())
    (tmp_path / "rgbtest.list").write_text((official / "pel4vad" / "test.list").read_text())
    (tmp_path / "features").mkdir()
    for path in (official / "pel4vad" / "xd-gt").glob("*.npy"):
        rows = len(read_npy(path)) // 16
        np.save(tmp_path / "features" / path.name, np.ones((rows, 1), np.float16))
    import_dataset(ImportRequest("xd-violence", tmp_path / "features", tmp_path), tmp_path / "data")
    report = check_dataset(Dataset(tmp_path / "data" / "xd-violence"))
    test = report.splits[1]
    assert (test.videos, test.abnormal, test.frames, test.positive_frames) == (800, 500, 2_330_384, 537_805)
    assert any("Intervals of 71 videos" in note for note in report.manifest.notes)
    assert test.classes["riot"] > 0
