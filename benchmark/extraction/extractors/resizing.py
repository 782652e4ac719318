"""Resizing frames as the libraries do that published features were made with: their pixels differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.extraction.extra import load_opencv
from benchmark.terms import ResizeFilter

_PIL = {
    "pil-bilinear": Image.Resampling.BILINEAR,
    "pil-bicubic": Image.Resampling.BICUBIC,
    "pil-lanczos": Image.Resampling.LANCZOS,
}


def resize(frame: NDArray[Any], size: str, filter: ResizeFilter) -> NDArray[Any]:
    """Return a frame (height, width, channels) in another size.

    Parameters
    ----------
    size
        ``short 256``, ``340x256`` (width, height) or ``none``, as in a recipe.
    filter
        PIL's widen with the reduction, so that nothing aliases; ``cv2-linear`` and ``float-linear`` do not. The latter
        gives numbers between whole levels, as PyTorch's ``interpolate`` does of tensors.
    """
    if filter == "float-linear":
        frame = frame.astype(np.float32)
    if size == "none":
        return frame
    height, width = frame.shape[:2]
    if size.startswith("short "):
        side = int(size.removeprefix("short "))
        if side == min(height, width):
            return frame
        if filter not in _PIL:
            factor = side / min(height, width)
            cv2 = load_opencv()
            return np.asarray(cv2.resize(frame, None, fx=factor, fy=factor, interpolation=_opencv(filter)))
        # As torchvision and Tian's loader: the fraction of the longer side is cut off.
        tall, wide = (int(side * each / min(height, width)) for each in (height, width))
    else:
        wide, tall = map(int, size.split("x"))
    if filter in _PIL:
        return np.asarray(Image.fromarray(frame).resize((wide, tall), _PIL[filter]))
    return np.asarray(load_opencv().resize(frame, (wide, tall), interpolation=_opencv(filter)))


def _opencv(filter: ResizeFilter) -> int:
    cv2 = load_opencv()
    return int(cv2.INTER_AREA if filter == "cv2-area" else cv2.INTER_LINEAR)
