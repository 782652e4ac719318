"""Objects: class scores of a detector of the YOLO family, recognised by the shape of its output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.decoding import frame_places
from benchmark.extraction.extra import load_opencv
from benchmark.extraction.frame_sources import Frame
from benchmark.extraction.onnx_model import OnnxModel, as_half
from benchmark.extraction.settings import Family, ObjectSettings
from benchmark.system.errors import InputError
from benchmark.system.hashing import sum_of
from benchmark.terms import SNIPPET_FRAMES

COCO_CLASSES = 80
GREY = 114
"""What YOLO puts around an image that does not fill the input."""
_FREE_SIZE = {"yolov5": 640, "yolov8": 640, "fastestdet": 352}
"""Side of the input, in pixels, that each family was trained with: for models that leave it free."""
_PROBE = 640


class Detector:
    """Gives the class scores of snippets.

    Parameters
    ----------
    path
        The detector, an ONNX file.
    frames
        Frames looked at in a snippet, 1 to 16; see `benchmark.extraction.decoding.frame_places`.
    names
        Names of the classes; empty for COCO's 80 without names.

    Raises
    ------
    InputError
        If the file is no model, or no detector of that many classes of a known family.
    """

    folder = "objects"
    span = SNIPPET_FRAMES
    together = 1

    def __init__(self, path: Path, frames: int, names: Sequence[str]) -> None:
        self._cv2 = load_opencv()
        self._model = OnnxModel(path)
        classes = len(names) or COCO_CLASSES
        height, width = _input_size(self._model, _PROBE)
        shapes = [output.shape for output in self._model.run(np.zeros((1, 3, height, width), np.float32))]
        family = recognise(shapes, classes, path)
        height, width = _input_size(self._model, _FREE_SIZE[family])
        self.settings = ObjectSettings(
            model=path.name,
            sha256=sum_of(path),
            family=family,
            width=width,
            height=height,
            frames=frames,
            classes=classes,
            names=tuple(names),
        )

    def prepare(self, frames: Sequence[Frame]) -> NDArray[np.uint8]:
        """Return the frames of a snippet that are looked at in the input's size, (frames, height, width, colours)."""
        resize = self._stretched if self.settings.family == "fastestdet" else self._letterboxed
        return np.stack([resize(frames[place]) for place in frame_places(self.settings.frames, len(frames))])

    def measure(self, prepared: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float16]]:
        """Return the mean over the frames looked at of each class's highest confidence, (classes,)."""
        return [
            as_half(np.mean([self._scores(image) for image in images], axis=0), self._model.path) for images in prepared
        ]

    def _scores(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        given = image.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / np.float32(255)
        return class_scores(self.settings.family, self._model.run(given)[0])

    def _stretched(self, frame: Frame) -> NDArray[np.uint8]:
        """Return the frame in the input's size, whatever its proportions: (height, width, BGR)."""
        cv2 = self._cv2
        small: NDArray[np.uint8] = cv2.resize(
            frame, (self.settings.width, self.settings.height), interpolation=cv2.INTER_AREA
        )
        return small

    def _letterboxed(self, frame: Frame) -> NDArray[np.uint8]:
        """Return the frame with its proportions kept, in the middle of grey: (height, width, RGB)."""
        cv2 = self._cv2
        scale = min(self.settings.height / frame.shape[0], self.settings.width / frame.shape[1])
        height, width = (max(1, round(side * scale)) for side in frame.shape[:2])
        top, left = (self.settings.height - height) // 2, (self.settings.width - width) // 2
        whole = np.full((self.settings.height, self.settings.width, 3), GREY, np.uint8)
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
        whole[top : top + height, left : left + width] = small[:, :, ::-1]
        return whole


def recognise(shapes: Sequence[tuple[int, ...]], classes: int, path: Path) -> Family:
    """Return the family of a detector from the shapes of its outputs for one image.

    Raises
    ------
    InputError
        If its first output is none of a known family with that many classes.
    """
    match shapes:
        case [(1, _, values), *_] if values == 5 + classes:
            return "yolov5"
        # A second output means masks, whose coefficients stand among the scores.
        case [(1, values, _)] if values == 4 + classes:
            return "yolov8"
        case [(1, values, _, _)] if values == 5 + classes:
            return "fastestdet"
    given = ", ".join(str(tuple(shape)) for shape in shapes)
    raise InputError(
        f"{path}: output {given} is none of YOLOv5 (1, N, {5 + classes}), YOLOv8 (1, {4 + classes}, N) or "
        f"FastestDet (1, {5 + classes}, H, W) for {classes} classes; export it so, without suppression, "
        "and name classes other than COCO's with --class-names"
    )


def class_scores(family: Family, output: NDArray[Any]) -> NDArray[np.float32]:
    """Return each class's highest confidence in one image, (classes,).

    Suppression of overlapping boxes is not needed: it always keeps the best box of each class.

    - YOLOv5: box, objectness and class scores in a row; confidence = objectness × class score.
    - YOLOv8: box and class scores in a column; confidence = class score.
    - FastestDet: objectness, box and class scores in a cell; confidence = objectness^0.6 × class score^0.4, and a
      cell counts for its best class only, as in its published post-processing. A class that is no cell's best has 0.

    Parameters
    ----------
    output
        The detector's first output, as `recognise` knows it.
    """
    values = output[0].astype(np.float32)
    if family == "yolov5":
        confidences = values[:, 4:5] * values[:, 5:]
    elif family == "yolov8":
        confidences = values[4:].T
    else:
        cells = np.maximum(values.reshape(len(values), -1).T, 0)
        confidences = cells[:, :1] ** 0.6 * cells[:, 5:] ** 0.4
        best = confidences.argmax(axis=1, keepdims=True)
        confidences = np.where(np.arange(confidences.shape[1]) == best, confidences, 0)
    scores: NDArray[np.float32] = confidences.max(axis=0, initial=0)
    return scores


def _input_size(model: OnnxModel, free: int) -> tuple[int, int]:
    """Return height and width of the input, where it is one of images."""
    if len(model.shape) != 4 or model.shape[0] not in (1, None) or model.shape[1] not in (3, None):
        raise InputError(f"{model.path}: takes {model.shape}, but a detector takes one image, (1, 3, height, width)")
    return model.shape[2] or free, model.shape[3] or free
