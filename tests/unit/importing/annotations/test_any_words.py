"""However annotations are written down: they are read as meant, or refused in one line."""

from tests.fuzz.annotation_words import GENERATOR
from tests.fuzz.harness import compare


def test_annotations_are_read_as_meant_or_refused() -> None:
    outcomes = compare(GENERATOR, 200)
    assert outcomes["as meant"] > 200 / 10
    assert outcomes["refused"] > 200 / 10
