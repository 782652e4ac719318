"""The mean cube of C3D: what is subtracted from each frame of a clip, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.published_files.protobuf import submessages
from benchmark.system.errors import InputError
from benchmark.system.files import read_regular
from benchmark.terms import SNIPPET_FRAMES

CHANNELS, HEIGHT, WIDTH = 3, 128, 171


def read_mean_cube(path: Path) -> NDArray[np.float32]:
    """Read ``sport1m_train16_128_mean.binaryproto``, a BlobProto of Caffe whose numbers are one packed field.

    Returns
    -------
    means
        (16, 128, 171, BGR), in levels of 0 to 255.

    Raises
    ------
    InputError
        If the file is missing, or holds no such cube.
    """
    shape = (CHANNELS, SNIPPET_FRAMES, HEIGHT, WIDTH)
    try:
        content = memoryview(read_regular(path))
        fields = [field for _, field in submessages(content) if len(field) == 4 * np.prod(shape)]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (IndexError, ValueError):
        raise InputError(f"{path}: not a file of Caffe, or cut off; copy it again") from None
    means = np.frombuffer(fields[0], "<f4").reshape(shape) if fields else None
    if means is None or not np.isfinite(means).all():
        raise InputError(
            f"{path}: holds no mean of {CHANNELS} x {SNIPPET_FRAMES} x {HEIGHT} x {WIDTH} finite numbers; "
            "C3D's is sport1m_train16_128_mean.binaryproto"
        )
    return np.ascontiguousarray(means.transpose(1, 2, 3, 0), np.float32)
