"""How long the rest of a call takes, from what its runs have taken so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from benchmark.execution.forecast import Durations
from benchmark.runs.records import RunRecord
from benchmark.runs.run_spec import RunSpec


class Pace:
    """Forecasts the rest of a call while it goes on.

    Runs are weighed by how long those like them took, in this call or else before it. What a unit of this work takes by
    the wall clock is measured over the later half of the runs that have ended, with the parts that are done of those
    under way. So neither slow methods that come last nor a machine that is busy with other things mislead it for long.

    Parameters
    ----------
    specs
        The runs to do.
    stored
        Runs from before the call.
    clock
        Seconds since any moment.
    """

    def __init__(
        self, specs: Sequence[RunSpec], stored: Iterable[RunRecord], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._specs = {spec.key: spec for spec in specs}
        self._before, self._now = Durations(), Durations()
        for record in stored:
            self._before.learn_record(record)
        self._clock = clock
        self._ended: list[str] = []
        self._shares: dict[str, float] = {}
        self._marks: list[tuple[float, int, dict[str, float]]] = []
        self._taken = self._foreseen = 0.0

    def started(self) -> None:
        """Take note that a run begins; what comes before the first one, such as imports, comes once."""
        if not self._marks:
            self._marks.append((self._clock(), 0, {}))

    def stepped(self, key: str, share: float) -> None:
        """Take note of the share of a run that is done."""
        self._shares[key] = share

    def stopped(self, key: str) -> None:
        """Take note that a run is not under way any more, but still to be done."""
        self._shares.pop(key, None)

    def ended(self, key: str, seconds: float | None) -> None:
        """Take note of a run's end.

        Parameters
        ----------
        seconds
            What it took; None if that says nothing of others, because it failed or was there.
        """
        self._shares.pop(key, None)
        if seconds is None:
            del self._specs[key]
        else:
            spec = self._specs[key]
            foreseen = self._before.of(spec)
            if foreseen is not None:
                self._taken, self._foreseen = self._taken + seconds, self._foreseen + foreseen
            self._now.learn(spec, seconds)
            self._ended.append(key)
        self._marks.append((self._clock(), len(self._ended), dict(self._shares)))

    def left(self) -> float | None:
        """Return how many seconds the rest takes; None as long as nothing is known."""
        if not self._marks:
            return None
        weights = {key: self._weigh(spec) for key, spec in self._specs.items()}

        def work(ended: int, shares: dict[str, float]) -> float:
            under_way = sum(weights[key] * share for key, share in shares.items() if key in weights)
            return sum(weights[key] for key in self._ended[:ended]) + under_way

        since, ended, shares = self._marks[(len(self._marks) - 1) // 2]
        done = work(len(self._ended), self._shares)
        recent = done - work(ended, shares)
        if recent <= 0:
            return None
        rest = {key: weight * (1 - self._shares.get(key, 0.0)) for key, weight in weights.items()}
        for key in self._ended:
            del rest[key]
        # At the end there are fewer runs than places, and the longest one decides.
        return max(sum(rest.values()) * (self._clock() - since) / recent, *rest.values(), 0.0)

    def _weigh(self, spec: RunSpec) -> float:
        """Return how long a run is, by those most like it; of runs before the call, as much longer as they are now."""
        slower = self._taken / self._foreseen if self._foreseen else 1.0
        return self._now.of(spec, (self._before, slower)) or 1.0
