"""Whether MyMethod keeps the contract of a method; run it with pytest."""

from pathlib import Path

import pytest

from benchmark.plugins.contract import CHECKS, find_subject

SUBJECT = find_subject(f"{Path(__file__).with_name('my_method.py')}:MyMethod")


@pytest.mark.parametrize("check", CHECKS)
def test_my_method_keeps_the_contract(check: str) -> None:
    """Each check says in words what is wrong, with the shapes seen and what to do."""
    CHECKS[check](SUBJECT)
