"""The one rule for names from outside, and texts shown that break it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.system.names import LONGEST_NAME, check_file_name, check_name, printable

ANY = st.text(st.characters(codec="utf-8"), max_size=300)


@pytest.mark.parametrize("name", ["Arson", "Über fall", "打架", "a|b", "<b>", "normal.v2", "x" * LONGEST_NAME])
def test_what_people_call_things_is_a_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a" * (LONGEST_NAME + 1), "256 bytes"),
        ("打" * 86, "258 bytes"),
        *((f"a{sign}b", "do not print") for sign in "\0\n\r\t\x1b\x1f\x7f\x85\u200b\u2028\u202e\u2066\ue000"),
        ("a\udcffb", "do not print"),
    ],
)
def test_what_would_act_on_a_terminal_or_break_a_line_is_none(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        check_name(name)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", ".", "..", "/", ""])
def test_a_way_to_another_folder_is_no_name_of_a_file(name: str) -> None:
    with pytest.raises(ValueError, match=r"another folder|empty"):
        check_file_name(name)


@given(ANY)
def test_a_name_is_shown_as_it_is(text: str) -> None:
    try:
        check_name(text)
    except ValueError:
        return
    assert printable(text) == text


@given(ANY)
def test_what_is_shown_has_no_command_to_a_terminal_and_no_end_of_line(text: str) -> None:
    shown = printable(text)
    assert all(character.isprintable() or character.isspace() for character in shown)
    assert not set(shown) & set("\n\r\t\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029")
    assert printable(shown) == shown
