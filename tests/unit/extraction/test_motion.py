"""Motion intensity of frames that move by a known distance."""

from typing import get_args

import numpy as np
import pytest

from benchmark.extraction.motion import MotionMeter
from benchmark.extraction.settings import MotionSettings
from benchmark.system.errors import InputError
from benchmark.terms import FlowMethod
from tests.unit.extraction.makers import coloured, cv2, measure, moving


def meter(method: FlowMethod = "dis", width: int = 160, height: int = 120) -> MotionMeter:
    return MotionMeter(MotionSettings(method=method, width=width, height=height))


@pytest.mark.parametrize("method", get_args(FlowMethod))
@pytest.mark.parametrize("step", [1, 3])
def test_a_moving_texture_has_its_speed(method: FlowMethod, step: int) -> None:
    motion = measure(meter(method), moving(4, step))
    assert (motion.dtype, motion.shape) == (np.float32, ())
    assert float(motion) == pytest.approx(step, rel=0.1)


@pytest.mark.parametrize("method", get_args(FlowMethod))
def test_what_does_not_move_has_none(method: FlowMethod) -> None:
    assert float(measure(meter(method), moving(1) * 4)) == pytest.approx(0, abs=1e-3)


def test_speed_is_in_pixels_of_the_small_frames() -> None:
    assert float(measure(meter(), moving(4, step=4, size=(240, 320)))) == pytest.approx(2, rel=0.1)


def test_it_is_the_mean_over_pixels_and_pairs() -> None:
    frames = moving(4, 3)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [frame[:, :, 0] for frame in frames]  # all three colours are equal, and nothing is resized
    lengths = [np.hypot(*flow.calc(grey[i], grey[i + 1], None).transpose(2, 0, 1)).mean() for i in range(3)]
    assert float(measure(meter(), frames)) == pytest.approx(sum(lengths) / 3, rel=1e-5)


def test_a_single_frame_is_still() -> None:
    assert float(measure(meter(), [coloured(1, 2, 3)])) == 0


def test_frames_that_are_too_small_are_refused() -> None:
    with pytest.raises(InputError, match=r"--flow-size: 160x15 is below 16x16 pixels"):
        meter(height=15)


def test_frames_that_are_larger_than_any_film_are_refused() -> None:
    with pytest.raises(InputError, match=r"--flow-size: 30000x120 is above 4096x4096 pixels"):
        meter(width=30_000)


def test_tvl1_without_the_contributed_modules_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "optflow")
    with pytest.raises(InputError, match=r"TV-L1 .* is missing: this needs the extra `video`: pip install"):
        meter("tvl1")
