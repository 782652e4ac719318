import shutil
from pathlib import Path

import pytest

from benchmark.importing.annotations import find_frame_counts, read_annotations
from benchmark.importing.annotations.forms import find_annotations
from benchmark.importing.feature_files.lists import file_of, read_list, video_of
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import NAMES, specs, write_annotations

UCF_TEST = "Abuse028_x264.mp4 1412 Abuse 165 240 -1 -1\nnormal/Normal_Videos_003_x264.mp4 2824 Normal -1 -1 -1 -1\n"


def _refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        find_annotations(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("form", ["ucf", "xd", "shanghaitech", "json"])
@pytest.mark.parametrize("inside", [".", "annotations", "lists/official"])
def test_a_form_is_found_up_to_two_levels_down(tmp_path: Path, form: str, inside: str) -> None:
    write_annotations(tmp_path / inside, specs(form), form)
    (tmp_path / "features").mkdir()
    assert set(read_annotations(tmp_path).videos) == set(NAMES[form])


def test_nothing_is_found_further_down_in_hidden_folders_or_behind_links(tmp_path: Path) -> None:
    write_annotations(tmp_path / "a/b/c", specs("ucf"), "ucf")
    write_annotations(tmp_path / ".hidden", specs("ucf"), "ucf")
    (tmp_path / "link").symlink_to(tmp_path / "a/b/c")
    assert "no annotations recognised" in _refused(tmp_path)


def test_several_places_are_named(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        write_annotations(tmp_path / folder, specs("ucf"), "ucf")
    message = _refused(tmp_path)
    assert "first/Temporal_Anomaly_Annotation.txt, second/Temporal_Anomaly_Annotation.txt" in message


def test_of_several_forms_the_benchmarks_own_is_taken(tmp_path: Path) -> None:
    write_annotations(tmp_path / "here", specs("ucf"), "ucf")
    write_annotations(tmp_path / "here", specs("xd"), "xd")
    assert "several forms" in _refused(tmp_path / "here")
    assert find_annotations(tmp_path, "xd-violence").form == "XD-Violence"
    assert find_annotations(tmp_path, "ucf-crime").form == "UCF-Crime"
    with pytest.raises(InputError, match="several forms"):
        find_annotations(tmp_path, "shanghaitech")


def test_another_json_file_in_a_sub_folder_is_no_annotation(tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "gt_label.json").write_text('[["B2"]]')
    assert "no annotations recognised" in _refused(tmp_path)


def test_lists_of_another_machine_give_the_split_of_xd_violence(tmp_path: Path) -> None:
    write_annotations(tmp_path / "xd", specs("xd"), "xd")
    expected = read_annotations(tmp_path / "xd")
    for name in ("rgb.list", "rgbtest.list"):
        lines = (tmp_path / "xd" / name).read_text().replace("/old/", "G:\\features\\")
        (tmp_path / name).write_text(lines)
        (tmp_path / "xd" / name).unlink()
    lists = (tmp_path / "rgb.list", tmp_path / "rgbtest.list")
    found = read_annotations(tmp_path / "xd", (), lists)
    assert dict(found.videos) == dict(expected.videos)
    assert "rgb.list, rgbtest.list" in found.form


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ucf-i3d.list", "G:\\ten_crop\\Abuse001_x264_i3d.npy\nG:\\ten_crop\\Normal_Videos001_x264_i3d.npy\n"),
        ("train.list", "train/Abuse001_x264.npy\ntrain/Abuse001_x264__1.npy\ntrain/Normal_Videos001_x264.npy\n"),
        ("clip.csv", "path,label\n/x/Abuse001_x264__0.npy,Abuse\n/x/Normal_Videos001_x264__0.npy,Normal\n"),
    ],
)
def test_a_list_stands_in_for_the_training_file_of_ucf_crime(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "UCF_Annotation.txt").write_text(UCF_TEST)
    (tmp_path / name).write_text(text)
    (tmp_path / "test.list").write_text("test/Abuse028_x264.npy\n")
    found = read_annotations(tmp_path, (), (tmp_path / name, tmp_path / "test.list")).videos
    assert (found["Abuse001_x264"].split, found["Abuse001_x264"].classes) == ("train", ("Abuse",))
    assert (found["Normal_Videos001_x264"].split, found["Normal_Videos001_x264"].label) == ("train", 0)
    assert (found["Abuse028_x264"].frames, found["Abuse028_x264"].intervals) == (1412, ((164, 240),))
    assert (found["Normal_Videos_003_x264"].frames, found["Normal_Videos_003_x264"].label) == (2824, 0)
    assert len(found) == 4


