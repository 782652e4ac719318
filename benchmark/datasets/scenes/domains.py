"""The simulated domains: which contexts and motions there are, and which pairs of them are abnormal where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.terms import Benchmark, Metric

CONTEXTS: Mapping[str, str] = {
    "street": "on",
    "shop": "in",
    "bank": "in",
    "corridor": "in",
    "park": "in",
    "parking-lot": "on",
    "platform": "on",
    "warehouse": "in",
    "campus": "on",
    "playground": "on",
}
"""Every context, with the preposition that class names use."""

MOTIONS: Mapping[str, float] = {
    "standing": 0.05,
    "loitering": 0.15,
    "crouching": 0.22,
    "gathering": 0.30,
    "carrying": 0.36,
    "walking": 0.42,
    "climbing": 0.52,
    "dancing": 0.66,
    "cycling": 0.72,
    "running": 0.78,
    "driving": 0.90,
    "collapsing": 0.28,
    "burning": 0.45,
    "fighting": 0.62,
}
"""Every motion, with its mean intensity; those that are abnormal everywhere are middling on purpose."""

ALWAYS_ABNORMAL = ("collapsing", "burning", "fighting")
"""Motions that are abnormal in every context; a domain has events of some of them."""


@dataclass(frozen=True)
class EventClass:
    """An abnormal class: a motion in one context, or in any if the context is None."""

    name: str
    motion: str
    context: str | None


@dataclass(frozen=True)
class Domain:
    """A simulated domain; see `generator` for the model that its numbers enter.

    Attributes
    ----------
    name
        The dataset's name.
    benchmark, metric
        The benchmark that it stands in for, and how a result on it is judged.
    train, test
        Number of normal and of abnormal videos of the split.
    contexts
        Contexts that occur, with their relative frequency.
    forbidden
        (motion, context) pairs that are abnormal here; each is a class.
    always
        Motions of `ALWAYS_ABNORMAL` that have events here; each is a class.
    snippets
        Least and greatest length of a video, in snippets.
    events
        Greatest number of events of an abnormal video.
    event_share
        Least and greatest share of an abnormal video that its events fill together.
    shot_snippets
        Mean length of a shot, in snippets: contexts change at cuts; None for a fixed camera.
    shift
        Length of the domain's offset in the embedding space, where a context has length 1.
    """

    name: str
    benchmark: Benchmark
    metric: Metric
    train: tuple[int, int]
    test: tuple[int, int]
    contexts: Mapping[str, float]
    forbidden: tuple[tuple[str, str], ...]
    always: tuple[str, ...]
    snippets: tuple[int, int]
    events: int
    event_share: tuple[float, float]
    shot_snippets: int | None
    shift: float

    def normal_motions(self, context: str) -> dict[str, float]:
        """Return the motions that are normal in a context, with their relative frequency.

        A motion that is abnormal in another context of the domain is four times as frequent as one that never
        is, so that the motion alone says little.
        """
        ambiguous = {motion for motion, _ in self.forbidden}
        allowed = (m for m in MOTIONS if m not in ALWAYS_ABNORMAL and (m, context) not in self.forbidden)
        return {motion: 4.0 if motion in ambiguous else 1.0 for motion in allowed}

    def classes(self) -> tuple[EventClass, ...]:
        """Return the abnormal classes."""
        relations = (EventClass(f"{m}-{CONTEXTS[c]}-{c}", m, c) for m, c in self.forbidden)
        return (*relations, *(EventClass(motion, motion, None) for motion in self.always))


DOMAINS: Mapping[str, Domain] = {
    domain.name: domain
    for domain in (
        Domain(
            name="scenes-ucf-crime",
            benchmark="ucf-crime",
            metric="auc_frame",
            train=(110, 110),
            test=(50, 45),
            contexts={"street": 6, "park": 5, "corridor": 4, "shop": 2, "parking-lot": 2, "bank": 1},
            forbidden=(
                ("running", "shop"),
                ("running", "bank"),
                ("loitering", "bank"),
                ("crouching", "parking-lot"),
                ("climbing", "parking-lot"),
                ("running", "corridor"),
                ("driving", "park"),
            ),
            always=("fighting", "burning"),
            snippets=(30, 120),
            events=2,
            event_share=(0.06, 0.30),
            shot_snippets=None,
            shift=0.3,
        ),
        Domain(
            name="scenes-xd-violence",
            benchmark="xd-violence",
            metric="ap_frame",
            train=(120, 120),
            test=(40, 60),
            contexts={"street": 5, "warehouse": 4, "playground": 3, "platform": 1, "shop": 1, "park": 1},
            forbidden=(
                ("running", "shop"),
                ("running", "platform"),
                ("driving", "park"),
                ("driving", "playground"),
                ("climbing", "warehouse"),
                ("gathering", "platform"),
            ),
            always=("fighting", "collapsing"),
            snippets=(20, 100),
            events=3,
            event_share=(0.15, 0.55),
            shot_snippets=25,
            shift=0.5,
        ),
        Domain(
            name="scenes-shanghaitech",
            benchmark="shanghaitech",
            metric="auc_frame",
            train=(165, 75),
            test=(70, 45),
            contexts={"park": 6, "playground": 6, "campus": 3, "corridor": 2},
            forbidden=(
                ("cycling", "campus"),
                ("crouching", "campus"),
                ("driving", "park"),
                ("running", "corridor"),
                ("gathering", "corridor"),
                ("climbing", "playground"),
            ),
            always=("fighting",),
            snippets=(24, 64),
            events=2,
            event_share=(0.10, 0.45),
            shot_snippets=None,
            shift=0.4,
        ),
        Domain(
            name="scenes-avenue",
            benchmark="avenue",
            metric="auc_frame",
            train=(60, 70),
            test=(30, 35),
            contexts={"campus": 7, "corridor": 3, "platform": 2},
            forbidden=(
                ("cycling", "campus"),
                ("running", "corridor"),
                ("running", "platform"),
                ("gathering", "platform"),
                ("loitering", "platform"),
            ),
            always=("fighting",),
            snippets=(20, 80),
            events=2,
            event_share=(0.08, 0.40),
            shot_snippets=None,
            shift=0.4,
        ),
    )
}
