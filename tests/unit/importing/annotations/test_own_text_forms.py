"""The text forms of UCF-Crime and ShanghaiTech as people write them for videos of their own."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.importing.annotations import Annotations, read_annotations
from benchmark.system.errors import InputError

TRAIN = "Tailgating/gate_1.mp4\nFighting/gate_2.mp4\nNormal/lobby_1.mp4\n"
TEST = "gate_7.mp4  Tailgating  31  90  -1  -1\nlobby_7.mp4  Normal  -1  -1  -1  -1\n"


def _ucf(
    folder: Path,
    train: str = TRAIN,
    test: str = TEST,
    names: tuple[str, str] = ("Anomaly_Train.txt", "Temporal_Anomaly_Annotation.txt"),
) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in zip(names, (train, test), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _read(path: Path, *lists: Path) -> Annotations:
    return read_annotations(path, (), lists)


def _refused(path: Path, *lists: Path) -> str:
    with pytest.raises(InputError) as caught:
        _read(path, *lists)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _labels(found: Annotations) -> dict[str, int]:
    return {video.name: video.label for video in found.videos.values()}


@pytest.mark.parametrize("name", ["Abnormal", "anomaly", "abnormal_behaviour", "Anormal", "paranormal", "UnNormal"])
def test_a_class_with_the_letters_of_normal_is_abnormal(tmp_path: Path, name: str) -> None:
    found = _read(_ucf(tmp_path, TRAIN.replace("Tailgating", name), TEST.replace("Tailgating", name)))
    assert _labels(found) == {"gate_1": 1, "gate_2": 1, "lobby_1": 0, "gate_7": 1, "lobby_7": 0}
    assert "Taken as normal: Normal (2 videos)." in found.notes
    assert f"Taken as abnormal: {name} (2 videos), Fighting (1 video)." in found.notes


@pytest.mark.parametrize("name", ["normal_traffic", "No_Anomaly", "NonViolence", "Normality"])
def test_a_class_that_says_normal_in_other_words_is_normal(tmp_path: Path, name: str) -> None:
    found = _read(_ucf(tmp_path, TRAIN.replace("Normal", name)))
    assert _labels(found)["lobby_1"] == 0
    assert f"Taken as normal: {name} (1 video), Normal (1 video)." in found.notes


@pytest.mark.parametrize("name", ["Regular", "no_helmet", "normal_vs_anomaly", "Negative"])
def test_a_class_that_may_be_either_is_refused_by_line(tmp_path: Path, name: str) -> None:
    message = _refused(_ucf(tmp_path, TRAIN.replace("Normal", name)))
    assert "Anomaly_Train.txt:3: the class" in message
    assert name in message


def test_official_classes_need_no_word_about_them(tmp_path: Path) -> None:
    train = "Abuse/Abuse001_x264.mp4\nTraining_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4\n"
    test = "Abuse028_x264.mp4  Abuse  165  240  -1  -1\nNormal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1\n"
    assert _read(_ucf(tmp_path, train, test)).notes == ()


def test_training_videos_need_a_normal_class_among_own_ones(tmp_path: Path) -> None:
    message = _refused(_ucf(tmp_path, TRAIN.replace("Normal", "Walking")))
    assert "none of the classes is of normal videos (Fighting, Tailgating, Walking)" in message


def test_folders_of_a_path_may_not_contradict_the_class(tmp_path: Path) -> None:
    found = _read(_ucf(tmp_path, TRAIN.replace("Normal/", "data/train/Normal/train/")))
    assert _labels(found)["lobby_1"] == 0
    assert "is it a normal video" in _refused(_ucf(tmp_path, TRAIN.replace("Normal/", "Normal/part1/")))
    message = _refused(_ucf(tmp_path, test=TEST.replace("lobby_7", "Abnormal/lobby_7")))
    assert message.startswith("lobby_7: in the folder 'Abnormal', but of the class Normal")


@pytest.mark.parametrize("names", [("Train_Annotation.txt", "Test_Annotation.txt"), ("my_train.txt", "labels.txt")])
def test_two_files_of_other_names_are_recognised(tmp_path: Path, names: tuple[str, str]) -> None:
    folder = _ucf(tmp_path, names=names)
    for path in (folder, *(folder / name for name in names)):
        found = _read(path)
        assert _labels(found) == {"gate_1": 1, "gate_2": 1, "lobby_1": 0, "gate_7": 1, "lobby_7": 0}
        assert f"training videos from {names[0]}, test videos from {names[1]}" in found.form


@pytest.mark.parametrize("name", ["latest.txt", "untrained.txt"])
def test_a_training_file_is_told_by_a_word(tmp_path: Path, name: str) -> None:
    message = _refused(_ucf(tmp_path, names=(name, "Temporal_Anomaly_Annotation.txt")))
    assert "looked beside it for Anomaly_Train.txt and for a .txt file with the word `train`" in message


def test_two_training_files_are_refused_by_name(tmp_path: Path) -> None:
    _ucf(tmp_path, names=("my_train.txt", "t.txt"))
    (tmp_path / "train2.txt").write_text(TRAIN)
    assert "several training files there (my_train.txt, train2.txt)" in _refused(tmp_path / "t.txt")


@pytest.mark.parametrize("sign", [" ", "\t", ",", ";  "])
def test_counts_behind_training_videos_are_taken_and_said(tmp_path: Path, sign: str) -> None:
    train = "".join(f"{line}{sign}{100 + i}\n" for i, line in enumerate(TRAIN.split()))
    found = _read(_ucf(tmp_path, train))
    assert [found.videos[name].frames for name in ("gate_1", "gate_2", "lobby_1")] == [100, 101, 102]
    assert "Frame counts of 3 training videos from Anomaly_Train.txt." in found.notes


def test_a_number_at_the_end_of_a_name_is_no_count(tmp_path: Path) -> None:
    found = _read(_ucf(tmp_path, "Fighting/cam 1\nFighting/cam 2\nNormal/hall 3\nNormal/cam 4\n"))
    assert set(found.videos) == {"cam 1", "cam 2", "hall 3", "cam 4", "gate_7", "lobby_7"}


@pytest.mark.parametrize(
    ("test", "note"),
    [
        ("gate_7.mp4 320 Tailgating 31 90 -1 -1\nlobby_7.mp4 96 Normal -1 -1 -1 -1\n", ""),
        ("a/gate_7.mp4,320,Tailgating,31,90\nb/lobby_7.mp4,96,Normal,-1,-1\n", ""),
        ("gate_7.mp4 Tailgating 320 31 90 -1 -1\nlobby_7.mp4 Normal 96 -1 -1\n", "before the frame numbers"),
        ("gate_7.mp4 Tailgating 31 90 320\nlobby_7.mp4 Normal -1 -1 96\n", "at the end of each line"),
    ],
)
def test_a_count_may_stand_in_several_places(tmp_path: Path, test: str, note: str) -> None:
    found = _read(_ucf(tmp_path, test=test))
    assert [found.videos[name].frames for name in ("gate_7", "lobby_7")] == [320, 96]
    assert found.videos["gate_7"].intervals == ((30, 90),)
    assert note in "".join(found.notes)
    assert bool(note) == ("taken as frame counts" in "".join(found.notes))


@pytest.mark.parametrize(
    ("test", "line"),
    [
        ("Abuse/a 0 411 0\nNormal/b 0 321 7\n", ":1: malformed line, 'Abuse/a 0 411 0'"),
        ("Abuse/a 1 411 0\nNormal/b 1 321 7\n", ":1: malformed line"),
        ("Abuse/a,0,411,0\n", ":1: malformed line"),
        ("Abuse/a.mp4 0 411 Abuse\n", ":1: malformed line"),
        ("a.mp4 Abuse 90 80 90\n", "which is a frame count cannot be told"),
        ("a.mp4 Abuse -1 90\n", "starts before the video's first frame"),
        ("a.mp4 Abuse 3.9 15.8\n", ":1: malformed line"),
    ],
)
def test_other_columns_are_refused_with_those_that_are_expected(tmp_path: Path, test: str, line: str) -> None:
    message = _refused(_ucf(tmp_path, test=test))
    assert line in message
    assert "starts" in message or "`name.mp4  Class  start  end ...`" in message


def test_without_a_test_file_it_is_said_what_was_looked_for(tmp_path: Path) -> None:
    _ucf(tmp_path, names=("Anomaly_Train.txt", "test.txt"), test="Abuse/a 0 411 0\n")
    message = _refused(tmp_path)
    assert "no test file beside it; looked for Temporal_Anomaly_Annotation.txt, UCF_Annotation.txt" in message
    assert "test.txt begins 'Abuse/a 0 411 0'" in message
    assert "test.txt:1: not recognised" in _refused(tmp_path / "test.txt")


def test_a_label_in_a_training_list_may_not_contradict_the_name(tmp_path: Path) -> None:
    (tmp_path / "UCF_Annotation.txt").write_text("Abuse028_x264.mp4 400 Abuse 165 240\n")
    train = tmp_path / "train.csv"
    train.write_text("path,label\nAbuse001_x264__0.npy,Abuse\nNormal_Videos001_x264__0.npy,Normal\n")
    assert _labels(_read(tmp_path, train)) == {"Abuse001_x264": 1, "Normal_Videos001_x264": 0, "Abuse028_x264": 1}
    train.write_text("Abuse001_x264.npy 0\nNormal_Videos001_x264.npy 0\n")
    assert "Abuse001_x264: abnormal by its name, but labelled 0" in _refused(tmp_path, train)


def _xd(folder: Path, *lists: str) -> list[Path]:
    (folder / "annotations.txt").write_text("d_label_G-0-0 32 96\n")
    entries = ("a_label_A__0.npy\nb_label_B1-0-0__0.npy\n", "c_label_A__0.npy\nd_label_G-0-0__0.npy\n")
    for name, text in zip(lists, entries, strict=True):
        (folder / name).write_text(text)
    return [folder / name for name in lists]


@pytest.mark.parametrize("test", ["rgbtest.list", "RGBTest.list", "latest-rgbtest.list", "test_v3.list"])
@pytest.mark.parametrize("train", ["latest-rgb.list", "contest.csv", "RGB.list", "my_train.list"])
def test_lists_are_told_by_words(tmp_path: Path, train: str, test: str) -> None:
    found = _read(tmp_path, *_xd(tmp_path, train, test))
    splits = {video.name: video.split for video in found.videos.values()}
    assert splits == {
        "a_label_A": "train",
        "b_label_B1-0-0": "train",
        "c_label_A": "test",
        "d_label_G-0-0": "test",
    }
    said = f"Taken as training list, as no word of its name is `test`: {train}; as test list: {test}."
    assert (said in found.notes) == (train != "my_train.list")


def test_official_lists_need_no_word_about_them(tmp_path: Path) -> None:
    assert _read(tmp_path, *_xd(tmp_path, "rgb.list", "rgbtest.list")).notes == ()


def test_lists_whose_split_cannot_be_told_are_refused(tmp_path: Path) -> None:
    message = _refused(tmp_path, *_xd(tmp_path, "train_and_test.list", "test.list"))
    assert "both `train` and `test` are words of its name" in message
    message = _refused(tmp_path, *_xd(tmp_path, "train.list", "latest.list"))
    assert (
        "latest.list: neither `train` nor `test` is a word of its name, and train.list is the training list" in message
    )


MIST_TRAIN = "01_0014,1\n01_002,0\n"
MIST_TEST = "01_001,0,320\n01_0015,1,320\n"


def _mist(
    folder: Path,
    train: str = MIST_TRAIN,
    test: str = MIST_TEST,
    names: tuple[str, str] = ("SH_Train.txt", "SH_Test.txt"),
) -> Path:
    masks = folder / "test_frame_mask"
    masks.mkdir(parents=True)
    for name in ("01_0014", "01_0015"):
        _mask(folder, name, np.r_[np.zeros(50, np.int8), np.ones(159, np.int8)])
    for name, text in zip(names, (train, test), strict=True):
        (folder / name).write_text(text)
    return folder


def _mask(folder: Path, name: str, mask: np.ndarray) -> None:
    np.save(folder / "test_frame_mask" / f"{name}.npy", mask)


@pytest.mark.parametrize("names", [("SH_Train.txt", "SH_Test.txt"), ("SH_Train_new.txt", "SH_Test_NEW.txt")])
@pytest.mark.parametrize("sign", [",", " ", ";"])
def test_lists_with_labels_and_counts_are_read(tmp_path: Path, names: tuple[str, str], sign: str) -> None:
    folder = _mist(tmp_path / "a", MIST_TRAIN.replace(",", sign), MIST_TEST.replace(",", sign), names)
    for path in (folder, folder / names[0], folder / names[1]):
        found = _read(path)
        assert _labels(found) == {"01_0014": 1, "01_002": 0, "01_001": 0, "01_0015": 1}
        assert (found.videos["01_001"].frames, found.videos["01_0015"].frames) == (320, 209)
        notes = " ".join(found.notes)
        assert "Frame counts of 1 videos in the lists are not the lengths of their masks" in notes
        assert "01_0015 (320, mask 209)" in notes
        assert ("Taken as training list: SH_Train_new.txt; as test list: SH_Test_NEW.txt." in notes) == (
            "new" in names[0]
        )


def test_a_label_must_agree_with_the_mask(tmp_path: Path) -> None:
    message = _refused(_mist(tmp_path / "a", test="01_001,0,320\n01_0015,0,320\n"))
    assert message.startswith("01_0015: label 0 in ")
    assert "SH_Test.txt:2, but it has a mask that marks frames" in message
    message = _refused(_mist(tmp_path / "b", test="01_001,0,320\n01_0016,1,320\n"))
    assert message.startswith("01_0016: label 1 in ")
    assert "but it has no mask" in message


def test_masks_of_nothing_mean_normal(tmp_path: Path) -> None:
    folder = _mist(tmp_path / "a", "cam1\ncam2\n", "cam3\ncam4\n")
    for name, mask in {"cam1": [0, 1], "cam2": [0] * 7, "cam3": [0] * 9, "cam4": [0, 0, 1]}.items():
        _mask(folder, name, np.array(mask))
    found = _read(folder)
    assert _labels(found) == {"cam1": 1, "cam2": 0, "cam3": 0, "cam4": 1}
    assert found.videos["cam3"].frames == 9
    assert "Taken as normal, as their masks mark no frame: 2 videos (cam2 (and 1 more))." in found.notes


def test_own_training_videos_without_masks_need_labels(tmp_path: Path) -> None:
    folder = _mist(tmp_path / "a", "cam1\ncam2\n", "01_001\n01_0015\n")
    assert "no training video has a mask or the label 1" in _refused(folder)
    (folder / "SH_Train.txt").write_text("cam1,1\ncam2,0\n")
    found = _read(folder)
    assert (found.videos["cam1"].label, found.videos["cam2"].label) == (1, 0)
    assert "Taken as abnormal by their label in the list, having no mask: 1 training videos." in found.notes


@pytest.mark.parametrize(
    "mask", [np.array([0, 1, 1]), np.array([[0], [1], [1]]), np.array([0, 255, 255]), np.array([False, True, True])]
)
def test_masks_come_as_numbers_booleans_pixels_or_a_column(tmp_path: Path, mask: np.ndarray) -> None:
    folder = _mist(tmp_path / "a", test="01_0015\n")
    _mask(folder, "01_0015", mask)
    assert _read(folder).videos["01_0015"].intervals == ((1, 3),)


def test_a_mask_of_pixels_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = _mist(tmp_path / "a", test="01_0015\n")
    _mask(folder, "01_0015", np.zeros((7, 4, 5)))
    assert "01_0015.npy: shape (7, 4, 5); one value per frame is expected" in (message := _refused(folder))
    assert "mask.any(axis=(1, 2))" in message
