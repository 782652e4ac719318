"""The ground truth of the four benchmarks, built from the real annotation files at the videos' true shapes."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.check import check_dataset
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest
from benchmark.datasets.official import official_notes
from benchmark.importing.annotations import Annotations, find_frame_counts, read_annotations
from benchmark.importing.ground_truth import Comparison, compare_ground_truth
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.terms import Benchmark

pytestmark = pytest.mark.real_data

SNIPPET = 16


@pytest.fixture(scope="module")
def official(real_data: Path) -> Path:
    return real_data / "annotations"


def _read(path: Path, benchmark: Benchmark, lists: Sequence[Path] = ()) -> Annotations:
    found = read_annotations(path, (), lists, benchmark)
    assert "all annotated" in official_notes(benchmark, found.videos.values())[0]
    return found


def _import(
    tmp_path: Path, name: Benchmark, frames: Mapping[str, int], files: Mapping[str, Path], ceil: bool
) -> Dataset:
    """Import simulated features, one value per snippet, with copies of the annotation files."""
    pack = tmp_path / "pack"
    (pack / "features").mkdir(parents=True)
    for video, count in frames.items():
        rows = -(-count // SNIPPET) if ceil else count // SNIPPET
        np.save(pack / "features" / f"{video}.npy", np.ones((max(rows, 1), 4), np.float16))
    for inside, path in files.items():
        target = pack / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    import_dataset(ImportRequest(name, pack / "features", pack), tmp_path / "data")
    return Dataset(tmp_path / "data" / name)


def _counts(dataset: Dataset) -> tuple[int, int, int]:
    test = check_dataset(dataset).splits[1]
    return test.videos, test.frames or 0, test.positive_frames


def _reasons(comparison: Comparison) -> dict[str, tuple[int, int]]:
    """Return kind of reason -> (videos, frames)."""
    found: dict[str, tuple[int, int]] = {}
    for video in comparison.videos:
        if video.reason:
            videos, frames = found.get(video.reason.kind, (0, 0))
            found[video.reason.kind] = (videos + 1, frames + video.different)
    return found


@pytest.fixture(scope="module")
def ucf_crime(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = official / "ucf-crime"
    counts, _ = find_frame_counts([folder / "video_anomaly_diffusion"])
    files = {name: folder / "sultani" / name for name in ("Anomaly_Train.txt", "Temporal_Anomaly_Annotation.txt")}
    files["header.csv"] = folder / "video_anomaly_diffusion" / "header.csv"
    return _import(tmp_path_factory.mktemp("ucf"), "ucf-crime", counts, files, ceil=False)


@pytest.fixture(scope="module")
def shanghaitech(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = official / "shanghaitech"
    counts, _ = find_frame_counts([folder / "video_anomaly_diffusion"])
    files = {name: folder / "rtfm" / name for name in ("SH_Train.txt", "SH_Test.txt", "test_frame_mask")}
    files["header.csv"] = folder / "video_anomaly_diffusion" / "header.csv"
    return _import(tmp_path_factory.mktemp("sh"), "shanghaitech", counts, files, ceil=True)


@pytest.fixture(scope="module")
def xd_violence(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = official / "xd-violence"
    frames = {path.stem.removesuffix("__0"): len(read_npy(path)) for path in (folder / "pel4vad/xd-gt").glob("*.npy")}
    files = {"annotations.txt": folder / "vadclip" / "annotations.txt", "test.list": folder / "pel4vad" / "test.list"}
    return _import(tmp_path_factory.mktemp("xd"), "xd-violence", frames, files, ceil=False)


def test_ucf_crime_has_its_official_frames(ucf_crime: Dataset) -> None:
    assert _counts(ucf_crime) == (290, 1_111_808, 84_338)
    text = "\n".join(check_dataset(ucf_crime).lines())
    assert "here, of 290: 1,111,808, 84,338 of them positive" in text
    assert "16 x snippets of these videos are 1,109,824, a known total" in text
    assert "down (floor)" in text


def test_pel4vads_ucf_crime_reads_1_based_starts_as_0_based(ucf_crime: Dataset, official: Path) -> None:
    found = compare_ground_truth(ucf_crime.manifest, official / "ucf-crime" / "pel4vad" / "single_gt")
    assert found.equal == 150
    assert _reasons(found) == {"events start one frame later (a 1-based start read as 0-based)": (140, 156)}
    assert sum(video.frames for video in found.videos) == 1_109_680
    assert sum(video.positive for video in found.videos) == 84_128
    lengths = next(line for line in found.lines() if "lengths there" in line)
    assert "by a snippet where it is one (9)" in lengths  # of the videos that are whole snippets


def test_xd_violence_equals_the_published_labels(xd_violence: Dataset, official: Path) -> None:
    assert _counts(xd_violence) == (800, 2_330_384, 537_805)
    found = compare_ground_truth(xd_violence.manifest, official / "xd-violence" / "pel4vad" / "xd-gt")
    assert (found.equal, _reasons(found)) == (800, {})
    mask = official / "xd-violence" / "bn-wvad" / "xd_anomaly_mask.npy"
    found = compare_ground_truth(xd_violence.manifest, mask, official / "xd-violence" / "pel4vad" / "test.list")
    assert set(_reasons(found)) == {"every frame is abnormal"}
    assert sum(video.positive for video in found.videos) == 1_078_016


def test_shanghaitech_has_its_official_frames(shanghaitech: Dataset) -> None:
    assert _counts(shanghaitech) == (199, 141_869, 7_962)
    assert any("up (ceil)" in line for line in check_dataset(shanghaitech).lines())


@pytest.mark.parametrize(
    ("file", "frames", "positive", "rule"),
    [
        ("rtfm/gt-sh.npy", 142_912, 8_028, "abnormal videos: 16 x the snippets here, every video"),
        ("tevad/gt-sh2.npy", 143_888, 8_028, "padded to a multiple of 16, by a snippet where it is one, every video"),
        ("magazzu/gt-sh.npy", 143_680, 8_028, "16 x the snippets here, every video"),
        ("pel4vad/sh-gt.npy", 140_112, 7_874, "cut to a multiple of 16 and a snippet short (24)"),
        ("s3r/shanghaitech_ground_truth.testing.json", 142_912, 8_028, "16 x the snippets here (157)"),
    ],
)
def test_every_array_of_shanghaitech_is_equal_under_its_rule(
    shanghaitech: Dataset, official: Path, file: str, frames: int, positive: int, rule: str
) -> None:
    found = compare_ground_truth(shanghaitech.manifest, official / "shanghaitech" / file)
    assert (found.equal, len(found.videos)) == (199, 199)
    assert sum(video.frames for video in found.videos) == frames
    assert sum(video.positive for video in found.videos) == positive
    assert any(rule in line for line in found.lines())


def test_gt_sh_is_rebuilt_element_by_element(shanghaitech: Dataset, official: Path) -> None:
    """RTFM's rule: masks padded to a multiple of 16 with their last label, zeros for normal videos, in list order."""
    folder = official / "shanghaitech" / "rtfm"
    array = read_npy(folder / "gt-sh.npy")
    found = compare_ground_truth(shanghaitech.manifest, folder / "gt-sh.npy")
    rebuilt = []
    for video in found.videos:
        part = np.zeros(video.frames)
        for start, end in video.truth.intervals or ():
            part[start : video.frames if end == video.truth.frames else end] = 1
        if video.truth.intervals:
            assert video.frames == -(-video.truth.frames // SNIPPET) * SNIPPET
        rebuilt.append(part)
    assert np.array_equal(np.concatenate(rebuilt), array)


def test_the_original_masks_of_shanghaitech_cover_abnormal_videos_of_both_splits(
    shanghaitech: Dataset, official: Path
) -> None:
    found = compare_ground_truth(shanghaitech.manifest, official / "shanghaitech/mnad/frame_labels_shanghai.npy")
    assert (found.equal, len(found.videos), len(found.skipped), len(found.absent)) == (44, 44, 63, 155)


@pytest.mark.parametrize("form", ["official/testing_label_mask", "hf2vad/frame_labels"])
def test_avenue_has_its_official_frames(official: Path, form: str) -> None:
    found = _read(official / "avenue" / form.split("/")[0], "avenue")
    testing = [video for video in found.videos.values() if video.label]
    assert len(testing) == 21
    assert sum(video.frames or 0 for video in testing) == 15_324
    assert sum(end - start for video in testing for start, end in video.intervals) == 3_712
    for number in range(1, 22):
        mask = read_npy(official / "avenue" / "hf2vad" / "frame_labels" / f"{number:02d}.npy")
        labels = np.zeros(len(mask))
        for start, end in found.videos[f"testing_{number:02d}"].intervals:
            labels[start:end] = 1
        assert np.array_equal(labels, mask)


def test_avenue_is_imported_from_the_folders_of_its_two_halves(official: Path, tmp_path: Path) -> None:
    masks = official / "avenue" / "hf2vad" / "frame_labels"
    for half, lengths in {
        "testing": [len(read_npy(path)) for path in sorted(masks.glob("*.npy"))],
        "training": [800] * 16,
    }.items():
        (tmp_path / "features" / f"{half}_videos").mkdir(parents=True)
        for number, frames in enumerate(lengths, start=1):
            features = np.ones((frames // SNIPPET, 4), np.float16)
            np.save(tmp_path / "features" / f"{half}_videos" / f"{number:02d}.npy", features)
    request = ImportRequest("avenue", tmp_path / "features", masks, split_seed=3)
    import_dataset(request, tmp_path / "data")
    report = check_dataset(Dataset(tmp_path / "data" / "avenue"))
    assert [(split.normal, split.abnormal) for split in report.splits] == [(13, 17), (3, 4)]
    text = "\n".join(report.lines())
    assert "37 videos (16 normal + 21 abnormal), without an official weakly-supervised split: all annotated" in text
    assert "seed 3" in text
    assert "3,712 of them positive; here, of 21: 15,324." in text
    assert "16 x snippets of these videos are 15,152, a known total" in text
    assert compare_ground_truth(report.manifest, masks).equal == 4


@pytest.fixture(scope="module")
def all_of_avenue(official: Path) -> Manifest:
    """Avenue's manifest with all testing videos in the test split, so that all are compared."""
    found = _read(official / "avenue" / "hf2vad", "avenue")
    abnormal = [video for video in found.videos.values() if video.label]
    rows = [(video.frames or 0) // SNIPPET for video in abnormal]
    videos = [
        {"name": video.name, "split": "test", "label": 1, "first_row": first_row, "rows": count}
        | {"frames": video.frames, "intervals": video.intervals, "sha256": ""}
        for video, count, first_row in zip(abnormal, rows, accumulate(rows, initial=0), strict=False)
    ]
    fields = {"name": "avenue", "benchmark": "avenue", "metric": "auc_frame", "feature_set": "f", "dim": 4, "crops": 1}
    return Manifest.model_validate(fields | {"videos": videos})


@pytest.mark.parametrize(
    ("file", "frames", "positive", "equal", "different"),
    [
        ("hf2vad/frame_labels", 15_324, 3_712, 21, 0),
        ("mnad/frame_labels_avenue.npy", 15_324, 3_867, 6, 441),
        ("msad/gt-cuhk.npy", 15_152, 3_854, 7, None),
    ],
)
def test_arrays_of_avenue_are_compared(
    all_of_avenue: Manifest, official: Path, file: str, frames: int, positive: int, equal: int, different: int | None
) -> None:
    found = compare_ground_truth(all_of_avenue, official / "avenue" / file)
    assert sum(video.frames for video in found.videos) == frames
    assert sum(video.positive for video in found.videos) == positive
    assert found.equal == equal
    if different is not None:
        assert sum(video.different for video in found.videos) == different
    if different != 0:
        assert "short gaps between events are filled" in _reasons(found)


@pytest.mark.parametrize(
    ("name", "folder", "lists"),
    [
        ("ucf-crime", "sultani", []),
        ("ucf-crime", "ur-dmu", ["rtfm/ucf-i3d.list", "rtfm/ucf-i3d-test.list"]),
        ("ucf-crime", "vadclip", ["vadclip/ucf_CLIP_rgb.csv"]),
        ("ucf-crime", "vadclip", ["pel4vad/train.list", "pel4vad/test.list"]),
        ("xd-violence", "vadclip", ["pel4vad/train.list", "pel4vad/test.list"]),
        ("xd-violence", ".", ["xdviodet/rgb.list", "xdviodet/rgb_test.list"]),
        ("xd-violence", "vadclip", ["xdviodet/audio.list", "xdviodet/audio_test.list"]),
        ("shanghaitech", ".", []),
    ],
)
def test_the_files_of_every_repository_give_the_official_counts(
    official: Path, name: Benchmark, folder: str, lists: list[str]
) -> None:
    found = _read(official / name / folder, name, [official / name / file for file in lists])
    assert not any("WARNING" in note for note in official_notes(name, found.videos.values()))
