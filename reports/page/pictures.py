"""Pictures as a page takes them along: pixels of few colours, which take little room."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Self, TypeVar

from PIL import Image
from pydantic import Field

from benchmark.system.frozen import FrozenModel
from reports.figures.style import Rendered

COLOURS = 256
"""Of a picture of pixels; figures have fewer, but for the soft edges of lines."""
WORDS = 3_000
"""Bytes that stand around a picture: its title, its caption, its command."""

Key = TypeVar("Key")


class PagePicture(FrozenModel):
    """A picture as a page shows it.

    Attributes
    ----------
    size
        Width and height in inches.
    content
        A PNG file in Base64: a third of the bytes that most figures take as SVG.
    lacking
        Letters that no font of the machine has.
    """

    size: tuple[float, float]
    content: str = Field(pattern=r"^[A-Za-z0-9+/=]*$")
    lacking: tuple[Annotated[str, Field(max_length=1)], ...] = ()

    @classmethod
    def of(cls, rendered: Rendered) -> Self:
        """Make a page's picture of a figure that was drawn for it."""
        content = base64.b64encode(few_colours(rendered.contents["png"])).decode()
        return cls(size=rendered.size, content=content, lacking=tuple(sorted(rendered.lacking)))

    @property
    def source(self) -> str:
        """Its content as an address, which needs no file."""
        return f"data:image/png;base64,{self.content}"


def fitting(pictures: Mapping[Key, PagePicture], order: Iterable[Key], room: int) -> Iterator[tuple[Key, PagePicture]]:
    """Go through pictures in an order, leaving out each for which there is no room any more, in bytes."""
    for key in order:
        size = len(pictures[key].content) + WORDS
        if size <= room:
            room -= size
            yield key, pictures[key]


def few_colours(png: bytes) -> bytes:
    """Return a picture with the colours that it has most of, about a third as large."""
    with Image.open(io.BytesIO(png)) as picture, io.BytesIO() as file:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(file, "png")
        return file.getvalue()
