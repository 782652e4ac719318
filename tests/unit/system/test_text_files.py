from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.system.errors import InputError
from benchmark.system.text_files import beginning, first_line, read_lines, read_rows, read_text

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_read_in_the_encodings_and_ends_of_other_systems(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(f"first Schlägerei{end}{end}  枪战 2{end}".encode(encoding))
    assert read_lines(path) == [(1, "first Schlägerei"), (3, "枪战 2")]
    assert first_line(path) == "first Schlägerei"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_an_older_encoding_is_refused_by_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("one\nÄbuse\n".encode(encoding))
    with pytest.raises(InputError, match=r"a\.txt:2: not a text file in UTF-8 \(byte 0xc4\).*save it in UTF-8"):
        read_text(path)
    assert first_line(path) == "one"


def test_damaged_utf16_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("abc".encode("utf-16")[:-1])
    with pytest.raises(InputError, match="damaged text in UTF-16"):
        read_text(tmp_path / "a.txt")


@given(
    text=st.text(st.characters(codec="ascii", exclude_characters="\x00\r"), min_size=1),
    encoding=st.sampled_from(ENCODINGS),
)
def test_ascii_is_read_alike_in_all_encodings(
    tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str
) -> None:
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(text.encode(encoding))
    assert read_text(path) == beginning(path) == text


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_fields_may_be_divided_as_spreadsheets_do(tmp_path: Path, sign: str) -> None:
    (tmp_path / "a.csv").write_text(f"video{sign} count\na{sign}3\n")
    assert read_rows(tmp_path / "a.csv") == [(1, ["video", "count"]), (2, ["a", "3"])]


def test_no_file_begins_with_nothing(tmp_path: Path) -> None:
    assert beginning(tmp_path / "absent") == first_line(tmp_path) == ""
