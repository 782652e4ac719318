"""The real clips, against the measurements that are published with them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmark.extraction.decoding import frame_places
from benchmark.extraction.extract import extract
from benchmark.extraction.settings import ExtractionRequest, MotionSettings
from benchmark.extraction.videos import find_videos

pytestmark = pytest.mark.real_data

DIGIT = 1e-4
"""The reference has four decimals; other decoders may differ in the last."""


@pytest.fixture(scope="module")
def clips(real_data: Path) -> Path:
    if not (real_data / "clips").is_dir():
        pytest.skip(f"no clips in {real_data}")
    return real_data / "clips"


@pytest.fixture(scope="module")
def reference(clips: Path) -> dict[str, dict[str, str]]:
    with (clips / "clips.csv").open(newline="") as file:
        return {Path(row["file"]).stem: row for row in csv.DictReader(file)}


def test_frames_snippets_and_motion_are_those_of_the_reference(
    clips: Path, reference: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    request = ExtractionRequest(motion=MotionSettings(method="dis", width=160, height=120))
    result = extract(find_videos(clips / "videos").paths, request, tmp_path, workers=2)
    assert {o.name: (o.frames, o.snippets) for o in result.outcomes} == {
        name: (int(row["decoded_frames"]), int(row["snippets"])) for name, row in reference.items()
    }
    for name, row in reference.items():
        expected = [float(value) for value in row["dis_flow_px_per_snippet"].split()]
        assert np.load(tmp_path / "motion" / f"{name}.npy") == pytest.approx(expected, abs=DIGIT)


def test_confidences_are_those_of_the_reference(
    clips: Path, reference: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    detector = clips / "detector" / "FastestDet.onnx"
    names = tuple((clips / "detector" / "coco.names").read_text().split("\n")[:80])
    # The reference looks at frames 2, 6, 10, ... of the whole video, and so at those of the tail.
    request = ExtractionRequest(objects=detector, class_names=names, tail="keep")
    extract(find_videos(clips / "videos").paths, request, tmp_path, workers=2)
    person = names.index("person")
    for name, row in reference.items():
        frames = int(row["decoded_frames"])
        scores = np.load(tmp_path / "objects" / f"{name}.npy")[:, person].astype(np.float64)
        looks = [len(frame_places(4, 16))] * (frames // 16)
        if frames % 16:
            looks += [len(range(2, frames % 16, 4))]  # none at all of a tail of two frames
        mean = np.average(scores, weights=looks)
        assert mean == pytest.approx(float(row["mean_person_confidence"]), abs=5e-4)  # stored as float16
