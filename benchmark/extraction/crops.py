"""Crops of a frame, as an encoder sees them: their places, their order, and their colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.extra import load_opencv
from benchmark.extraction.frame_sources import Frame
from benchmark.system.errors import InputError
from benchmark.terms import CropRule, Normalisation

MARGIN = 256 / 224
"""How much larger than a crop the resized frame is, as where 224 pixels are cut from 256."""

Colours = tuple[tuple[float, ...], tuple[float, ...]]

_CORNERS = ("top left", "top right", "bottom left", "bottom right")
# Places in their order, and what is mirrored for as many more: the frame before it is cropped, or each crop.
_ORDERS: Mapping[CropRule, tuple[tuple[str, ...], Literal["frame", "crop"] | None]] = {
    "one": (("centre",), None),
    "five": ((*_CORNERS, "centre"), None),
    "ten": ((*_CORNERS, "centre"), "frame"),
    "ten-in-place": ((*_CORNERS, "centre"), "crop"),
    "oversample": ((*_CORNERS[:2], "centre", *_CORNERS[2:]), "frame"),
    "centre-five": (("centre", *_CORNERS), None),
    "centre-ten": (("centre", *_CORNERS), "crop"),
}

# Mean and standard deviation of each colour in units of 255, red first: (x / 255 - mean) / std.
_COLOURS: dict[Normalisation, Colours] = {
    # ImageNet's statistics, as in torchvision.
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    # OpenAI's CLIP.
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    # EfficientNet-Lite: (x - 127) / 128.
    "lite": ((127 / 255,) * 3, (128 / 255,) * 3),
    # x / 255
    "unit": ((0.0,) * 3, (1.0,) * 3),
    # I3D-ResNet-50 (facebookresearch/video-nonlocal-net): (x - 114.75) / 57.375.
    "i3d": ((0.45,) * 3, (0.225,) * 3),
    # Kinetics-400's statistics, as in torchvision.
    "kinetics": ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
    # What often stands in for C3D's mean cube: x - (102, 98, 90).
    "c3d": ((102 / 255, 98 / 255, 90 / 255), (1 / 255,) * 3),
    # I3D-Inception (deepmind/kinetics-i3d): x / 127.5 - 1.
    "i3d-inception": ((0.5,) * 3, (0.5,) * 3),
}


def count_crops(rule: CropRule) -> int:
    """Return how many crops there are."""
    order, mirrored = _ORDERS[rule]
    return len(order) * (2 if mirrored else 1)


def cut_crops(frame: Frame, rule: CropRule, height: int, width: int) -> NDArray[np.uint8]:
    """Cut crops from a frame.

    The frame is resized with its proportions kept, so that it is 256 / 224 times the crop on the side that is short
    of it (area-averaged where it shrinks).

    Parameters
    ----------
    frame
        (height, width, BGR)
    rule
        Which crops, see `take_crops`.
    height, width
        Of a crop, in pixels.

    Returns
    -------
    crops
        (crops, height, width, RGB)
    """
    cv2 = load_opencv()
    scale = MARGIN * max(height / frame.shape[0], width / frame.shape[1])
    tall, wide = max(height, round(frame.shape[0] * scale)), max(width, round(frame.shape[1] * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    whole = cv2.resize(frame, (wide, tall), interpolation=interpolation)[:, :, ::-1]
    return take_crops(whole, rule, height, width)


def take_crops(
    image: NDArray[Any], rule: CropRule, height: int, width: int, centre: Literal["round", "floor"] = "round"
) -> NDArray[Any]:
    """Cut crops from an image as it is.

    Parameters
    ----------
    image
        (height, width, channels)
    rule
        ``one``, the centre; ``five``, the corners (top left, top right, bottom left, bottom right) and the centre;
        ``ten``, the five and then those of the mirrored frame, as torchvision's TenCrop; ``ten-in-place``, the five
        and then each of them mirrored, so that the sixth shows the top left again; ``oversample``, like ``ten`` with
        the centre third; ``centre-five`` and ``centre-ten``, like ``five`` and ``ten-in-place`` with the centre first.
    centre
        What becomes of half a pixel: rounded to even, as Python and torchvision do, or down.

    Returns
    -------
    crops
        (crops, height, width, channels)

    Raises
    ------
    InputError
        If the image is smaller.
    """
    down, right = image.shape[0] - height, image.shape[1] - width
    if min(down, right) < 0:
        raise InputError(f"frames of {image.shape[1]}x{image.shape[0]} pixels hold no crop of {width}x{height}")
    half = round if centre == "round" else int
    places = {
        "centre": (half(down / 2), half(right / 2)),
        "top left": (0, 0),
        "top right": (0, right),
        "bottom left": (down, 0),
        "bottom right": (down, right),
    }
    order, mirrored = _ORDERS[rule]

    def cut(whole: NDArray[Any]) -> NDArray[Any]:
        corners = [places[name] for name in order]
        return np.stack([whole[top : top + height, left : left + width] for top, left in corners])

    crops = cut(image)
    if mirrored == "frame":
        return np.concatenate([crops, cut(image[:, ::-1])])
    return np.concatenate([crops, crops[:, :, ::-1]]) if mirrored == "crop" else crops


def normalise(crops: NDArray[np.uint8], normalisation: Normalisation | Colours) -> NDArray[np.float32]:
    """Return crops (..., height, width, channels) with their colours normalised, by name or by mean and deviation."""
    named = _COLOURS[normalisation] if isinstance(normalisation, str) else normalisation
    mean, std = (np.asarray(values[: crops.shape[-1]], np.float32) for values in named)
    colours = crops.astype(np.float32)
    colours /= np.float32(255)  # in place, as memory of such sizes is slow to come by
    colours -= mean
    colours /= std
    return colours
