import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from benchmark.importing.annotations import matlab_masks, read_annotations
from benchmark.importing.annotations.matlab_masks import frames_with_pixels
from benchmark.system.errors import InputError


def _cells(positive: list[bool], dtype: str = "uint8") -> np.ndarray:
    cells = np.empty((1, len(positive)), object)
    for i, value in enumerate(positive):
        cells[0, i] = np.zeros((4, 6), dtype)
        cells[0, i][2, 3] = value
    return cells


def _matlab(positive: list[bool], compressed: bool = True, dtype: str = "uint8", name: str = "volLabel") -> bytes:
    file = io.BytesIO()
    variables = {"other": np.arange(3.0), name: _cells(positive, dtype)}
    scipy.io.savemat(file, variables, do_compression=compressed)
    return file.getvalue()


def _refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        frames_with_pixels(path, "volLabel")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _avenue(folder: Path, skip: int = 0) -> None:
    folder.mkdir(parents=True)
    for number in set(range(1, 22)) - {skip}:
        (folder / f"{number}_label.mat").write_bytes(_matlab([False, True, True, False, number == 5]))


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "bool", "int16", "float64", "float32"])
def test_masks_that_scipy_writes_are_read(tmp_path: Path, compressed: bool, dtype: str) -> None:
    positive = [False, True, True, False, True]
    (tmp_path / "1_label.mat").write_bytes(_matlab(positive, compressed, dtype))
    assert frames_with_pixels(tmp_path / "1_label.mat", "volLabel").tolist() == positive


def test_an_empty_cell_is_a_frame_without_pixels(tmp_path: Path) -> None:
    cells = _cells([True, True])
    cells[0, 1] = np.zeros((0, 0), np.uint8)
    scipy.io.savemat(tmp_path / "1_label.mat", {"volLabel": cells})
    assert frames_with_pixels(tmp_path / "1_label.mat", "volLabel").tolist() == [True, False]


def test_what_is_not_a_matlab_file_of_masks_is_refused(tmp_path: Path) -> None:
    path, sound = tmp_path / "1_label.mat", _matlab([True, False])
    assert "no header" in _refused(path, b"")
    assert "no header" in _refused(path, b"\x89HDF\r\n\x1a\n" + bytes(600))
    assert "save it with -v7" in _refused(path, sound[:124] + b"\x00\x02IM" + sound[128:])
    assert "ends too early" in _refused(path, sound[:-40])
    assert "no variable volLabel" in _refused(path, _matlab([True], name="masks"))
    file = io.BytesIO()
    scipy.io.savemat(file, {"volLabel": np.ones((3, 4))})
    assert "not a cell array" in _refused(path, file.getvalue())
    inner = np.empty((1, 1), object)
    inner[0, 0] = _cells([True])
    file = io.BytesIO()
    scipy.io.savemat(file, {"volLabel": inner})
    assert "holds no mask" in _refused(path, file.getvalue())


def test_a_file_that_inflates_beyond_reason_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1_label.mat"
    monkeypatch.setattr(matlab_masks, "_MOST_BYTES", 1 << 10)
    assert "inflates to more than" in _refused(path, _matlab([False] * 20))
    # A cell that says it is larger than any mask is not read at all.
    head = _matlab([True])[:128]
    flags = struct.pack("<IIIIIIiiIIII", 6, 8, 1, 0, 5, 8, 1, 1, 1, 8, *struct.unpack("<II", b"volLabel"))
    body = struct.pack("<II", 14, 1 << 30) + flags + struct.pack("<II", 14, 1 << 30)
    packed = zlib.compress(body)
    assert "an element of" in _refused(path, head + struct.pack("<II", 15, len(packed)) + packed)


@given(st.data())
def test_a_changed_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(_matlab([True, False, True], compressed=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed_label.mat"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    message = ""
    try:
        frames_with_pixels(path, "volLabel")
    except InputError as error:
        message = str(error)
    assert "\n" not in message


def test_avenue_has_its_37_videos_with_the_intervals_of_the_masks(tmp_path: Path) -> None:
    _avenue(tmp_path / "ground_truth" / "testing_label_mask")
    found = read_annotations(tmp_path, benchmark="avenue")
    names = [f"training_{i:02d}" for i in range(1, 17)] + [f"testing_{i:02d}" for i in range(1, 22)]
    assert list(found.videos) == names
    assert all(video.label == name.startswith("testing") for name, video in found.videos.items())
    assert found.videos["testing_05"].intervals == ((1, 3), (4, 5))
    assert found.videos["testing_06"].intervals == ((1, 3),)
    assert {video.frames for name, video in found.videos.items() if name.startswith("testing")} == {5}


def test_avenue_is_split_80_to_20_by_its_seed(tmp_path: Path) -> None:
    _avenue(tmp_path / "testing_label_mask")
    drawn = []
    for seed in (0, 0, 1):
        found = read_annotations(tmp_path, benchmark="avenue", split_seed=seed)
        test = [video for video in found.videos.values() if video.split == "test"]
        assert [sum(video.label == label for video in test) for label in (0, 1)] == [3, 4]
        assert f"seed {seed}, 13 + 3 normal and 17 + 4 abnormal" in found.notes[0]
        drawn.append({video.name for video in test})
    assert drawn[0] == drawn[1] != drawn[2]


def test_masks_may_be_arrays_of_labels(tmp_path: Path) -> None:
    folder = tmp_path / "frame_labels"
    folder.mkdir()
    for number in range(1, 22):
        np.save(folder / f"{number:02d}.npy", np.array([0, 1, 1], np.uint8))
    for path in (tmp_path, folder, folder / "01.npy"):
        assert read_annotations(path).videos["testing_21"].intervals == ((1, 3),)


def test_masks_of_all_testing_videos_are_needed_once(tmp_path: Path) -> None:
    _avenue(tmp_path / "a", skip=7)
    with pytest.raises(InputError, match="no mask of testing video 7; "):
        read_annotations(tmp_path / "a")
    _avenue(tmp_path / "b")
    (tmp_path / "b" / "01_label.mat").write_bytes(_matlab([True]))
    with pytest.raises(InputError, match="a second mask of testing video"):
        read_annotations(tmp_path / "b")
    (tmp_path / "b" / "01_label.mat").rename(tmp_path / "b" / "22_label.mat")
    with pytest.raises(InputError, match=r"22_label\.mat: Avenue has testing videos 1 to 21"):
        read_annotations(tmp_path / "b")
