"""A command that takes a record: its fields are options and arguments, and what is given comes in it."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer

from benchmark.cli.records import takes


@dataclass(frozen=True)
class Order:
    """A record with a field that must be given, one that may, and one that may be given several times."""

    what: Annotated[str, typer.Argument()]
    often: Annotated[int, typer.Option(min=1)] = 1
    extras: tuple[str, ...] = ()


SEVERAL: dict[str, Any] = {"extras": Annotated[list[str], typer.Option("--extra")]}


def call(*arguments: str) -> list[object]:
    taken: list[object] = []
    small = typer.Typer()

    @small.command()
    @takes(Order, SEVERAL)
    def order(asked: Order, where: Annotated[str, typer.Option()] = "here") -> None:
        """Order something."""
        taken.extend([asked, where])

    small(args=list(arguments), standalone_mode=False)
    return taken


def test_what_is_not_given_is_as_the_record_has_it() -> None:
    assert call("tea") == [Order("tea"), "here"]


def test_what_is_given_comes_in_the_record_and_what_is_the_commands_own_beside_it() -> None:
    given = ["tea", "--often", "3", "--extra", "milk", "--extra", "sugar", "--where", "there"]
    assert call(*given) == [Order("tea", 3, ("milk", "sugar")), "there"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing parameter: what"),
        (["tea", "--often", "0"], "greater than or equal to 1"),
        (["tea", "--asked"], "asked"),
    ],
)
def test_a_field_is_checked_as_any_option(arguments: list[str], message: str) -> None:
    with pytest.raises(Exception, match=message) as caught:
        call(*arguments)
    assert hasattr(caught.value, "format_message")
