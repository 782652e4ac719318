"""Class names of annotations keep the rule for names, whatever form they come in."""

from pathlib import Path

import pytest

from benchmark.importing.annotations.annotated import AnnotatedVideo, by_name
from benchmark.system.errors import InputError


@pytest.mark.parametrize("name", ["a\x1fb", "\x1b[2J", "a\nb", "a\0", "", "x" * 10**6, "\u202etset"])
def test_a_class_that_cannot_be_named_is_refused_with_its_video(name: str) -> None:
    with pytest.raises(InputError, match=r"v1: in its classes.*\(list\.txt\)") as refused:
        by_name([AnnotatedVideo("v1", "train", 1, ("Arson", name))], Path("list.txt"))
    assert len(str(refused.value)) < 1000
