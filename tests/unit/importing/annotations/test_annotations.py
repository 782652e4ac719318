import pickle
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.frames_csv import read_frame_counts
from benchmark.importing.annotations import read_annotations
from benchmark.importing.annotations.xd_violence import classes_of
from benchmark.importing.feature_files.search import FoundArray, find_arrays
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import NAMES, Spec, changed, specs, write_annotations, write_features

FORMS = ("ucf", "xd", "shanghaitech", "json")
CLASSES = {"ucf": ("Fighting",), "xd": ("fighting", "explosion"), "shanghaitech": (), "json": ("Fighting",)}
MAIN_FILES = {
    "ucf": ("Anomaly_Train.txt", "Temporal_Anomaly_Annotation.txt"),
    "xd": ("annotations.txt",),
    "shanghaitech": ("SH_Train.txt", "SH_Test.txt"),
    "json": ("annotations.json",),
}


@pytest.fixture
def features(tmp_path: Path) -> list[FoundArray]:
    write_features(tmp_path / "features", specs("xd"), "plain")
    return find_arrays(tmp_path / "features")


def _refused(path: Path, features: list[FoundArray]) -> str:
    with pytest.raises(InputError) as caught:
        read_annotations(path, features)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_recognised_and_read(tmp_path: Path, features: list[FoundArray], form: str) -> None:
    write_annotations(tmp_path, specs(form), form)
    for path in (tmp_path, *(tmp_path / name for name in MAIN_FILES[form])):
        found = read_annotations(path, features)
        assert set(found.videos) == set(NAMES[form])
        for spec in specs(form):
            video = found.videos[spec.name]
            assert (video.split, video.label) == (spec.split, spec.label)
            assert bool(video.classes) == bool(spec.label and CLASSES[form])
            if spec.split == "test":
                assert video.intervals == spec.intervals
        abnormal = found.videos[NAMES[form][3]]
        assert abnormal.classes == CLASSES[form]
        assert abnormal.frames == (60 if form in ("shanghaitech", "json") else None)


@pytest.mark.parametrize(("form", "main"), [("ucf", "Temporal_Anomaly_Annotation.txt"), ("xd", "annotations.txt")])
def test_a_main_file_of_another_name_is_recognised_by_its_first_line(
    tmp_path: Path, features: list[FoundArray], form: str, main: str
) -> None:
    write_annotations(tmp_path, specs(form), form)
    (tmp_path / main).rename(tmp_path / "mine.txt")
    assert set(read_annotations(tmp_path / "mine.txt", features).videos) == set(NAMES[form])


def test_without_lists_the_split_of_xd_violence_comes_from_the_folders(
    tmp_path: Path, features: list[FoundArray]
) -> None:
    write_annotations(tmp_path, specs("xd"), "xd")
    listed = read_annotations(tmp_path, features)
    for path in tmp_path.glob("*.list"):
        path.unlink()
    found = read_annotations(tmp_path, features)
    assert dict(found.videos) == dict(listed.videos)
    assert "folders" in found.form

    write_features(tmp_path / "flat", specs("xd"), "plain", nested="flat")
    assert "in neither a train nor a test folder" in _refused(tmp_path, find_arrays(tmp_path / "flat"))


@pytest.mark.parametrize(
    ("codes", "classes"),
    [
        ("A", ()),
        ("B1-0-0", ("fighting",)),
        ("B2-G-0", ("shooting", "explosion")),
        ("B4-B5-B6", ("riot", "abuse", "car accident")),
    ],
)
def test_the_name_of_an_xd_violence_video_carries_its_classes(codes: str, classes: tuple[str, ...]) -> None:
    assert classes_of(f"A.Film__#1_label_{codes}") == classes


@pytest.mark.parametrize("name", ["A.Film__#1", "x_label_B9-0-0", "x_label_0-0-0"])
def test_an_unknown_label_in_the_name_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match=name):
        classes_of(name)


