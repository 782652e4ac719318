"""How long the rest of a call takes, from what its runs have taken so far."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from benchmark.execution.forecast import Durations, likeness
from benchmark.runs.records import RunRecord
from benchmark.runs.run_spec import RunSpec


class _Mark(NamedTuple):
    """The moment when a run ended: what it was like, if it says something of others, and how far others were."""

    time: float
    kind: Hashable | None
    shares: Mapping[str, float]


class Pace:
    """Forecasts the rest of a call while it goes on.

    Runs are weighed by how long those like them took, in this call or else before it. What a unit of this work takes by
    the wall clock is measured over the later half of the time since the first one began, from the end of a run on, with
    the parts that are done of those under way. So neither slow methods that come last, nor a machine that is busy with
    other things, nor runs that end together mislead it for long.

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
        self._kinds = {spec.key: likeness(spec) for spec in specs}
        self._specs = {likeness(spec): spec for spec in specs}
        self._planned, self._ended = Counter(self._kinds.values()), Counter[Hashable]()
        self._before, self._now = Durations(), Durations()
        for record in stored:
            self._before.learn_record(record)
        self._clock = clock
        self._shares: dict[str, float] = {}
        self._marks: list[_Mark] = []
        self._since, self._ended_until = -1, Counter[Hashable | None]()
        self._taken = self._foreseen = 0.0

    def started(self) -> None:
        """Take note that a run begins; what comes before the first one, such as imports, comes once."""
        if not self._marks:
            self._mark(None)

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
        kind = self._kinds[key]
        if seconds is None:
            del self._kinds[key]
            self._planned[kind] -= 1
            self._mark(None)
            return
        spec = self._specs[kind]
        foreseen = self._before.of(spec)
        if foreseen is not None:
            self._taken, self._foreseen = self._taken + seconds, self._foreseen + foreseen
        self._now.learn(spec, seconds)
        self._ended[kind] += 1
        self._mark(kind)

    def left(self) -> float | None:
        """Return how many seconds the rest takes; None as long as nothing is known."""
        if not self._marks:
            return None
        weights = {kind: self._weigh(spec) for kind, spec in self._specs.items()}

        def work(ended: Mapping[Hashable, int], shares: Mapping[str, float]) -> float:
            under_way = sum(weights[self._kinds[key]] * share for key, share in shares.items() if key in self._kinds)
            return sum(weight * ended[kind] for kind, weight in weights.items()) + under_way

        since = self._look_back()
        recent = work(self._ended, self._shares) - work(self._ended_until, since.shares)
        if recent <= 0:
            return None
        waiting = self._planned - self._ended - Counter(map(self._kinds.__getitem__, self._shares))
        rest = [weights[kind] * number for kind, number in waiting.items()]
        under_way = [weights[self._kinds[key]] * (1 - share) for key, share in self._shares.items()]
        # At the end there are fewer runs than places, and the longest one decides.
        longest = max([*map(weights.__getitem__, waiting), *under_way], default=0.0)
        return max(sum([*rest, *under_way]) * (self._clock() - since.time) / recent, longest)

    def _mark(self, kind: Hashable | None) -> None:
        self._marks.append(_Mark(self._clock(), kind, dict(self._shares)))

    def _look_back(self) -> _Mark:
        """Return the mark since which the pace is measured, and keep count of what had ended at it."""
        half = (self._marks[0].time + self._clock()) / 2
        latest = max(len(self._marks) - 2, 0)
        while self._since < latest and (self._since < 0 or self._marks[self._since + 1].time <= half):
            self._since += 1
            self._ended_until[self._marks[self._since].kind] += 1
        return self._marks[self._since]

    def _weigh(self, spec: RunSpec) -> float:
        """Return how long a run is, by those most like it; of runs before the call, as much longer as they are now."""
        slower = self._taken / self._foreseen if self._foreseen else 1.0
        return self._now.of(spec, (self._before, slower)) or 1.0
