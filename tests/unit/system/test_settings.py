"""A setting is of its kind: a number is no truth value and no text, whoever declares it."""

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from benchmark.system.frozen import Settings
from benchmark.terms import Training


class Colour(Enum):
    RED = "red"


class Kinds(Settings):
    count: int = 1
    rate: float | None = None
    sizes: tuple[Annotated[int, Field(gt=0)], ...] = ()
    named: dict[str, float] = Field(default_factory=dict)
    flag: bool = False
    either: int | Literal["auto"] = "auto"
    text: str = ""
    colour: Colour = Colour.RED
    anything: Any = None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", True),
        ("count", "5"),
        ("count", "1_000"),
        ("rate", False),
        ("rate", "1e-4"),
        ("sizes", [1, True]),
        ("sizes", ["2"]),
        ("named", {"a": True}),
        ("flag", "yes"),
        ("flag", "1"),
        ("either", True),
    ],
)
def test_truth_and_text_are_no_numbers(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=r"is expected, not (true|false|'.+')"):
        Kinds.model_validate({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", 5),
        ("count", 5.0),
        ("rate", 1),
        ("rate", None),
        ("sizes", [1, 2]),
        ("named", {"a": 1}),
        ("flag", True),
        ("either", "auto"),
        ("either", 3),
        ("text", "yes"),
        ("colour", "red"),
        ("anything", "1"),
        ("anything", True),
    ],
)
def test_what_is_of_its_kind_is_taken(key: str, value: object) -> None:
    Kinds.model_validate({key: value})


@pytest.mark.parametrize("key", ["steps", "batch_size", "segments", "crops", "looks"])
def test_counts_of_a_training_have_a_bound(key: str) -> None:
    with pytest.raises(ValidationError, match="less than or equal to"):
        Training.model_validate({key: 10**9})


class Grown(Settings):
    added_later = frozenset({"newer", "sizes"})

    older: int = 1
    newer: int = 2
    sizes: tuple[int, ...] = Field(default_factory=lambda: (1, 2))


class GrownAgain(Grown):
    added_later = frozenset({"newest"})

    newest: int = 3


def test_a_setting_that_was_added_later_is_written_only_where_it_is_not_at_its_default() -> None:
    assert Grown().model_dump(mode="json") == {"older": 1}
    assert Grown(newer=3, sizes=(2, 1)).model_dump_json() == '{"older":1,"newer":3,"sizes":[2,1]}'
    assert GrownAgain(older=2).model_dump() == {"older": 2}
    assert GrownAgain.model_validate({"older": 2}) == GrownAgain(older=2)