def test_classes_of_shanghaitech_are_read_where_there_are_any(tmp_path: Path, features: list[FoundArray]) -> None:
    write_annotations(tmp_path, specs("shanghaitech"), "shanghaitech")
    lines = ["video,class", "01_001,normal", "01_0014,vehicle", "02_003,normal", "02_0128,chasing;running"]
    (tmp_path / "classes.csv").write_text("\n".join(lines))
    found = read_annotations(tmp_path, features)
    assert found.videos["02_0128"].classes == ("chasing", "running")
    assert found.videos["02_003"].classes == ()
    (tmp_path / "classes.csv").write_text("01_0014,normal\n")
    assert "01_0014: classes.csv and the masks disagree" in _refused(tmp_path, features)
    (tmp_path / "classes.csv").write_text("01_0014,vehicle\n01_0014,car\n")
    assert "classes.csv:2: malformed line" in _refused(tmp_path, features)


def test_masks_of_training_videos_say_the_label_alone(tmp_path: Path, features: list[FoundArray]) -> None:
    write_annotations(tmp_path, specs("shanghaitech"), "shanghaitech")
    found = read_annotations(tmp_path, features)
    assert (found.videos["01_0014"].label, found.videos["01_0014"].intervals) == (1, ())
    assert found.notes == ("Masks of 1 training videos were not used.",)
    np.save(tmp_path / "test_frame_mask" / "01_0014.npy", np.zeros(47))
    assert _refused(tmp_path, features).startswith("01_0014: a number of 4 digits marks an abnormal video")


@pytest.mark.parametrize("mask", [np.full(60, 2), np.zeros((60, 1)), np.zeros(60)])
def test_a_mask_of_a_test_video_must_mark_frames(tmp_path: Path, features: list[FoundArray], mask: np.ndarray) -> None:
    write_annotations(tmp_path, specs("shanghaitech"), "shanghaitech")
    np.save(tmp_path / "test_frame_mask" / "02_0128.npy", mask)
    assert "02_0128" in _refused(tmp_path, features)


def test_masks_must_agree_with_the_digits_of_the_number(tmp_path: Path, features: list[FoundArray]) -> None:
    write_annotations(tmp_path, specs("shanghaitech"), "shanghaitech")
    (tmp_path / "test_frame_mask" / "02_0128.npy").rename(tmp_path / "test_frame_mask" / "02_003.npy")
    assert _refused(tmp_path, features).startswith("02_003: a number of 3 digits marks a normal video")
    (tmp_path / "test_frame_mask" / "02_003.npy").unlink()
    assert _refused(tmp_path, features).startswith("02_0128: a number of 4 digits marks an abnormal video")


@pytest.mark.parametrize("form", FORMS)
def test_contradictions_name_the_video(tmp_path: Path, features: list[FoundArray], form: str) -> None:
    videos = specs(form)
    twice = [*videos, videos[0]]
    both = [*videos, Spec(videos[0].name, "test", 0, rows=1, frames=16)]
    cases = {"twice": twice, "both splits": both}
    if form == "xd":  # its lists name a video once per crop
        del cases["twice"]
    for reason, made in cases.items():
        write_annotations(tmp_path / reason, made, form)
        message = _refused(tmp_path / reason, features)
        assert message.startswith(f"{videos[0].name}: ")
        assert reason in message


def test_a_training_video_of_xd_violence_has_no_intervals(tmp_path: Path, features: list[FoundArray]) -> None:
    write_annotations(tmp_path, specs("xd"), "xd")
    with (tmp_path / "annotations.txt").open("a") as file:
        file.write(f"{NAMES['xd'][1]} 0 16\n")
    assert "in both splits" in _refused(tmp_path, features)
    (tmp_path / "annotations.txt").write_text(f"{NAMES['xd'][3]} 0 16\n" * 2)
    assert _refused(tmp_path, features).startswith(f"{NAMES['xd'][3]}: this video is twice")


@pytest.mark.parametrize("form", ["ucf", "xd", "json"])
def test_an_abnormal_test_video_needs_intervals_and_a_normal_one_has_none(
    tmp_path: Path, features: list[FoundArray], form: str
) -> None:
    videos = specs(form)
    write_annotations(tmp_path / "a", changed(videos, 3, intervals=()), form)
    assert _refused(tmp_path / "a", features).startswith(f"{videos[3].name}: an abnormal test video without")
    if form != "json":  # the writer gives intervals to abnormal videos only
        write_annotations(tmp_path / "b", changed(videos, 2, intervals=((0, 9),)), form)
        assert _refused(tmp_path / "b", features).startswith(f"{videos[2].name}: a normal video with")


