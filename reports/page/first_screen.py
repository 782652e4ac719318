"""The first screen of a report: what comes out in two sentences, and the ranking with its intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from benchmark.system.amounts import count
from benchmark.tables.ranking import Ranked
from benchmark.terms import METRIC_NAMES
from reports.forms.html import escape
from reports.page.report import LineUpSection

FIRST = 12
"""Methods of the ranking that the first screen shows; the others are shown on demand and in print."""
WIDTH, HEIGHT = 100, 12
"""Of an interval's picture, in units of its own."""
EXPLAINED = (
    "Mean over seeds in percent with its 95 % interval for other test videos and other seeds (docs/statistics.md); "
    "filled: best, or not distinguishable from the best after Holm's adjustment. Ordered by the mean place."
)
ONE_SEED = "‡ One seed, which the interval takes as given."


def headline(sections: Sequence[LineUpSection]) -> list[str]:
    """Say in two sentences which methods are best, and which cannot be told from the best."""
    ranked = [section for section in sections if section.ranked]
    if not ranked:
        return []
    best = [
        f"{s.ranked[0].contender.label} on {name} ({_metric(s)} {100 * s.ranked[0].mean:.1f})"
        for s, name in zip(ranked, dataset_names(ranked), strict=True)
    ]
    lines = [f"Best by the mean: {_listed(best)}."]
    leads = _leads(ranked)
    everywhere = [label for label, places in leads.items() if places == len(ranked)]
    if len(ranked) == 1:
        alike = len(everywhere) - 1
        others = len(ranked[0].ranked) - 1
        if not others:
            return [*lines, "There is nothing to compare it with."]
        told = f"{count(alike, 'method')} of the other {others} cannot" if alike else "Every other method can"
        return [*lines, f"{told} be told from it."]
    if everywhere:
        what = f"On all {len(ranked)} datasets the best, or not distinguishable from it: {_some(everywhere)}"
    else:
        most = max(leads.values())
        names = [label for label, places in leads.items() if places == most]
        what = (
            f"No method is the best, or not distinguishable from it, on all {len(ranked)} datasets; "
            f"{_some(names)} on {most}"
        )
    return [*lines, f"{what}."]


def ranking(sections: Sequence[LineUpSection]) -> Iterator[str]:
    """Render the ranking: a line per method, a column per dataset, each number with a picture of its interval."""
    ranked = [section for section in sections if section.ranked]
    if not ranked:
        return
    places: dict[str, list[int]] = defaultdict(list)
    found = [{place.contender.label: place for place in section.ranked} for section in ranked]
    for column in found:
        for number, label in enumerate(column, start=1):
            places[label].append(number)
    order = sorted(places, key=lambda label: (len(ranked) - len(places[label]), np.mean(places[label])))
    yield '<figure id="ranking" class="ranking"><table>'
    yield f"<caption><p><b>Ranking.</b> {escape(EXPLAINED)}</p></caption><thead><tr>"
    yield '<th scope="col">method</th><th scope="col">mean place</th>'
    for section, name in zip(ranked, dataset_names(ranked), strict=True):
        heading = escape(f"{name} ({_metric(section)})")
        yield f'<th scope="col" data-dataset="{escape(section.line_up.name)}">{heading}</th>'
    yield "</tr></thead><tbody>"
    for number, label in enumerate(order):
        yield f'<tr data-method="{escape(label)}"{" class=more" if number >= FIRST else ""}>'
        yield f'<th scope="row">{escape(label)}</th><td>{np.mean(places[label]):.1f}</td>'
        for section, column in zip(ranked, found, strict=True):
            yield f'<td data-dataset="{escape(section.line_up.name)}">{_cell(column.get(label), section.ranked)}</td>'
        yield "</tr>"
    yield "</tbody></table>"
    for section, name in zip(ranked, dataset_names(ranked), strict=True):
        if section.unranked:
            yield f"<p>{escape(f'{name}: {thinned(section)}')}</p>"
    if any(not place.covers_seeds for section in ranked for place in section.ranked):
        yield f"<p>{escape(ONE_SEED)}</p>"
    yield "</figure>"


def thinned(section: LineUpSection) -> str:
    """Say which methods of a large store a section ranks."""
    ranked = len(section.ranked)
    return (
        f"{ranked} of {ranked + section.unranked} methods are ranked: those with the highest means and those in "
        "figures, compared among themselves. Their tables have all."
    )


def title(section: LineUpSection) -> str:
    """Name a section's dataset and what its methods are ranked by."""
    return f"{section.line_up.dataset.name} ({_metric(section)})"


def dataset_names(sections: Sequence[LineUpSection]) -> list[str]:
    """Name the datasets, and what else was chosen where a dataset is there several times."""
    datasets = [section.line_up.dataset.name for section in sections]
    return [
        name if datasets.count(name) == 1 else section.line_up.name
        for section, name in zip(sections, datasets, strict=True)
    ]


def _metric(section: LineUpSection) -> str:
    return METRIC_NAMES[section.line_up.dataset.metric]


def _leads(sections: Sequence[LineUpSection]) -> dict[str, int]:
    """Return on how many datasets each method is the best or not distinguishable from it."""
    leads: dict[str, int] = defaultdict(int)
    for section in sections:
        for place in section.ranked:
            leads[place.contender.label] += place.standing != "worse"
    return leads


def _some(labels: Sequence[str]) -> str:
    """Name some methods, and count those for which there is no room."""
    return _listed(labels) if len(labels) <= FIRST // 2 else f"{', '.join(labels[:4])} and {len(labels) - 4} more"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _cell(place: Ranked | None, column: Sequence[Ranked]) -> str:
    if place is None:
        return "—"
    lowest, highest = min(p.ci_low for p in column), max(p.ci_high for p in column)
    scale = (WIDTH - 8) / ((highest - lowest) or 1.0)
    low, mean, high = (4 + scale * (value - lowest) for value in (place.ci_low, place.mean, place.ci_high))
    middle = HEIGHT / 2
    kind = "open" if place.standing == "worse" else "lead"
    interval = f"[{100 * place.ci_low:.1f}, {100 * place.ci_high:.1f}]{'' if place.covers_seeds else ' ‡'}"
    return (
        f'<span class="value">{100 * place.mean:.1f}</span>'
        f'<svg class="interval" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true"><path d="M{low:.1f} {middle:g}'
        f'H{high:.1f}"/><circle class="{kind}" cx="{mean:.1f}" cy="{middle:g}" r="3.2"/></svg> '
        f"<small>{interval}</small>"
    )
