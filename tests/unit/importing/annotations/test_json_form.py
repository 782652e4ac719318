import json
from pathlib import Path

import pytest

from benchmark.importing.annotations import Annotations, read_annotations
from benchmark.system.errors import InputError

VIDEOS = [
    {"name": "a", "split": "train", "label": 0},
    {"name": "b", "split": "test", "label": 1, "class": "Arson", "frames": 320, "intervals": [[16, 64]]},
]


def _read(folder: Path, content: object, name: str = "mine.json") -> Annotations:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")
    return read_annotations(folder / name)


def _refused(folder: Path, content: object, name: str = "mine.json") -> str:
    with pytest.raises(InputError) as caught:
        _read(folder, content, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _without(entry: dict[str, object], *fields: str) -> dict[str, object]:
    return {key: value for key, value in entry.items() if key not in fields}


@pytest.mark.parametrize(
    "content",
    [
        {"videos": VIDEOS},
        VIDEOS,
        {"videos": {entry["name"]: _without(entry, "name") for entry in VIDEOS}},
        {entry["name"]: _without(entry, "name") for entry in VIDEOS},
        {entry["name"] + ".mp4": entry for entry in VIDEOS},
        {"train": [_without(VIDEOS[0], "split")], "testing": {"b": _without(VIDEOS[1], "split", "name")}},
        "".join(json.dumps(entry) + "\n" for entry in VIDEOS),
    ],
)
def test_entries_are_read_in_any_container(tmp_path: Path, content: object) -> None:
    for name in ("mine.json", "mine.jsonl"):
        found = _read(tmp_path, content, name)
        assert dict(found.videos) == dict(_read(tmp_path, {"videos": VIDEOS}).videos)
        assert found.notes == ()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "b.mp4"},
        {"split": "testing"},
        {"split": "Test"},
        {"label": True},
        {"label": "abnormal"},
        {"label": "Anomaly"},
        {"label": "1"},
        {"label": 1.0},
        {"class": ["Arson"]},
        {"frames": "320"},
        {"frames": 320.0},
        {"intervals": [16, 64]},
        {"intervals": [["16", "64"]]},
    ],
)
def test_values_are_read_as_people_write_them(tmp_path: Path, change: dict[str, object]) -> None:
    assert _read(tmp_path, [VIDEOS[1] | change]).videos["b"] == _read(tmp_path, [VIDEOS[1]]).videos["b"]


@pytest.mark.parametrize(
    ("field", "others"),
    [
        ("name", ("video", "video_id", "filename")),
        ("split", ("subset",)),
        ("class", ("category", "classes")),
        ("frames", ("n_frames", "num_frames", "frame_count", "nframes", "N_Frames")),
    ],
)
def test_fields_have_synonyms(tmp_path: Path, field: str, others: tuple[str, ...]) -> None:
    expected = _read(tmp_path, [VIDEOS[1]]).videos["b"]
    for other in others:
        assert _read(tmp_path, [_without(VIDEOS[1], field) | {other: VIDEOS[1][field]}]).videos["b"] == expected
    message = _refused(tmp_path, [VIDEOS[1] | {others[0]: 9 if field == "frames" else "x"}])
    assert f"`{field}` and `{others[0]}` say two things" in message


