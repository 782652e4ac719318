"""Scores from other code: read where they are as expected, and told what they seem to be where they are not."""

from collections.abc import Callable, Mapping
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.datasets.manifest import Manifest, Video
from benchmark.system.errors import InputError
from benchmark.training.elsewhere.score_files import read_scores

ROWS = {"street": 5, "street2": 8, "yard": 10}
Values = Mapping[str, NDArray[np.generic]]


def manifest() -> Manifest:
    videos = tuple(
        Video(name=name, split="test", label=0, first_row=first, rows=rows, frames=16 * rows + 5, sha256="")
        for (name, rows), first in zip(ROWS.items(), accumulate(ROWS.values(), initial=0), strict=False)
    )
    return Manifest(
        name="mine", benchmark="other", metric="auc_frame", feature_set="mine", dim=4, crops=1, videos=videos
    )


def write(folder: Path, of: Callable[[int], NDArray[np.generic]], suffix: str = "") -> Path:
    folder.mkdir()
    for name, rows in ROWS.items():
        np.save(folder / f"{name}{suffix}.npy", of(rows))
    return folder


def line(rows: int) -> NDArray[np.float64]:
    return np.linspace(0, 1, rows)


@pytest.mark.parametrize("suffix", ["", "_i3d"])
@pytest.mark.parametrize("shape", [lambda v: v, lambda v: v[:, None], lambda v: v[None], lambda v: v[None, :, None]])
def test_axes_of_length_one_and_an_ending_of_all_names_mean_nothing(
    suffix: str, shape: Callable[[NDArray[np.float64]], NDArray[np.float64]], tmp_path: Path
) -> None:
    folder = write(tmp_path / "scores", lambda rows: shape(line(rows)), suffix)
    scores, units, said = read_scores(folder, manifest())
    assert (suffix in said) if suffix else not said
    assert units == {"snippet": 3}
    assert {name: len(values) for name, values in scores.items()} == ROWS
    assert scores["yard"] == pytest.approx(line(10))


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (lambda rows: np.zeros((rows, 10)), "it seems to be a score per crop: average them over the crops"),
        (lambda rows: np.linspace(-8, 8, rows), "they seem to be logits, so apply the sigmoid to all"),
        (lambda rows: line(16 * rows + 1), "every video lacks 4 frames"),
        (lambda rows: line(16 * rows + 7), "every video has 2 scores too many"),
        (lambda rows: line(round((16 * rows + 5) / 4)), "it seems to be a score for every 4 frames"),
        (lambda rows: np.full(rows, np.nan), "holds scores that are not finite"),
    ],
)
def test_what_the_files_seem_to_hold(of: Callable[[int], NDArray[np.generic]], message: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "scores", of)
    with pytest.raises(InputError, match=r"street\.npy: ") as caught:
        read_scores(folder, manifest())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("length", "what"),
    [
        (sum(ROWS.values()), ", a score per snippet"),
        (sum(16 * rows + 5 for rows in ROWS.values()), ", a score per frame"),
        (16 * sum(ROWS.values()), ", 16 scores per snippet"),
        (7, ""),
    ],
)
@pytest.mark.parametrize("named", ["folder", "file"])
def test_one_array_of_all_videos(length: int, what: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "pred.npy"
    np.save(path, line(length))
    with pytest.raises(InputError, match="expected is a folder with a file for each test video") as caught:
        read_scores(tmp_path if named == "folder" else path, manifest())
    assert f"pred.npy ({length},) seems to be one array of all 3 test videos{what}; split it" in str(caught.value)


def test_one_table_of_all_videos(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("video,frame,score\nstreet,0,0.5\n")
    with pytest.raises(InputError, match="seems to be one table of all videos, whose first line is 'video,frame"):
        read_scores(tmp_path, manifest())
