"""Every kind of bad input is one line that names the file or video, and leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import DIM, NAMES, changed, specs, write_pack

NORMAL_TRAIN, ABNORMAL_TRAIN, NORMAL_TEST, ABNORMAL_TEST = NAMES["ucf"]


def _refused(pack: Path, **options: object) -> str:
    root = pack.parent / "data"
    root.mkdir(exist_ok=True)
    request = ImportRequest(**{"name": "small", "features": pack / "features", "annotations": pack, **options})  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        import_dataset(request, root)
    assert "\n" not in str(caught.value)
    assert list(root.iterdir()) == []
    return str(caught.value)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    write_pack(tmp_path / "pack")
    return tmp_path / "pack"


def _feature_file(pack: Path) -> Path:
    return pack / "features" / "test" / f"{ABNORMAL_TEST}.npy"


def _objects(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def _with(value: float) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        array = np.zeros((4, DIM), np.float32)
        array[2, 3] = value
        np.save(path, array)

    return write


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: np.save(path, np.zeros((4, DIM + 1))), "dimension 7, most videos have 6"),
        (_with(np.nan), "NaN or infinite"),
        (_with(-np.inf), "NaN or infinite"),
        (_with(1e5), "beyond 65504"),
        (lambda path: np.save(path, np.zeros((0, DIM))), "zero snippets"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), ".npy"),
        (_objects, "pickled Python objects"),
        (lambda path: np.save(path, np.zeros((7, DIM))), "7 snippets"),
    ],
    ids=["dimension", "nan", "infinite", "overflow", "empty", "truncated", "objects", "frames"],
)
def test_a_spoilt_feature_file_is_named(pack: Path, spoil: Callable[[Path], None], reason: str) -> None:
    spoil(_feature_file(pack))
    message = _refused(pack)
    assert ABNORMAL_TEST in message
    assert reason in message


def test_an_annotated_video_needs_features_or_a_line_in_the_missing_file(pack: Path) -> None:
    _feature_file(pack).unlink()
    message = _refused(pack)
    assert message.startswith(f"{ABNORMAL_TEST}: annotated, but no features")
    assert "--missing" in message


def test_features_need_an_annotation(pack: Path) -> None:
    np.save(pack / "features" / "test" / "stray.npy", np.zeros((4, DIM)))
    assert "stray.npy: features without annotation" in _refused(pack)


@pytest.mark.parametrize(("name", "reason"), [("nobody", "not annotated"), (ABNORMAL_TEST, "has features")])
def test_the_missing_file_must_be_right(pack: Path, name: str, reason: str) -> None:
    (pack / "missing.txt").write_text(name)
    message = _refused(pack, missing=pack / "missing.txt")
    assert message.startswith(name)
    assert reason in message
    assert "absent.txt" in _refused(pack, missing=pack / "absent.txt")


@pytest.mark.parametrize(
    ("intervals", "reason"),
    [
        (((60, 70),), "starts at frame 60, but the video has 60 frames"),
        (((40, 77),), "ends at frame 77"),
        (((20, 3),), "starts at or after its end"),
    ],
)
def test_an_interval_that_does_not_fit_names_the_video(
    tmp_path: Path, intervals: tuple[tuple[int, int], ...], reason: str
) -> None:
    write_pack(tmp_path / "pack", videos=changed(specs("ucf"), 3, intervals=intervals))
    message = _refused(tmp_path / "pack")
    assert message.startswith(ABNORMAL_TEST)
    assert reason in message


def test_a_video_there_twice_is_named(pack: Path) -> None:
    (pack / "features" / "test" / "Arson").mkdir()
    np.save(pack / "features" / "test" / "Arson" / f"{ABNORMAL_TEST}.npy", np.zeros((4, DIM)))
    assert _refused(pack).startswith(f"{ABNORMAL_TEST}: this video is there twice")


def test_a_video_in_both_splits_is_named(pack: Path) -> None:
    with (pack / "Anomaly_Train.txt").open("a") as file:
        file.write(f"Fighting/{ABNORMAL_TEST}.mp4\n")
    assert _refused(pack).startswith(f"{ABNORMAL_TEST}: this video is in both splits")


def test_contradictory_frame_counts_name_the_video(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", "shanghaitech")
    text = (tmp_path / "pack" / "frames.csv").read_text()
    (tmp_path / "pack" / "frames.csv").write_text(text.replace("02_0128,60", "02_0128,61"))
    assert _refused(tmp_path / "pack").startswith("02_0128: 60 frames as annotated, 61 in frames.csv")


@pytest.mark.parametrize(
    ("what", "shape", "reason"),
    [
        ("motion", (3,), "shape (3,), but (4,) is expected"),
        ("motion", (4, 2), "shape (4, 2), but (4,) is expected"),
        ("objects", (3, 5), "shape (3, 5), but (4, classes) is expected"),
        ("objects", (4,), "shape (4,), but (4, classes) is expected"),
        ("objects", (4, 6), "6 object classes, other videos have 5"),
        ("motion", None, f"{ABNORMAL_TEST}: no motion in"),
    ],
)
def test_pseudo_labels_that_do_not_fit_are_named(
    pack: Path, what: str, shape: tuple[int, ...] | None, reason: str
) -> None:
    (pack / what).mkdir()
    for video in specs("ucf"):
        np.save(pack / what / f"{video.name}.npy", np.zeros((video.rows, 5 if what == "objects" else 1)))
    path = pack / what / f"{ABNORMAL_TEST}.npy"
    path.unlink()
    if shape is not None:
        np.save(path, np.zeros(shape))
    message = _refused(pack)
    assert ABNORMAL_TEST in message
    assert reason in message


@pytest.mark.parametrize(("value", "reason"), [(-0.5, "negative"), (np.nan, "NaN")])
def test_motion_is_finite_and_not_negative(pack: Path, value: float, reason: str) -> None:
    (pack / "motion").mkdir()
    for video in specs("ucf"):
        np.save(pack / "motion" / f"{video.name}.npy", np.full(video.rows, value if video.label else 0.5))
    message = _refused(pack)
    assert f"{ABNORMAL_TRAIN}.npy" in message
    assert reason in message


def test_folders_that_do_not_exist_are_named(pack: Path) -> None:
    for option in ("features", "motion", "objects"):
        assert "absent: no such folder" in _refused(pack, **{option: pack / "absent"})
    assert "absent: cannot be read" in _refused(pack, annotations=pack / "absent")


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "a,b", "a+b", "-x", "a b", "scenes-mine"])
def test_a_name_that_will_not_do_is_refused(pack: Path, name: str) -> None:
    assert name in _refused(pack, name=name)


def test_a_data_root_that_cannot_be_written_is_named(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/small: cannot be written"):
        import_dataset(ImportRequest("small", pack / "features", pack), tmp_path / "file")


def test_a_full_disk_is_one_line_and_leaves_nothing(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchmark.importing.importer.write_manifest", full)
    assert "No space left on device" in _refused(pack)