def test_a_test_file_with_frame_counts_is_recognised_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(UCF_TEST)
    (tmp_path / "Anomaly_Train.txt").write_text("Abuse/Abuse001_x264.mp4\n")
    assert read_annotations(tmp_path / "mine.txt").videos["Abuse028_x264"].frames == 1412
    shutil.move(tmp_path / "mine.txt", tmp_path / "UCF_Annotation.txt")
    train = read_annotations(tmp_path / "Anomaly_Train.txt")
    assert train.videos["Abuse028_x264"].frames == 1412


def test_a_training_list_names_videos_of_ucf_crime(tmp_path: Path) -> None:
    (tmp_path / "UCF_Annotation.txt").write_text(UCF_TEST)
    (tmp_path / "train.list").write_text("a/Abuse001_x264.npy\nb/cam07.npy\n")
    with pytest.raises(InputError, match=r"train\.list:2: malformed line"):
        read_annotations(tmp_path, (), (tmp_path / "train.list",))


def test_entries_of_lists_lose_folders_crops_and_labels(tmp_path: Path) -> None:
    (tmp_path / "a.list").write_text("C:\\x\\a__3.npy\n\n/y/b.mp4\ntrain/01_001_0.npy 1.0\n/my data/c 1.mp4\n")
    entries = read_list(tmp_path / "a.list")
    assert [number for number, _ in entries] == [1, 3, 4, 5]
    assert [video_of(entry) for _, entry in entries] == ["a", "b", "01_001_0", "c 1"]
    assert [file_of(entry) for _, entry in entries] == ["a__3.npy", "b.mp4", "01_001_0.npy", "c 1.mp4"]
    (tmp_path / "a.csv").write_text("video-id\nc\n")
    assert read_list(tmp_path / "a.csv") == [(2, "c")]


def test_frame_counts_are_found_in_the_first_folder_that_has_any(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert find_frame_counts((tmp_path / "a", tmp_path / "b")) == ({}, "")
    header = "video_id,video_path,label,frame_count\n1,A/x_1.mp4,1,17\n2,B/x_1.mp4,1,17\n3,A/y.mp4,0,9\n"
    (tmp_path / "b" / "header.csv").write_text(header)
    assert find_frame_counts((tmp_path / "a", tmp_path / "b")) == ({"x_1": 17, "y": 9}, "Frame counts from header.csv.")
    (tmp_path / "a" / "frames.csv").write_text("video,frame_count\nz,3\n")
    assert find_frame_counts((tmp_path / "a", tmp_path / "b")) == ({"z": 3}, "Frame counts from frames.csv.")


def test_names_of_shanghaitech_are_put_together(tmp_path: Path) -> None:
    (tmp_path / "header.csv").write_text(
        "video_id,label,place,video_no,frame_count\n0_10_1,0,10,1,447\n1_1_14,1,1,14,2\n"
    )
    assert find_frame_counts([tmp_path])[0] == {"10_001": 447, "01_0014": 2}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,A/x.mp4,12", "x: two frame counts"),
        ("1,A/z.mp4", ":3: malformed line, 3 columns"),
        ("1,A/z.mp4,many", ":3: malformed line, whole numbers"),
        ("1,A/z.mp4,0", ":3: malformed line, a frame count is positive"),
    ],
)
def test_malformed_frame_counts_name_the_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "header.csv").write_text(f"video_id,video_path,frame_count\n1,A/x.mp4,11\n{line}\n")
    with pytest.raises(InputError, match=message):
        find_frame_counts([tmp_path])
    (tmp_path / "header.csv").write_text("video_id,video_path\n1,A/x.mp4\n")
    with pytest.raises(InputError, match="no column 'frame_count'"):
        find_frame_counts([tmp_path])
