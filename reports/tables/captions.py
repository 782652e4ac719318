"""What stands around a table in sentences: what its numbers rest on, and things counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmark.runs.table_plan import TablePlan
from benchmark.system.amounts import count
from benchmark.tables.cells import Cell, Table
from benchmark.terms import SUPERVISION_NAMES, Selection
from reports.tables.grid import MARK_OF_TOLD
from reports.tables.paths import without_folders

FALLBACKS = {
    "DEV-CLASS-NONE": "the classes of the training videos are not known: what learns from them is off",
    "DEV-IMPORTED": "imported scores: how they were trained and which weights were chosen is not known here",
    "DEV-INT-DIFF": "motion intensity estimated from differences of the features",
    "DEV-INT-NONE": "no motion intensity: the dynamic path is off",
    "DEV-OBJ-KM": "object scores replaced by nearly uniform ones of k-means classes, in runs from before DEV-OBJ-SOFT",
    "DEV-OBJ-NONE": "no object scores, or none that would say anything: the object loss is off",
    "DEV-OBJ-SOFT": "object scores replaced by the appearance classes of k-means",
    "DEV-VECTORS-NONE": "no vectors of class names: what learns from them is off",
    "DEV-VECTORS-RANDOM": "random directions in the place of a text encoder's vectors of class names",
}
UNKNOWN = "which another version of wvad-bench knows"

BELOW_CHANCE = "† below chance level."
BELOW_CHANCE_DROP = "† below chance level, where a relative drop says little."
SIMULATED = "SIMULATED data (scenes): these numbers show that the suite works and compare with nothing published."


def caption(table: Table) -> list[str]:
    """Return the sentences of a table's caption, each a line."""
    plan = table.plan
    lines = [
        f"{plan.title}. Profile {plan.profile}, {_averaged(plan.seeds)}, in percent.",
        selection_sentence(table.selection, table.looks, plan.holdout),
    ]
    if plan.holdout and table.selection != "validation":
        lines.append(f"{share(plan.holdout)} of the training videos of each class were held out.")
    names = ", ".join(f"{d.name} ({d.feature_set}, {count(d.test_videos, 'test video')})" for d in plan.datasets)
    lines.append(f"Datasets: {names}. Crops in use: {', '.join(table.crops) or 'no run yet'}.")
    segmented = [
        f"{d.name} ({' or '.join(map(str, d.train_segments))} a video)" for d in plan.datasets if d.train_segments
    ]
    if segmented:
        lines.append(f"Trained on stored segments in the place of snippets: {', '.join(segmented)}.")
    missing = [f"{d.name} lacks {d.missing} annotated videos" for d in plan.datasets if d.missing]
    if missing:
        lines.append(f"Without features: {', '.join(missing)}.")
    if any(d.simulated for d in plan.datasets):
        lines.append(SIMULATED)
    lines += fallback_sentences(_by_row(table.deviations, plan))
    if plan.protocol == "in-domain" and any(cell.standing for cell in table.cells):
        by = "" if plan.seeds > 1 else ", the one seed of each taken as given"
        lines.append(f"Bold: the best of a column, and what is not distinguishable from it (docs/statistics.md){by}.")
    lines += _tuned_sentences(plan)
    lines.append(supervision_sentence(plan))
    if table.reported:
        lines.append("Rows reported by the paper rest on features of several kinds, theirs or others'.")
    if plan.overrides:
        lines.append(f"Changed settings: {', '.join(plan.overrides)}.")
    return lines


def figure_caption(table: Table) -> tuple[str, ...]:
    """Return the sentences on what a figure of a table rests on."""
    plan = table.plan
    return (
        f"{plan.title}. Profile {plan.profile}, {count(plan.seeds, 'seed')}"
        + (f", {share(plan.holdout)} of the training videos held out" if plan.holdout else "")
        + (f", changed settings {', '.join(plan.overrides)}" if plan.overrides else "")
        + ".",
        selection_sentence(table.selection, table.looks, plan.holdout),
        *_tuned_sentences(plan),
        *((SIMULATED,) if any(dataset.simulated for dataset in plan.datasets) else ()),
        *fallback_sentences(_by_row(table.deviations, plan)),
    )


