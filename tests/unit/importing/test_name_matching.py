from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.video_names import split_crop, video_name
from benchmark.importing.name_matching import match_names
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines

HOCKEY = "Hockey.Splice.001__#00-00-00_00-00-10_label_B1-0-0"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("Abuse/Abuse001_x264.mp4", "Abuse001_x264"),
        (r"G:\UCF\Abuse001_x264.MP4", "Abuse001_x264"),
        (HOCKEY, HOCKEY),
        (f"{HOCKEY}.mp4", HOCKEY),
        ("01_0014", "01_0014"),
    ],
)
def test_a_name_is_an_entry_without_folders_and_ending(entry: str, name: str) -> None:
    assert video_name(entry) == name


def test_only_a_number_at_the_end_is_a_crop() -> None:
    assert split_crop(f"{HOCKEY}__1") == (HOCKEY, 1)
    assert split_crop(HOCKEY) == (HOCKEY, None)
    assert split_crop("01_001") == ("01_001", None)


_WORDS = st.text(alphabet="ab01_-.#", min_size=1, max_size=6)


@given(st.sets(_WORDS, min_size=1), st.sampled_from(["", "_i3d", "_effnet", ".v2__rgb"]))
def test_files_match_by_name_with_or_without_a_common_suffix(names: set[str], suffix: str) -> None:
    matching = match_names([name + suffix for name in names], names)
    assert matching.stems == {name: name + suffix for name in names}
    assert matching.suffix == suffix
    assert matching.unknown == ()


def test_a_stem_without_the_common_suffix_or_annotation_is_unknown() -> None:
    matching = match_names(["a_i3d", "b_i3d", "c", "d_i3d"], ["a", "b", "c"])
    assert matching.stems == {"a": "a_i3d", "b": "b_i3d"}
    assert matching.unknown == ("c", "d_i3d")
    # A longer number is another name, not a suffix.
    assert match_names(["01_00145"], ["01_0014"]).unknown == ("01_00145",)


def test_lines_keep_their_numbers_and_need_text(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\n\r\n  b  \n")
    assert read_lines(path) == [(1, "a"), (3, "b")]
    path.write_bytes(b"\x80\x04\x95")
    with pytest.raises(InputError, match=r"list\.txt: not a text file"):
        read_lines(path)
    with pytest.raises(InputError, match=r"absent\.txt: cannot be read"):
        read_lines(tmp_path / "absent.txt")
