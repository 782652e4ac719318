"""What the similarity of two sets of features says of how they were made, in plain words with its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.importing.feature_comparison.similarity import SHIFTS, Match, Similarities, VideoSimilarity
from benchmark.system.amounts import count

Kind = Literal["same", "order", "pictures", "network"]
WORDS: dict[Kind, str] = {
    "same": "the same features",
    "order": "the same features, but crops in another order",
    "pictures": "another resize or frame rate is likely",
    "network": "another network, layer or colours",
}
SAME = 0.99
"""Cosine from which on two features are taken for the same but for rounding: what files of one recipe reach."""
NEARER = 0.1
"""Share of the difference between neighbouring snippets that two features of one recipe stay below: where a network
hardly tells snippets apart, a cosine says little by itself."""
RELATED = 0.3
"""Correlation below which two sets have nothing to do with each other; unrelated networks stay near 0."""
ALIKE = 0.9
"""Cosine that stands in for the correlation where snippets do not differ."""
_LEAST_DISTANCE = 1e-6
"""Of neighbouring snippets: what rounding alone makes."""
_PLACES = range(len(SHIFTS))
TAIL = 1
"""Rows that rules for a video's last frames make of a difference."""
SCALED = 0.01
"""Difference of norms that rounding does not make."""
MOST_SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """What differs between two sets.

    Attributes
    ----------
    more
        What else is to be said, joined to the words of the kind; empty if nothing.
    figures
        What it rests on, a line each.
    videos
        A line for each video, those least alike first; the first ones of many.
    """

    kind: Kind
    more: str
    figures: tuple[str, ...]
    videos: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return it as plain lines."""
        more = f": {self.more}" if self.more else ""
        return [f"  {WORDS[self.kind]}{more}", *(f"  {line}" for line in (*self.figures, *self.videos))]


def unlike_sizes(here: int, there: int) -> Verdict:
    """Judge two sets whose vectors differ in size."""
    return Verdict("network", f"vectors of {here} dimensions here and {there} there", ())


def judge(found: Similarities) -> Verdict:
    """Judge two sets whose vectors have one size, by all videos that both have."""
    match, videos = found.best_match(), found.videos
    cosines = {video.name: match.cosine(video) for video in videos}
    compared = [value for value in cosines.values() if np.isfinite(value)]
    cosine, correlation = float(np.median(compared)), found.correlation(match)
    rates = [video.rows_there / video.rows_here for video in videos]
    odd = [video for video in videos if abs(video.rows_there - video.rows_here) > TAIL]
    scale = float(np.nanmedian([video.scale for video in videos])) if _have_norms(videos) else float("nan")
    share = _share_of_neighbours(videos, match)
    same = cosine >= SAME and not share > NEARER and 2 * len(odd) <= len(videos)
    kind = _kind(match, same, cosine, correlation)
    more = list(_said(kind, match, float(np.median(rates)), scale, len(odd)))
    return Verdict(
        kind,
        "; ".join(more),
        tuple(_figures(videos, match, cosine, share, correlation, scale, odd)),
        tuple(_listed(videos, match, cosines)),
    )


def _share_of_neighbours(videos: Sequence[VideoSimilarity], match: Match) -> float:
    """Return how far snippets of two sets are apart, in the distance of neighbouring snippets, the median over videos.

    Distance is what a cosine lacks to 1. nan where no video has two snippets.
    """
    shares = []
    for video in videos:
        beside = [
            Match(p, match.here, match.there).cosine(video) for p in (match.shift - 1, match.shift + 1) if p in _PLACES
        ]
        known = [value for value in beside if np.isfinite(value)]
        if known and np.isfinite(own := match.cosine(video)):
            shares.append((1 - own) / max(1 - float(np.mean(known)), _LEAST_DISTANCE))
    return float(np.median(shares)) if shares else float("nan")


def _kind(match: Match, same: bool, cosine: float, correlation: float) -> Kind:
    if same:
        return "same" if match.in_order else "order"
    related = correlation >= RELATED if np.isfinite(correlation) else cosine >= ALIKE
    return "pictures" if related else "network"


def _said(kind: Kind, match: Match, rate: float, scale: float, odd: int) -> Iterator[str]:
    if kind == "network":
        return
    if shift := SHIFTS[match.shift]:
        yield f"{count(abs(shift), 'snippet')} {'later' if shift > 0 else 'earlier'} there"
    if kind == "pictures" and abs(rate - 1) > SCALED and odd:
        yield f"there are {rate:.2f} times as many rows there, so the frame rate or the stride differs"
    elif odd:
        yield f"but {odd} videos with another number of rows, where the frame rate may differ"
    if kind != "pictures" and np.isfinite(scale) and abs(scale - 1) > SCALED:
        yield f"vectors are {scale:.4g} times as long there, so one of the two is normalised or scaled otherwise"


def _figures(
    videos: Sequence[VideoSimilarity],
    match: Match,
    cosine: float,
    share: float,
    correlation: float,
    scale: float,
    odd: Sequence[VideoSimilarity],
) -> Iterator[str]:
    least = min(value for video in videos if np.isfinite(value := match.least(video)))
    yield (
        f"cosine similarity: {cosine:.4f}, the median of the videos' means; lowest snippet {least:.4f} "
        f"({SAME} and more in every snippet is the same recipe)"
    )
    shifts = ", ".join(f"{shift:+d}: {_mean_at(videos, match, place)}" for place, shift in enumerate(SHIFTS))
    yield f"  by how many snippets the others are taken later: {shifts}"
    if np.isfinite(share):
        yield (
            f"  what it lacks to 1 is {share:.3g} times that between neighbouring snippets (the same recipe: at most "
            f"{NEARER})"
        )
    if match.in_order:
        yield f"crops: {len(match.here)} compared, each with the one of its own number"
    else:
        usual = np.arange(len(match.here))
        as_stand = Match(match.shift, usual, usual)
        pairs = ", ".join(f"{here + 1} = {there + 1}" for here, there in zip(match.here, match.there, strict=True))
        stand = float(np.nanmedian([as_stand.cosine(video) for video in videos]))
        yield f"crops here = there: {pairs}; as they stand, the cosine is {stand:.4f}"
    yield (
        "correlation of what differs between snippets: "
        + (f"{correlation:.3f}" if np.isfinite(correlation) else "undefined, as nothing differs")
        + f" (unrelated networks are near 0; related from {RELATED} on)"
    )
    yield f"norms there, in those here: {scale:.4g}"
    equal = sum(video.rows_here == video.rows_there for video in videos)
    by_tail = len(videos) - equal - len(odd)
    yield (
        f"rows: equal in {equal:,} of {len(videos):,} videos, one apart in {by_tail:,} (another rule for the last "
        f"frames), further in {len(odd):,}"
    )


def _mean_at(videos: Sequence[VideoSimilarity], match: Match, place: int) -> str:
    values = [Match(place, match.here, match.there).cosine(video) for video in videos]
    finite = [value for value in values if np.isfinite(value)]
    return f"{np.median(finite):.4f}" if finite else "–"


def _listed(videos: Sequence[VideoSimilarity], match: Match, cosines: dict[str, float]) -> Iterator[str]:
    least_alike = sorted(
        videos, key=lambda video: (abs(video.rows_here - video.rows_there) <= TAIL, cosines[video.name])
    )
    many = f", the {MOST_SHOWN} least alike of {len(videos):,}" if len(videos) > MOST_SHOWN else ""
    yield f"videos{many}: rows here and there, cosine for shifts {SHIFTS[0]} to {SHIFTS[-1]}, lowest snippet, norms"
    for video in least_alike[:MOST_SHOWN]:
        shifted = [Match(place, match.here, match.there).cosine(video) for place in range(len(SHIFTS))]
        values = " ".join("–" if np.isnan(value) else f"{value:.4f}" for value in shifted)
        rows = f"{video.rows_here} {video.rows_there}"
        yield f"  {video.name}: {rows}; {values}; {match.least(video):.4f}; {video.scale:.4g}"


def _have_norms(videos: Sequence[VideoSimilarity]) -> bool:
    return any(np.isfinite(video.scale) for video in videos)
