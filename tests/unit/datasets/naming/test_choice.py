import pytest

from benchmark.datasets.naming.choice import Naming, find_named, name_files
from benchmark.system.near_names import nearest


def _read(files: list[str], annotated: list[str], **options: object) -> tuple[Naming, dict[str, list[str]]]:
    naming = name_files([tuple(file.split("/")) for file in files], annotated, **options)  # type: ignore[arg-type]
    return naming, {name: [files[crops[k]] for k in sorted(crops)] for name, crops in naming.files.items()}


def _sound(naming: Naming, annotated: list[str]) -> bool:
    return not (naming.unnamed or naming.twice or naming.gaps or naming.absent(annotated))


@pytest.mark.parametrize(
    ("files", "expected", "said"),
    [
        # Videos with numbers, and crops of videos: the annotation tells.
        (["Fire_0", "Fire_1", "Fall_0"], {"Fire_0": 1, "Fire_1": 1, "Fall_0": 1}, ""),
        (["Fire_0", "Fire_1", "Fall_0", "Fall_1"], {"Fire": 2, "Fall": 2}, ""),
        (["gate_1", "gate_2", "hall_1", "hall_2"], {"gate": 2, "hall": 2}, ""),
        (["Fire_0_0", "Fire_0_1", "Fire_1_0", "Fire_1_1"], {"Fire_0": 2, "Fire_1": 2}, ""),
        (["Fire_0__0", "Fire_0__1", "Fire_1__0", "Fire_1__1"], {"Fire_0": 2, "Fire_1": 2}, ""),
        (["Fire_0", "Fire_1", "Fire_0_0", "Fire_0_1"], {"Fire": 2, "Fire_0": 2}, ""),
        (["a", "a__1", "b", "b__1"], {"a": 2, "b": 2}, ""),
        (["a_crop0", "a_crop1", "b_crop0", "b_crop1"], {"a": 2, "b": 2}, "after `_crop`"),
        (["a_i3d__0", "a_i3d__1", "b_i3d__0", "b_i3d__1"], {"a": 2, "b": 2}, "`_i3d` after"),
        (["a__0_i3d", "a__1_i3d", "b__0_i3d", "b__1_i3d"], {"a": 2, "b": 2}, "after `__`"),
        (["crop_0/a", "crop_1/a", "crop_0/b", "crop_1/b"], {"a": 2, "b": 2}, "Each crop has a folder"),
        # Names in folders.
        (["a/features", "b/features"], {"a": 1, "b": 1}, "a folder of its own"),
        (["a/i3d/0", "a/i3d/1", "b/i3d/0", "b/i3d/1"], {"a": 2, "b": 2}, "are its crops"),
        (["train/odd/1", "train/even/1"], {"train_odd_1": 1, "train_even_1": 1}, "last 3 parts"),
        (["01/0014", "01/001"], {"01_0014": 1, "01_001": 1}, "last 2 parts"),
        (["t/Fire/1", "t/Fall/1", "t/x/cam7"], {"Fire_1": 1, "Fall_1": 1, "cam7": 1}, "told apart by the folders"),
        # A relation that is the same for all.
        (["v_a", "v_b"], {"a": 1, "b": 1}, "`v_` before"),
        (["Abuse001", "Abuse002"], {"Abuse001_x264": 1, "Abuse002_x264": 1}, "such as `_x264`"),
        (["Abuse001_i3d", "Abuse002_i3d"], {"Abuse001_x264": 1, "Abuse002_x264": 1}, "`_i3d` after"),
        (["resnet_abuse001", "resnet_abuse002"], {"Abuse001_x264": 1, "Abuse002_x264": 1}, "letters"),
        (["01-001", "01-0014"], {"01_001": 1, "01_0014": 1}, "the signs"),
        (["Kick_Ass-2", "v_38"], {"Kick Ass 2": 1, "v=38": 1}, None),
        (["a.mp4", "b.avi"], {"a": 1, "b": 1}, "Endings"),
        (["1", "2"], {"cam_1": 1, "cam_2": 1}, "`cam_`"),
        # The split in another word or place.
        (["training_videos/01", "testing_videos/01"], {"training_01": 1, "testing_01": 1}, ""),
        (["Train/1", "Test/1"], {"training_01": 1, "testing_01": 1}, "by their split"),
        (["01_train", "01_test"], {"training_01": 1, "testing_01": 1}, "by their split"),
        (["training_videos_01", "testing_videos_01"], {"training_01": 1, "testing_01": 1}, "by their split"),
        (
            ["Train001__0", "Train001__1", "Test001__0", "Test001__1"],
            {"training_01": 2, "testing_01": 2},
            "their split",
        ),
    ],
)
def test_the_annotated_names_decide_what_is_a_video_and_what_a_crop(
    files: list[str], expected: dict[str, int], said: str | None
) -> None:
    naming, read = _read(files, list(expected))
    if said is None:
        assert naming.unnamed
        return
    assert {name: len(crops) for name, crops in read.items()} == expected
    assert _sound(naming, list(expected))
    assert naming.numbered == (max(expected.values()) > 1)
    assert said in naming.said
    assert bool(said) == bool(naming.said)


