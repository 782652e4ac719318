"""Choices of a call have bounds, said in a line that names the option."""

import pytest

from benchmark.system.errors import InputError
from benchmark.training.choices import BOUNDS, Choices


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("beyond", [-1, float("inf"), float("nan"), 10**5000], ids=["-1", "inf", "nan", "huge"])
def test_a_choice_out_of_its_bounds_is_refused(name: str, beyond: float) -> None:
    with pytest.raises(InputError, match=rf"^--{name.replace('_', '-')}: choose a number from \S+ to \S+$"):
        Choices(**{name: beyond})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in BOUNDS if name != "gpus_per_run"])
def test_its_bounds_are_within_them(name: str) -> None:
    for bound in BOUNDS[name]:
        assert getattr(Choices(**{name: bound}), name) == bound  # type: ignore[arg-type]
