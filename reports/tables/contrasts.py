"""Below a table about one method: where it differs from the others by class and by video, and what it would take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.statistics.class_wise import ClassGap
from benchmark.statistics.power import MOST_SEEDS, Precision
from benchmark.statistics.video_wise import Contrast, VideoGap
from benchmark.tables.cells import Cell, Table
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow, columns, interval, signed

CLASSES = "Differences by class"
VIDEOS = "Videos that differ most"
POWER = "What it would take to see a difference"
DEFINITIONS = {"auc_class": "class alone", "auc_class_vs_normal": "against normal"}
NO_CLASS_NUMBER = (
    f"{EMPTY} no AUC: the frames that it is of are all abnormal or all normal; no interval: one video of a kind, or "
    "videos that no resample tells apart."
)
SEEDS = (3, 5, 10, 20)


def class_caption(table: Table) -> tuple[str, ...]:
    """Return the caption of the differences by class."""
    return (
        f"{CLASSES}: AUC of {table.plan.subject} less that of the other, in points, means over seeds, with 95 % "
        "intervals if other test videos were drawn (docs/figures.md). They are not adjusted for their number: a class "
        "that differs is a question to look into, not a result.",
    )


def class_grid(table: Table) -> Grid | None:
    """Return the differences by class; None where no class is known."""
    groups = []
    for found in table.contrasts:
        by_class: dict[str, dict[str, ClassGap]] = {}
        for gap in found.classes:
            by_class.setdefault(gap.name, {})[gap.definition] = gap
        rows = tuple(GridRow(name, tuple(_class_cells(gaps))) for name, gaps in by_class.items())
        if rows:
            groups.append(GridGroup(_title(table, found), rows))
    headers = ("videos", *(text for name in DEFINITIONS.values() for text in (name, "95 % interval")))
    return Grid("", "class", headers, tuple(groups)) if groups else None


def _class_cells(gaps: dict[str, ClassGap]) -> Iterator[GridCell]:
    yield GridCell(str(next(iter(gaps.values())).videos))
    for definition in DEFINITIONS:
        gap = gaps.get(definition)
        yield GridCell(EMPTY if gap is None else signed(100 * gap.gap))
        if gap is None or gap.ci_low is None or gap.ci_high is None:
            yield GridCell("", EMPTY)
        else:
            yield GridCell("", interval(100 * gap.ci_low, 100 * gap.ci_high))


def class_notes(grid: Grid | None) -> tuple[str, ...]:
    """Return the remarks below the differences by class."""
    cells = [cell for group in grid.groups for row in group.rows for cell in row.cells] if grid else []
    return (NO_CLASS_NUMBER,) if any(EMPTY in (cell.value, cell.rest) for cell in cells) else ()


def video_caption(table: Table) -> tuple[str, ...]:
    """Return the caption of the videos that differ most."""
    return (
        f"{VIDEOS} between {table.plan.subject} and the other, five each way. Of each video: the share in percent of "
        "the pairs of an abnormal and a normal frame that it is part of which a method orders rightly, mean over "
        "seeds: what it adds to the AUC of the test set.",
    )


def video_grid(table: Table) -> Grid | None:
    """Return the videos that differ most; None where no scores are stored."""
    groups = tuple(
        GridGroup(_title(table, found), tuple(map(_video_row, (*found.better, *reversed(found.worse)))))
        for found in table.contrasts
        if found.better or found.worse
    )
    headers = ("class", str(table.plan.subject), "the other", "difference")
    return Grid("", "video", headers, groups) if groups else None


def _video_row(video: VideoGap) -> GridRow:
    cells = (
        GridCell("", ", ".join(video.classes) or "–"),
        GridCell(f"{100 * video.one:.1f}"),
        GridCell(f"{100 * video.other:.1f}"),
        GridCell(signed(100 * video.gap)),
    )
    return GridRow(video.name, cells)


def _title(table: Table, found: Contrast) -> str:
    return f"{found.dataset}: {table.plan.subject} − {found.other}"


def power_caption(table: Table) -> tuple[str, ...]:
    """Return the caption of what it would take."""
    size = f"{100 * (table.plan.power or 0):g}"
    return (
        f"{POWER}: in points, the true difference that 80 % of repetitions with so many seeds of each method would "
        "show at p at most 0.05 on these test videos, not adjusted for several comparisons; then what would show one "
        f"of {size} points: seeds on these videos, or test videos with the seeds at hand. Foretold from the variances "
        "of these runs, which few seeds know only roughly (docs/statistics.md).",
    )


def power_grid(table: Table) -> Grid | None:
    """Return what it would take to see a difference of the size asked for; None where nothing is compared."""
    size = table.plan.power
    if size is None:
        return None
    groups = []
    for title, source, target in columns(table):
        cells = [table.cell(row.label, source.name, target.name) for row in table.plan.rows]
        rows = tuple(_power_rows(cells, table, target.test_videos, size))
        if rows:
            groups.append(GridGroup(title, rows))
    headers = (*(f"{n} seeds" for n in SEEDS), f"seeds for {100 * size:g}", f"videos for {100 * size:g}")
    return Grid("", "compared with", headers, tuple(groups)) if groups else None


def _power_rows(cells: Sequence[Cell], table: Table, videos: int, size: float) -> Iterator[GridRow]:
    subject = next(cell for cell in cells if cell.row == table.plan.subject)
    for cell in cells:
        if cell.difference is None or cell.summary is None or subject.summary is None:
            continue
        if cell.difference.other != subject.row:  # compared with itself tuned
            continue
        if not cell.difference.covers_seeds:
            yield GridRow(cell.row, (GridCell("", "one seed: unknown"), *[GridCell("", EMPTY)] * (len(SEEDS) + 1)))
            continue
        seeds = min(cell.summary.n, subject.summary.n)
        known = Precision(cell.difference.video_variance, cell.difference.seed_variance, seeds, videos)
        needed, larger = known.seeds_for(size), known.videos_for(size)
        yield GridRow(
            cell.row,
            (
                *(GridCell("", f"{100 * known.detectable(n, videos):.1f}") for n in SEEDS),
                GridCell("", str(needed) if needed else f"not with {MOST_SEEDS}"),
                GridCell("", str(larger) if larger else "no number"),
            ),
        )