@pytest.mark.parametrize(
    ("files", "annotated"),
    [
        (["x_1", "x_2"], ["cam_1", "cam_2"]),  # another prefix is another video
        (["a_day", "b_day"], ["a_night", "b_night"]),
        (["01_00145"], ["01_0014"]),  # so is a longer number
        (["101_0014"], ["01_0014"]),
        (["01_014"], ["01_0014"]),
        (["lobby", "lobby_1", "gate", "gate_1"], ["lobby", "gate"]),  # one that is not annotated, and no crop
        (["1/lobby", "2/lobby", "1/gate", "2/gate"], ["lobby", "gate"]),
        (["lobby_1", "lobby_2", "gate_1"], ["lobby", "gate"]),
        (["A", "a"], ["a"]),
        (["a", "B"], ["a", "B", "b_x"]),
    ],
)
def test_what_is_only_alike_is_not_matched(files: list[str], annotated: list[str]) -> None:
    assert not _sound(_read(files, annotated)[0], annotated)


def test_a_file_with_an_annotated_name_is_no_crop_where_names_may_be_missing() -> None:
    naming, read = _read(["Fire_0", "Fire_1"], ["Fire", "Fire_0"], without=["Fire_0"])
    assert not _sound(naming, ["Fire"])
    assert read == {"Fire_0": ["Fire_0"]}


def test_names_are_the_same_in_either_form_of_unicode() -> None:
    naming, read = _read(["Ame\u0301lie__0", "Am\u00e9lie__1"], ["Am\u00e9lie"])
    assert _sound(naming, ["Am\u00e9lie"])
    assert len(read["Am\u00e9lie"]) == 2


def test_equal_files_of_one_video_are_copies_and_others_are_counted() -> None:
    files = ["Abuse/a", "Arson/a", "x/b", "y/b", "x/c"]
    naming, _ = _read(files, ["a", "b", "c"], same=lambda first, second: first == 0)
    assert naming.copies == ((0, 1),)
    assert naming.twice == ((2, 3),)


def test_crops_that_are_missing_are_told() -> None:
    assert _read(["a__0", "a__1", "b__0", "b__1", "c__1"], ["a", "b", "c"])[0].gaps == (("c", 0),)
    assert _read(["a_1", "b_1", "b_0"], ["a", "b"])[0].gaps == (("a", 0),)
    assert _read(["a__0", "a__2"], ["a"])[0].gaps == (("a", 1),)
    assert _read(["a__5", "b__5"], ["a", "b"])[0].gaps == ()
    assert _read(["a__1", "a__2"], ["a"])[0].gaps == ()


def test_files_of_other_videos_may_be_there_if_that_is_said() -> None:
    naming, read = _read(["v_a", "v_b", "v_other"], ["a", "b"], others=True)
    assert read == {"a": ["v_a"], "b": ["v_b"]}
    assert naming.unnamed == (2,)


def test_crops_may_be_ruled_out() -> None:
    assert not _sound(_read(["a__0", "a__1"], ["a"], crops=False)[0], ["a"])
    naming, read = _read(["a__0", "b__0"], ["a", "b"], crops=False)
    assert read == {"a": ["a__0"], "b": ["b__0"]}
    assert not naming.numbered


def test_where_no_rule_holds_the_nearest_tells_what_is_left() -> None:
    naming, _ = _read(["v_a", "v_b", "stray"], ["a", "b", "c"])
    assert [naming.unnamed, naming.absent(["a", "b", "c"])] == [(2,), ["c"]]
    assert nearest("Normal_Videos920_x264", ["Abuse001_x264", "Normal_Videos_920_x264"]) == "Normal_Videos_920_x264"
    assert nearest("abuse", ["zzz"]) is None


def test_an_entry_of_a_list_means_a_name_with_or_without_its_folders() -> None:
    assert find_named(("train", "odd", "1"), {"odd_1"}) == "odd_1"
    assert find_named(("train", "odd", "1"), {"1"}) == "1"
    assert find_named(("train", "odd", "1"), {"2"}) is None