def test_labels_of_frames_give_intervals_and_count(tmp_path: Path) -> None:
    entry = {"split": "test", "num_frames": 6, "labels": [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]}
    video = _read(tmp_path, {"v": entry, "w": {"split": "test", "labels": [0, 0]}}).videos["v"]
    assert (video.label, video.frames, video.intervals) == (1, 6, ((1, 3), (4, 5)))
    assert "v: 7 frames, but `labels` of 6" in _refused(tmp_path, {"v": entry | {"num_frames": 7}})
    assert "v: label 1, but none of its `labels` is" in _refused(tmp_path, {"v": {"label": 1, "labels": [0, 0]}})
    assert "v: a normal video with abnormal frames" in _refused(tmp_path, {"v": entry | {"label": 0}})
    assert "a 0 or 1 for each" in _refused(tmp_path, {"v": entry | {"labels": ["Arson"]}})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"extra": 1}, "'extra' is no field that is read"),
        ({"label": 2}, "label 2; 1 (abnormal) or 0 (normal) is expected"),
        ({"label": "Arson"}, "1 (abnormal) or 0 (normal) is expected"),
        ({"label": None}, "1 (abnormal) or 0 (normal) is expected"),
        ({"split": "val"}, 'split "val"; "train" or "test" is expected'),
        ({"split": None}, "no `split`"),
        ({"intervals": [[1, 2, 3]]}, "interval [1, 2, 3]; [start, end] in whole frames"),
        ({"intervals": [[1.5, 2]]}, "interval [1.5, 2] looks like seconds"),
        ({"intervals": [[4.0, 15.0]]}, "looks like seconds"),
        ({"intervals": "16-64"}, "[[start, end]] in frames is expected"),
        ({"intervals": [[-4, 2]]}, "starts before the video's first frame"),
        ({"events": [[3.9, 5.8]]}, "`events` is not read, as it may be in seconds ([[3.9, 5.8]])"),
        ({"timestamps": [[3, 5]]}, "`timestamps` is not read, as it may be in seconds"),
        ({"duration": 70}, "so these look like seconds"),
        ({"fps": 2}, "so these look like seconds"),
        ({"frames": 0}, "frames 0; the number of its frames is expected"),
        ({"frames": True}, "the number of its frames is expected"),
        ({"frames": 10**12}, "the number of its frames is expected"),
        ({"frames": 12.5}, "the number of its frames is expected"),
        ({"class": "Normal"}, "label 1, but the class 'Normal'"),
        ({"label": 0, "intervals": []}, "label 0, but the class 'Arson'"),
        ({"class": 3}, "the name of a class"),
    ],
)
def test_a_malformed_entry_is_refused_by_the_name_of_its_video(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    message = _refused(tmp_path, {"videos": [VIDEOS[0], VIDEOS[1] | change]})
    assert message.startswith(("b: ", "b (mine.json): "))
    assert reason in message
    assert "mine.json" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"videos": [{"split": "train"}]}, "videos.0: an entry without the name of its video"),
        ([{"visual_input": "a.mp4", "output": "[0002,0124]"}], "entry 0: 'visual_input' is no field"),
        ({"videos": ["a"]}, "videos.0: an entry is expected"),
        ({"videos": 3}, "malformed at videos"),
        ({"videos": [], "version": 1}, "'version' stands beside `videos`"),
        ("3", "malformed at the top level"),
        ('{"name": "a"}\n{"name": \n', "not a JSON file"),
        ({"a": {"name": "b", "split": "train", "label": 0}}, "a: its entry is named 'b'"),
        ({"train": [{"name": "a", "split": "test", "label": 0}]}, "a: split \"test\" under 'train'"),
    ],
)
def test_another_structure_is_refused_with_the_one_that_is_expected(
    tmp_path: Path, content: object, reason: str
) -> None:
    assert reason in _refused(tmp_path, content)


def test_what_is_passed_over_is_said(tmp_path: Path) -> None:
    entries = [entry | {"fps": 30, "duration": 10.7, "comment": "dark"} for entry in VIDEOS]
    assert _read(tmp_path, entries).notes == ("Fields passed over: fps, duration, comment.",)
    early = VIDEOS[1] | {"intervals": [[2, 9]], "fps": 30}
    late = VIDEOS[1] | {"name": "c", "fps": 30, "intervals": [[200, 300]]}
    assert len(_read(tmp_path, [early, late]).videos) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_json_is_read_in_the_encodings_of_windows(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "mine.json").write_bytes(
        json.dumps({"videos": VIDEOS}, indent=1).replace("\n", "\r\n").encode(encoding)
    )
    for path in (tmp_path, tmp_path / "mine.json"):
        assert set(read_annotations(path).videos) == {"a", "b"}
