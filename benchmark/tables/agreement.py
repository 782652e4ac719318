"""Whether a table agrees with its reference results, cell by cell."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.runs.records import Environment
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics.over_seeds import other_seeds, summarise
from benchmark.tables.reference import Reference, ReferenceCell, StoredCell, environments_of, stored_cells

UNSEEN = 0.0005
"""A difference that a table with one decimal in percent does not show: half of that decimal, as a fraction."""


@dataclass(frozen=True)
class ComparedCell:
    """A reference cell beside ours.

    Attributes
    ----------
    mean
        Ours; None where the two cannot be compared.
    allowed
        How far the means may be apart.
    same
        Whether all values are the same to the last bit.
    reason
        Why the two cannot be compared.
    """

    reference: ReferenceCell
    mean: float | None = None
    allowed: float = 0.0
    same: bool = False
    reason: str = ""

    @property
    def gap(self) -> float:
        """Ours less the reference's."""
        return (math.nan if self.mean is None else self.mean) - self.reference.mean

    @property
    def agrees(self) -> bool:
        """Whether the two are no further apart than is allowed."""
        return abs(self.gap) <= self.allowed


@dataclass(frozen=True)
class Agreement:
    """A table beside its reference results.

    Attributes
    ----------
    cells
        Of the reference results.
    more
        How many cells with runs the table has that they do not have.
    environments
        That the table's runs were made in.
    same_bits
        Why the same bits are to be expected; empty where they are not.
    """

    reference: Reference
    cells: tuple[ComparedCell, ...]
    more: int
    environments: Sequence[Environment]
    same_bits: str

    @property
    def compared(self) -> list[ComparedCell]:
        """The cells that can be compared."""
        return [cell for cell in self.cells if cell.mean is not None]

    @property
    def apart(self) -> list[ComparedCell]:
        """Those of them that do not agree."""
        return [cell for cell in self.compared if not cell.agrees]

    @property
    def reasons(self) -> Counter[str]:
        """Why the others cannot be compared, with how many there are of each kind."""
        return Counter(cell.reason for cell in self.cells if cell.mean is None)

    @property
    def complete(self) -> bool:
        """Whether every cell of the reference results can be compared and agrees."""
        return bool(self.cells) and all(cell.agrees for cell in self.cells)

    @property
    def spread(self) -> float:
        """The root mean square of the compared reference cells' deviations over seeds; 0 for single seeds."""
        variances = [(cell.reference.std or 0.0) ** 2 for cell in self.compared]
        return math.sqrt(math.fsum(variances) / len(variances)) if variances else 0.0


def compare_with_reference(plan: TablePlan, reference: Reference, store: RunStore) -> Agreement:
    """Compare a planned table with its reference results, as far as its runs are stored."""
    ours, environments = stored_cells(plan, store), environments_of(plan, store)
    cells = tuple(_compare(cell, ours.get(cell.place)) for cell in reference.cells)
    same_bits = _expect_same_bits(reference, cells, environments)
    if same_bits:
        cells = tuple(replace(cell, allowed=UNSEEN) for cell in cells)
    more = len(ours.keys() - {cell.place for cell in reference.cells})
    return Agreement(reference, cells, more, environments, same_bits)


def _expect_same_bits(reference: Reference, cells: Sequence[ComparedCell], environments: Sequence[Environment]) -> str:
    """Say why runs with the same keys should have the same bits here; empty where nothing says so."""
    compared = [cell for cell in cells if cell.mean is not None]
    same = sum(cell.same for cell in compared)
    if reference.environment.processor is not None and set(environments) == {reference.environment}:
        return "all that is known of the environments is the same"
    return f"{same} of {len(compared)} cells have them" if 2 * same > len(compared) else ""


def _compare(theirs: ReferenceCell, ours: StoredCell | None) -> ComparedCell:
    values = [value for value in ours.values if value is not None] if ours else []
    if ours is None:
        reason = "not in this table"
    elif ours.test_hash != theirs.test_hash:
        reason = "other test videos or labels"
    elif len(ours.run_keys) != theirs.n_seeds:
        reason = f"{len(ours.run_keys)} seeds in place of {theirs.n_seeds}"
    elif ours.run_keys != theirs.run_keys:
        reason = "other runs: another version of the method, or other settings or training videos"
    elif len(values) < theirs.n_seeds:
        reason = "runs are missing"
    else:
        allowed = max(UNSEEN, other_seeds(theirs.summary))
        return ComparedCell(theirs, summarise(values).mean, allowed, tuple(values) == theirs.values)
    return ComparedCell(theirs, reason=reason)
