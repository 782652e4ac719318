"""The picture of an extraction: motion above, the classes with the highest scores below."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from reports.figures.extraction import MOST_CLASSES, draw_extraction
from reports.figures.style import render, styled

MOTION = np.array([0.5, 2.0, 1.0], np.float32)


def drawn(*arguments: object, scaled: bool = False) -> Figure:
    with styled():
        return draw_extraction(*arguments, scaled=scaled)  # type: ignore[arg-type]


def test_motion_and_the_highest_classes_share_the_frames() -> None:
    objects = np.linspace(0, 1, 3 * 20, dtype=np.float32).reshape(3, 20).astype(np.float16)
    figure = drawn("v", MOTION, objects, [f"name {c}" for c in range(20)])
    above, below, bar = figure.axes
    assert above.get_title(loc="left") == "v"
    assert above.get_ylabel() == "mean flow\n(pixels per frame)"
    assert above.get_xlim() == below.get_xlim() == (0, 48)
    assert [label.get_text() for label in below.get_yticklabels()] == [f"name {19 - i}" for i in range(MOST_CLASSES)]
    shown = below.images[0].get_array()
    assert shown is not None
    assert np.asarray(shown) == pytest.approx(objects[:, 19:11:-1].T)
    assert bar.get_ylabel() == "confidence"


@pytest.mark.parametrize(("motion", "objects"), [(MOTION, None), (None, np.zeros((1, 2), np.float16))])
def test_one_of_both_is_drawn_alone(motion: np.ndarray | None, objects: np.ndarray | None) -> None:
    figure = drawn("v", motion, objects, scaled=True)
    panel = figure.axes[0]
    assert panel.get_xlabel() == "frame (a snippet is 16 frames)"
    if objects is None:
        assert (panel.get_ylabel(), panel.get_ylim()) == ("motion intensity", (0, 1.02))
    else:
        assert [label.get_text() for label in panel.get_yticklabels()] == ["class 0", "class 1"]


def test_it_is_rendered_with_long_names() -> None:
    objects = np.random.default_rng(0).random((200, 80)).astype(np.float16)
    names = ["a class with a name of many words $x$"] * 80
    picture = render(lambda: draw_extraction("v_" * 60, objects[:, 0], objects, names, scaled=True), ["png"])
    assert picture.contents["png"].startswith(b"\x89PNG")
