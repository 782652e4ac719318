from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.check import check_dataset, shortcomings
from benchmark.datasets.dataset import Dataset
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from tests.unit.importing.small_packs import NAMES, changed, specs, write_pack


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    pack = tmp_path / "pack"
    write_pack(pack, "ucf", "ten-crop", changed(specs("ucf"), 2, frames=35))
    (pack / "motion").mkdir()
    for video in specs("ucf"):
        np.save(pack / "motion" / f"{video.name}.npy", np.linspace(0, 1, video.rows))
    import_dataset(ImportRequest("small", pack / "features", pack), tmp_path / "data")
    return Dataset(tmp_path / "data" / "small")


def test_the_report_counts_what_is_there(dataset: Dataset) -> None:
    report = check_dataset(dataset)
    train, test = report.splits
    assert (train.videos, train.normal, train.abnormal, train.rows, train.frames) == (2, 1, 1, 8, 127)
    assert train.rows_per_video == (3, 4.0, 5)
    assert train.unit == "snippets"
    assert (test.videos, test.rows, test.frames, test.positive_frames) == (2, 5, 95, 37)
    assert test.unscored_frames == 35 - 16
    assert test.classes == {"Fighting": 1}
    values = np.concatenate([dataset.features(video) for video in dataset.manifest.videos]).astype(np.float64)
    norms = np.sqrt((values**2).sum(axis=2))
    assert report.norms.least == pytest.approx(norms.min(), rel=1e-3)
    assert report.norms.median == pytest.approx(np.median(norms), rel=1e-3)
    assert report.norms.greatest == pytest.approx(norms.max(), rel=1e-3)
    assert report.motion is not None
    assert (report.motion.least, report.motion.greatest) == (0, 1)
    assert report.objects is None
    assert report.sound
    text = "\n".join(report.lines())
    assert "2 videos (1 normal + 1 abnormal)" in text
    assert "one snippet short" in text
    assert "19 frames after a video's last snippet are not scored" in text


def test_a_damaged_store_names_its_videos(dataset: Dataset) -> None:
    features = np.load(dataset.path / "features.npy", mmap_mode="r+")
    features[-1, 0, 0] = np.nan
    features.flush()
    report = check_dataset(Dataset(dataset.path))
    assert report.damaged == (NAMES["ucf"][2],)
    assert report.norms.not_finite == 1
    assert not report.sound
    assert any("DAMAGED" in line and NAMES["ucf"][2] in line for line in report.lines())


def test_progress_is_told(dataset: Dataset) -> None:
    told: list[tuple[int, int]] = []
    check_dataset(dataset, lambda done, total: told.append((done, total)))
    assert told[-1] == (4, 4)


def test_what_cannot_be_done_with_a_dataset_is_said(dataset: Dataset) -> None:
    manifest = dataset.manifest
    assert shortcomings(manifest) == []

    def without(split: str, label: int) -> list[str]:
        kept = tuple(v for v in manifest.videos if (v.split, v.label) != (split, label))
        return shortcomings(manifest.model_copy(update={"videos": kept}))

    assert without("train", 0) == ["small has no normal training video: nothing can be trained on it until it has one"]
    (line,) = without("test", 0)
    assert line.startswith("some metrics are undefined on the test videos of small: false_alarm_rate_0.5 needs normal")
    (line,) = without("test", 1)
    assert "auc_frame needs both abnormal and normal frames; ap_frame, pr_auc_trapezoid need abnormal frames" in line
    nothing = manifest.model_copy(update={"videos": manifest.split("train")})
    assert shortcomings(nothing) == ["small has no test video: nothing can be trained on it until it has one"]
