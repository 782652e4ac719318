"""How fast a configuration scores on one core, as it is kept in the run store."""

from __future__ import annotations

from pydantic import Field

from benchmark.runs.run_spec import RunSpec
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.system.names import Name


class ScoringSpeed(FrozenModel):
    """How long one thread took to score test videos, in one pass over them that was made to measure it.

    Attributes
    ----------
    snippets
        How many were scored.
    seconds
        Processor time of the thread.
    processor, torch
        What it was measured on.
    """

    snippets: int = Field(ge=1)
    seconds: float = Field(gt=0)
    processor: Name | None
    torch: Name

    @property
    def snippets_per_second(self) -> float:
        """Snippets scored in a second of one core."""
        return self.snippets / self.seconds


def speed_name(spec: RunSpec, test_hash: str) -> str:
    """Return what the speed of a configuration on a test part is kept as: the same for all of its seeds."""
    return digest(["speed", 1, spec.configuration, test_hash])
