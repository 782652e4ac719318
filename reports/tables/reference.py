"""Whether a table agrees with its reference results, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.runs.records import Environment
from benchmark.system.amounts import count
from benchmark.tables.agreement import Agreement, ComparedCell
from reports.tables.grid import signed

MOST_CELLS = 12
"""Cells that are named; more are counted."""
NAMES = {"wvad_bench": "wvad-bench", "python": "Python", "torch": "PyTorch", "numpy": "NumPy"}


def agreement_lines(agreement: Agreement) -> Iterator[str]:
    """Say in a line whether a table agrees with its reference results; if not, which cells, and what it may mean."""
    table, apart = agreement.reference.table, agreement.apart
    of_version = f"the reference results of version {agreement.reference.environment.wvad_bench}"
    number, whole = len(agreement.compared), len(agreement.cells)
    if not number:
        yield f"{table}: no cell can be compared with {of_version}: {_reasons(agreement)}."
        return
    if apart:
        which = f"{len(apart)} of {count(number, 'cell')}"
        yield f"{table} does not agree with {of_version}: {which} {_differ(agreement)}{_rest(agreement)}."
        yield from map(_cell, apart[:MOST_CELLS])
        if len(apart) > MOST_CELLS:
            yield f"... and {len(apart) - MOST_CELLS} more."
        yield _meaning(agreement)
        return
    same = all(cell.same for cell in agreement.compared)
    how = "to the last bit" if same else _how_near(agreement)
    if number == whole:
        yield f"{table} agrees with {of_version} {how}, in {_all(whole)}{_rest(agreement)}."
    else:
        yield f"{table}: {number} of {count(whole, 'cell')} agree with {of_version} {how}{_rest(agreement)}."
    if not same and agreement.same_bits:
        yield _meaning(agreement)


def _all(cells: int) -> str:
    return "its one cell" if cells == 1 else f"all {cells} cells"


def _how_near(agreement: Agreement) -> str:
    largest = max(abs(cell.gap) for cell in agreement.compared)
    return f"(largest difference {100 * largest:.1f} points, seeds' spread {100 * agreement.spread:.1f})"


def _differ(agreement: Agreement) -> str:
    verb = "differs" if len(agreement.apart) == 1 else "differ"
    than = "is shown in tables" if agreement.same_bits else "other seeds would make likely"
    return f"{verb} by more than {than} (docs/reference-results.md)"


def _rest(agreement: Agreement) -> str:
    """Say what is not compared, and what there is beside the reference results."""
    parts = [f"; not compared: {_reasons(agreement)}"] if agreement.reasons else []
    parts += [f"; {count(agreement.more, 'cell')} more without reference"] if agreement.more else []
    return "".join(parts)


def _reasons(agreement: Agreement) -> str:
    return "; ".join(f"{count(number, 'cell')} ({reason})" for reason, number in agreement.reasons.items())


def _cell(cell: ComparedCell) -> str:
    theirs = cell.reference
    where = theirs.tested_on if theirs.trained_on == theirs.tested_on else f"{theirs.trained_on} → {theirs.tested_on}"
    ours = 100 * (theirs.mean + cell.gap)
    return (
        f"  {theirs.row} on {where}: {ours:.2f} in place of {100 * theirs.mean:.2f}, {signed(100 * cell.gap)} points; "
        f"{100 * cell.allowed:.2f} are allowed"
    )


def _meaning(agreement: Agreement) -> str:
    """Say what cells that do not agree may mean."""
    if agreement.same_bits:
        return (
            f"The same bits were to be expected: {agreement.same_bits}. Code may have been changed and not a method's "
            "version, or a result been damaged (`wvad store verify` tells)."
        )
    number = len(agreement.compared)
    return (
        f"The keys of the runs are the same, their environments are not known to be: {_differences(agreement)}. Where "
        "rounding differs, training amplifies it; if that did as much as other seeds do, about "
        f"{0.05 * number:.1f} of {count(number, 'cell')} would be so far apart. More, or one very far, is another "
        "result."
    )


def _differences(agreement: Agreement) -> str:
    """Say in what our environments differ from that of the reference results, and what of it is not known."""
    theirs = agreement.reference.environment
    found = dict.fromkeys(line for ours in agreement.environments for line in _differing(ours, theirs))
    return ", ".join(found) or "processors were not recorded"


def _differing(ours: Environment, theirs: Environment) -> Iterator[str]:
    for name, value in ours.model_dump().items():
        other = getattr(theirs, name)
        if value != other:
            yield f"{NAMES.get(name, name)} {value or 'not recorded'} in place of {other or 'one not recorded'}"