@pytest.mark.parametrize("form", ["ucf", "xd", "json"])
def test_an_interval_that_starts_after_its_end_names_the_video(
    tmp_path: Path, features: list[FoundArray], form: str
) -> None:
    videos = changed(specs(form), 3, intervals=((20, 3),))
    write_annotations(tmp_path, videos, form)
    message = _refused(tmp_path, features)
    assert message.startswith(videos[3].name)
    assert "starts at or after its end" in message


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("Temporal_Anomaly_Annotation.txt", "Abuse028_x264.mp4", ":3: malformed"),
        ("Temporal_Anomaly_Annotation.txt", "Abuse028_x264.mp4 Abuse 165 240 -1", ":3: malformed"),
        ("Temporal_Anomaly_Annotation.txt", "Abuse028_x264.mp4 Abuse 165 2.5", ":3: malformed"),
        ("Temporal_Anomaly_Annotation.txt", "Abuse028_x264.mp4 Abuse 0 240", "Abuse028_x264 "),
        ("Anomaly_Train.txt", "Abuse028_x264.mp4", ":3: malformed"),
        ("annotations.txt", "x_label_B1-0-0", ":2: malformed"),
        ("annotations.txt", "x_label_B1-0-0 1 2 3", ":2: malformed"),
        ("annotations.txt", "Abuse028_x264 1 2", ":2: malformed"),
        ("rgb.list", "Abuse028_x264.npy", "rgb.list:5: malformed"),
        ("SH_Test.txt", "01_001 x", ":3: malformed"),
        ("SH_Train.txt", "01_001,1,2,3", ":3: malformed"),
    ],
)
def test_a_malformed_line_is_named(
    tmp_path: Path, features: list[FoundArray], file: str, line: str, reason: str
) -> None:
    form = {"T": "ucf", "A": "ucf", "a": "xd", "r": "xd", "S": "shanghaitech"}[file[0]]
    write_annotations(tmp_path, specs(form), form)
    with (tmp_path / file).open("a") as opened:
        opened.write(line + "\n")
    message = _refused(tmp_path, features)
    assert reason in message
    assert file in message


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (pickle.dumps({"videos": []}), "a.json:1: not a text file in UTF-8"),
        (b"{", "a.json: not a JSON file"),
        (b'{"videos": [' + b"[" * 10_000, "a.json: not a JSON file"),
        (b'{"videos": [], "videos": []}', "a.json: not a JSON file"),
        (b"", "a.json: not a JSON file"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, features: list[FoundArray], content: bytes, line: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert line in _refused(tmp_path / "a.json", features)


def test_a_folder_holds_one_form(tmp_path: Path, features: list[FoundArray]) -> None:
    assert "no annotations recognised" in _refused(tmp_path, features)
    write_annotations(tmp_path, specs("ucf"), "ucf")
    write_annotations(tmp_path, specs("xd"), "xd")
    assert "annotations in several forms (UCF-Crime, XD-Violence)" in _refused(tmp_path, features)
    (tmp_path / "other.txt").write_text("something else\n")
    assert "other.txt:1: not recognised" in _refused(tmp_path / "other.txt", features)
    assert "absent.txt: cannot be read" in _refused(tmp_path / "absent.txt", features)
    (tmp_path / "Anomaly_Train.txt").unlink()
    main = tmp_path / "Temporal_Anomaly_Annotation.txt"
    assert "looked beside it for Anomaly_Train.txt" in _refused(main, features)
    (tmp_path / "empty.json").write_text('{"videos": []}')
    assert "no videos" in _refused(tmp_path / "empty.json", features)


def test_frame_counts_are_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "frames.csv"
    path.write_text("video,frame_count\na#1,17\nb.mp4,3\n")
    assert read_frame_counts(path) == {"a#1": 17, "b": 3}
    for line, message in (
        ("a", ":2: malformed"),
        ("a,0", ":2: malformed"),
        ("a,-4", ":2: malformed"),
        ("b,3", "b: this"),
    ):
        path.write_text(f"b,3\n{line}\n")
        with pytest.raises(InputError, match=message):
            read_frame_counts(path)
