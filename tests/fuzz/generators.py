"""All generators of inputs that say how they are meant."""

from typing import Any

from . import annotation_words, listed_arrays, naming, shapes
from .generator import Generator

GENERATORS: list[Generator[Any]] = [
    naming.GENERATOR,
    annotation_words.GENERATOR,
    shapes.GENERATOR,
    listed_arrays.GENERATOR,
]