def _tuned_sentences(plan: TablePlan) -> list[str]:
    """Say how the settings of tuned rows were chosen, where there are any."""
    trials = sorted({tuned.trials for row in plan.rows for tuned in row.tuned.values()})
    tried = "/".join(map(str, trials))
    several = "" if trials == [1] else "s"
    return [f"Tuned alike: {tried} random trial{several} each, selected on held-out training videos."] if trials else []


def supervision_sentence(plan: TablePlan) -> str:
    """Say what the methods are told of their training videos, and which of them are told other things."""
    told_others = [
        (SUPERVISION_NAMES[told], row.label, name) for row in plan.rows for name, told in row.supervision.items()
    ]
    others = _places(_by_row(told_others, plan))
    more = "".join(f"; {MARK_OF_TOLD} {told}: {where}" for told, where in others.items())
    return f"Supervision: {SUPERVISION_NAMES['weak']}{more}."


def fallback_sentences(found: Iterable[tuple[str, str]]) -> list[str]:
    """Say which fallbacks are in use.

    Parameters
    ----------
    found
        Ids of fallbacks, each with what rests on it.
    """
    places = _places(sorted(set(found)))
    return [f"Fallback {name} ({FALLBACKS.get(name, UNKNOWN)}): {where}." for name, where in places.items()]


def _by_row(found: Iterable[tuple[str, str, str]], plan: TablePlan) -> Iterator[tuple[str, str]]:
    """Put together what is the case of a row on several datasets: of one on all, the row is named alone."""
    on: dict[tuple[str, str], list[str]] = {}
    for what, row, dataset in found:
        on.setdefault((what, row), []).append(dataset)
    for (what, row), datasets in on.items():
        everywhere = len(set(datasets)) == len(plan.datasets)
        yield what, row if everywhere else f"{row} on {' and '.join(datasets)}"


def _places(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return where each thing was found, in a list of words."""
    places: dict[str, list[str]] = {}
    for what, place in found:
        places.setdefault(what, []).append(place)
    return {what: ", ".join(where) for what, where in places.items()}


def selection_sentence(selection: Selection, looks: Sequence[int], holdout: float) -> str:
    """Say which weights of a run count.

    Parameters
    ----------
    looks
        Numbers of looks of the runs.
    """
    count = "/".join(map(str, looks)) or "no"
    return {
        "last": "Selection: last, the weights of the last step.",
        "validation": "Selection: validation, the best of "
        f"{count} looks at held-out training videos by video labels only ({share(holdout)} held out).",
        "oracle": f"Selection: ORACLE, the best of {count} looks at the test labels of the training dataset. "
        "Optimistic; it is what most papers report.",
    }[selection]


def _averaged(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds; mean ± sample standard deviation over seeds"


def notes(table: Table) -> list[str]:
    """Return the remarks below a table: on numbers below chance, on runs, and why cells are empty or short of seeds."""
    lines = list(chance_notes(table.cells))
    found = _places(
        (note, f"{row} on {name} ({number} of {table.plan.seeds} runs)") for note, row, name, number in table.run_notes
    )
    lines += [f"{where}: {without_folders(note)}." for note, where in found.items()]
    reasons = _places(
        (cell.reason, f"{cell.row} {cell.train} → {cell.test}")
        for cell in (*table.cells, *table.shuffled)
        if cell.reason
    )
    lines += [f"{cells}: {without_folders(reason)}." for reason, cells in reasons.items()]
    return lines


def chance_notes(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Say what † means, if it marks one of these cells."""
    below = [cell for cell in cells if cell.below_chance]
    if not below:
        return ()
    return (BELOW_CHANCE if all(cell.drop is None for cell in below) else BELOW_CHANCE_DROP,)


def share(part: float) -> str:
    """Write a share in percent, without decimals that say nothing: ``20%``, ``12.5%``."""
    return f"{100 * part:.3g}%"


def whole_percent(part: float) -> str:
    """Write a share in whole percent where there is little room; what is not quite all or nothing does not look so."""
    percent = round(100 * part)
    return ">99" if percent == 100 > 100 * part else "<1" if percent == 0 < part else str(percent)
