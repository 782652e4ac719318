"""Pictures as a page takes them along: sharp where that is small, and small where it is not."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, Self, TypeVar

from PIL import Image
from pydantic import Field

from benchmark.system.frozen import FrozenModel
from reports.figures.style import Rendered

MediaType = Literal["image/svg+xml", "image/png"]

LARGEST_SVG = 60_000
"""Bytes up to which lines and letters stay lines and letters."""
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
    kind
        Its media type.
    content
        In Base64.
    lacking
        Letters that no font of the machine has.
    """

    size: tuple[float, float]
    kind: MediaType
    content: str = Field(pattern=r"^[A-Za-z0-9+/=]*$")
    lacking: tuple[Annotated[str, Field(max_length=1)], ...] = ()

    @classmethod
    def of(cls, rendered: Rendered) -> Self:
        """Make a page's picture of a figure that was drawn for it."""
        kind, content = page_picture(rendered)
        lacking = tuple(sorted(rendered.lacking))
        return cls(size=rendered.size, kind=kind, content=base64.b64encode(content).decode(), lacking=lacking)

    @property
    def source(self) -> str:
        """Its content as an address, which needs no file."""
        return f"data:{self.kind};base64,{self.content}"


def fitting(pictures: Mapping[Key, PagePicture], order: Iterable[Key], room: int) -> Iterator[tuple[Key, PagePicture]]:
    """Go through pictures in an order, leaving out each for which there is no room any more, in bytes."""
    for key in order:
        size = len(pictures[key].content) + WORDS
        if size <= room:
            room -= size
            yield key, pictures[key]


def page_picture(rendered: Rendered) -> tuple[MediaType, bytes]:
    """Return kind and content of a picture: SVG if it is there and small, else pixels unless the SVG is smaller yet."""
    svg, png = rendered.contents.get("svg"), rendered.contents.get("png")
    if svg is not None and (png is None or len(svg) <= LARGEST_SVG):
        return "image/svg+xml", svg
    small = _few_colours(png or b"")
    return ("image/svg+xml", svg) if svg is not None and len(svg) <= len(small) else ("image/png", small)


def _few_colours(png: bytes) -> bytes:
    """Return a picture with the colours that it has most of, about a third as large."""
    with Image.open(io.BytesIO(png)) as picture, io.BytesIO() as file:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(file, "png", optimize=True)
        return file.getvalue()
