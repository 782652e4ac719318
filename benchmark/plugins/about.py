"""What a recipe says of its method beside the settings: the paper, its figures, and how near the code is to it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from benchmark.system.frozen import FrozenModel
from benchmark.system.names import Heading, Title
from benchmark.terms import Benchmark, Metric, Supervision

Fidelity = Literal["exact", "exact-given", "reconstructed"]


class PublishedFigure(FrozenModel):
    """A figure that a paper prints for the method.

    Attributes
    ----------
    value
        In percent.
    features
        What the figure rests on, such as ``I3D RGB``; figures on other features compare only with care.
    source
        Where it was read, if not in the method's own paper.
    """

    benchmark: Benchmark
    metric: Metric
    value: float = Field(gt=0, le=100)
    features: Title
    source: Heading = ""


class About(FrozenModel):
    """The head of a recipe.

    Attributes
    ----------
    paper, authors, venue, year
        Title, short form such as ``Tian et al.``, and where and when it was published.
    code
        Address of the authors' public code, if there is any.
    fidelity
        ``exact``: equal to the authors' public code. ``exact-given``: equal to it but for what `given` names.
        ``reconstructed``: made from the text of the paper.
    fidelity_note
        What that means here, in a sentence; needed unless the method is plainly exact.
    supervision
        What the method is told of its training videos, with all that it accepts.
    only
        The class that all this is about, where others share its module and so its recipe.
    """

    paper: Title
    authors: Title
    venue: Title
    year: int = Field(ge=1900, le=2100)
    code: str | None = Field(None, pattern="^https?://")
    fidelity: Fidelity
    given: Heading = ""
    fidelity_note: Heading = ""
    supervision: Supervision = "weak"
    published: tuple[PublishedFigure, ...] = ()
    only: str | None = None

    @model_validator(mode="after")
    def _says_what_is_not_exact(self) -> Self:
        if (self.fidelity == "exact-given") != bool(self.given):
            raise ValueError("given says what is not as in the authors' code, for fidelity exact-given and no other")
        if self.fidelity != "exact" and not self.fidelity_note:
            raise ValueError(f"fidelity {self.fidelity} needs a fidelity_note")
        return self

    @property
    def faithfulness(self) -> str:
        """The fidelity in words: ``exact``, ``exact given …`` or ``reconstructed``."""
        return f"exact given {self.given}" if self.given else self.fidelity
