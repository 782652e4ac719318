"""What numbers of frames and snippets tell of how an extractor cut videos into snippets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from benchmark.datasets.manifest import Video
from benchmark.terms import SNIPPET_FRAMES

_Fate = Literal["kept", "dropped", "short", "whole", "whole short"]

_VERDICTS: tuple[tuple[frozenset[_Fate], str], ...] = (
    (frozenset({"whole"}), "cannot be told, as all lengths are multiples of 16"),
    (frozenset({"kept", "whole"}), "up (ceil)"),
    (frozenset({"dropped", "whole"}), "down (floor)"),
    (frozenset({"dropped", "whole short"}), "down, and a multiple of 16 loses a snippet (as in Roc-Ng's features)"),
    (frozenset({"short", "whole short"}), "down, and every video is a snippet short"),
)


def describe_rounding(videos: Iterable[Video]) -> str:
    """Say in one sentence what became of the videos' last snippets, which 16 frames may not fill.

    Only videos whose rows are snippets and whose frames are known tell; the sentence is empty if there are none.
    """
    fates: Counter[_Fate] = Counter(
        _fate(video.rows, video.frames) for video in videos if video.unit == "snippets" and video.frames is not None
    )
    if not fates:
        return ""
    verdict = next((text for possible, text in _VERDICTS if fates.keys() <= possible), "mixed")
    if fates.keys() == {"whole"}:
        return f"Rounding of frames to snippets: {verdict}."
    whole = fates["whole"] + fates["whole short"]
    return (
        f"Rounding of frames to snippets: {verdict}; an incomplete last snippet is kept in {fates['kept']:,} videos, "
        f"dropped in {fates['dropped']:,}, and a whole one with it in {fates['short']:,}; "
        f"of {whole:,} videos of a multiple of 16 frames, {fates['whole short']:,} lack the last snippet."
    )


def _fate(rows: int, frames: int) -> _Fate:
    """Return what became of a video's last snippet."""
    full, rest = divmod(frames, SNIPPET_FRAMES)
    if not rest:
        return "whole" if rows == full else "whole short"
    return "kept" if rows > full else "dropped" if rows == full else "short"
