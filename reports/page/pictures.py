"""Pictures as a page takes them along: sharp where that is small, and small where it is not."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image

from reports.figures.style import Rendered

MediaType = Literal["image/svg+xml", "image/png"]

LARGEST_SVG = 60_000
"""Bytes up to which lines and letters stay lines and letters."""
COLOURS = 256
"""Of a picture of pixels; figures have fewer, but for the soft edges of lines."""


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
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, "png", optimize=True)
        return file.getvalue()
