"""Crops of a frame, as an image encoder sees them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.extra import load_opencv
from benchmark.extraction.frame_sources import Frame
from benchmark.terms import CropRule, Normalisation

MARGIN = 256 / 224
"""How much larger than a crop the resized frame is, as where 224 pixels are cut from 256."""

# Mean and standard deviation of each colour in units of 255, red first: (x / 255 - mean) / std.
_COLOURS: dict[Normalisation, tuple[tuple[float, ...], tuple[float, ...]]] = {
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
    # I3D-Inception (deepmind/kinetics-i3d): x / 127.5 - 1.
    "i3d-inception": ((0.5,) * 3, (0.5,) * 3),
}


def cut_crops(frame: Frame, rule: CropRule, height: int, width: int) -> NDArray[np.uint8]:
    """Cut crops from a frame.

    The frame is resized with its proportions kept, so that it is 256 / 224 times the crop on the side that is short
    of it (area-averaged where it shrinks).

    Parameters
    ----------
    frame
        (height, width, BGR)
    rule
        ``one``, the centre; ``five``, the corners (top left, top right, bottom left, bottom right) and the centre;
        ``ten``, the five and then those of the mirrored frame, as torchvision's TenCrop; ``ten-in-place``, the five
        and then each of them mirrored, so that the sixth shows the top left again.
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
    down, right = tall - height, wide - width
    centre = (round(down / 2), round(right / 2))
    corners = [(0, 0), (0, right), (down, 0), (down, right)]
    places = [centre] if rule == "one" else [*corners, centre]

    def cut(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.stack([image[top : top + height, left : left + width] for top, left in places])

    crops = cut(whole)
    if rule == "ten":
        return np.concatenate([crops, cut(whole[:, ::-1])])
    return np.concatenate([crops, crops[:, :, ::-1]]) if rule == "ten-in-place" else crops


def normalise(crops: NDArray[np.uint8], normalisation: Normalisation) -> NDArray[np.float32]:
    """Return crops (..., height, width, RGB) with their colours normalised."""
    mean, std = (np.asarray(values, np.float32) for values in _COLOURS[normalisation])
    return (crops.astype(np.float32) / np.float32(255) - mean) / std
