import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.system.near_names import did_you_mean, find_alike, nearest

METHODS = ("binary-svm", "clav", "mmil", "rtfm")


@pytest.mark.parametrize("wanted", ["binary-svm", "Binary SVM", "BINARY_SVM", " binary  svm"])
def test_a_name_is_found_however_it_is_written(wanted: str) -> None:
    assert find_alike(wanted, METHODS) == "binary-svm"


@given(st.lists(st.text(max_size=6), unique=True), st.text(max_size=6))
def test_what_is_found_is_known_and_a_known_name_is_itself(known: list[str], wanted: str) -> None:
    assert find_alike(wanted, known) in (None, *known)
    assert nearest(wanted, known) in (None, *known)
    for name in known:
        assert find_alike(name, known) == name


def test_of_two_that_are_alike_none_is_meant_by_a_third() -> None:
    assert find_alike("MINE", ["mine", "Mine"]) is None


@pytest.mark.parametrize(
    ("wanted", "known", "near"),
    [
        ("rftm", METHODS, "rtfm"),
        ("lr", ["learning_rate", "steps"], "learning_rate"),
        ("nothing", METHODS, None),
        ("x", [], None),
    ],
)
def test_the_nearest_name(wanted: str, known: list[str], near: str | None) -> None:
    assert nearest(wanted, known) == near
    assert did_you_mean(wanted, known) == ("" if near is None else f"; did you mean {near}?")
