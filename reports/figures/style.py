"""How figures look: one style, one palette, widths of journals, and the files that figures become."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

import matplotlib
import seaborn as sns
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import NullLocator
from matplotlib.transforms import ScaledTranslation

from benchmark.runs.table_plan import TablePlan
from benchmark.system.hashing import digest, hash_package
from benchmark.system.libraries import installed_version
from benchmark.tables.line_ups import Contender
from benchmark.terms import FigureForm

Colour = tuple[float, float, float]
Colours = Mapping[str, Colour]
"""Label of a method -> its colour."""

SINGLE, DOUBLE = 3.5, 7.16
"""Widths of one and of two columns of a journal, in inches."""
_GLYPH = re.compile(r"Glyph (\d+) ")
INK, GREY = "#1a1a1a", "#767676"
ABNORMAL, NORMAL = (0.84, 0.37, 0.0), (0.0, 0.45, 0.70)
"""Vermilion and blue, which differ for every kind of colour vision."""

_PALETTE: list[Colour] = [tuple(colour) for colour in sns.color_palette("colorblind")]
_METHODS = {"rtfm": 0, "ctr": 1, "mmil": 2, "clav": 3, "dmil": 4}
"""Places of the paper's methods in the palette: MMIL, RTFM and CLAV as in its Fig. 8."""
_OTHERS = (5, 6, 8, 9)
_DASHES: list[Any] = ["-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (2, 1)), (0, (6, 1, 1, 1, 1, 1))]

_WIDER_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei"),
    *("Droid Sans Fallback", "Microsoft YaHei", "SimHei", "PingFang SC", "Arial Unicode MS", "Noto Sans", "Unifont"),
)
"""Fonts with the letters that DejaVu lacks, of which those that this machine has are used."""
_TICKS = (("size", 4.8), ("pad", 3.5))
_SETTINGS: dict[Any, object] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "grid.linewidth": 0.4,
    "axes.edgecolor": GREY,
    "axes.titlelocation": "left",
    # Titles stay where they are put: looking for room takes time. So numbers are written in full: what is to be
    # added to them, or they are to be multiplied by, would stand there too.
    "axes.titley": 1.0,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-12, 12),
    # Numbers of small ticks stand in a line with those of large ones.
    **{f"{axis}tick.{kind}.{what}": value for axis in "xy" for kind in ("major", "minor") for what, value in _TICKS},
    "legend.title_fontsize": 7,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "pdf.fonttype": 42,
    # A dollar sign in a name is a dollar sign.
    "text.parse_math": False,
    # Equal figures are equal files.
    "svg.hashsalt": "wvad-bench",
}


@dataclass(frozen=True)
class Palette:
    """The colour of every method: fixed for the paper's, for others the same in all figures of a run store.

    Attributes
    ----------
    order
        Labels of all rows that have no colour of their own, in order.
    """

    order: tuple[str, ...]

    @classmethod
    def of_plans(cls, plans: Iterable[TablePlan]) -> Palette:
        """Return the palette for all planned tables, whatever of them is stored."""
        rows = (row for plan in plans for row in plan.rows)
        labels = (row.label for row in rows if row.method not in _METHODS or row.add_ons or row.settings)
        return cls(tuple(dict.fromkeys(labels)))

    def colours(self, contenders: Sequence[Contender]) -> dict[str, Colour]:
        """Return the colours of the methods of a figure, all different: of two that claim one, the later gives way."""
        taken: dict[str, int] = {}
        for contender in sorted(contenders, key=lambda c: c.method not in _METHODS):
            free = [place for place in (*_OTHERS, *_METHODS.values()) if place not in taken.values()]
            claimed = _METHODS.get(contender.method)
            if claimed is None:
                place = self.order.index(contender.label) if contender.label in self.order else 0
                claimed = _OTHERS[place % len(_OTHERS)]
            taken[contender.label] = claimed if claimed in free else free[0]
        return {contender.label: _PALETTE[taken[contender.label]] for contender in contenders}


def dash(place: int) -> Any:
    """Return the line style of the line at a place, so that lines can be told apart without colours."""
    return _DASHES[place % len(_DASHES)]


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of all figures."""
    settings: dict[Any, object] = {**_SETTINGS, "font.family": ["DejaVu Sans", *_wider_fonts()]}
    with sns.axes_style("whitegrid"), sns.plotting_context("paper"), matplotlib.rc_context(settings):
        yield


@cache
def _wider_fonts() -> tuple[str, ...]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in _WIDER_FONTS if name in installed)


def canvas(width: float, height: float) -> Canvas:
    """Return an empty figure of a size in inches."""
    return Canvas(figsize=(width, height), layout="constrained")


def spread(figure: Canvas) -> None:
    """Leave more room between panels that have text on all sides."""
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(hspace=0.08, wspace=0.06)


def arrange(figure: Canvas) -> None:
    """Put all in its place once; a figure with a layout engine is drawn twice for each file."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def shorten(name: str, longest: int = 40) -> str:
    """Leave out the middle of a name for which there is no room."""
    half = longest // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def legend_above(figure: Canvas, axis: Axes) -> None:
    """Put one legend for all panels above them, from the labelled artists of one of them."""
    handles, labels = axis.get_legend_handles_labels()
    widest = max((0.55 + 0.055 * len(label) for label in labels), default=1.0)
    rows = math.ceil(len(labels) / max(1, int(figure.get_figwidth() / widest)))
    figure.legend(handles, labels, loc="outside upper center", ncols=math.ceil(len(labels) / rows))


def number_logarithm(axis: Axis) -> None:
    """Write the numbers of a logarithmic axis, whose limits are set, as they are: powers of ten, or those between."""
    low, high = axis.get_view_interval()
    axis.set_major_formatter("{x:g}")
    if high < 10 * low:
        axis.set_minor_formatter("{x:g}")
    else:
        axis.set_minor_locator(NullLocator())  # nobody sees ticks without labels, and they take time


def legend_below(figure: Canvas, axis: Axes, **options: Any) -> None:
    """Put a panel's legend below its x-label, however high the panel is."""
    below = ScaledTranslation(0, -0.36, figure.dpi_scale_trans)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=axis.transAxes + below, **options)


@cache
def drawing() -> str:
    """Return what figures are drawn by: code, libraries, fonts and settings; as a hash."""
    versions = [installed_version(name) for name in ("matplotlib", "seaborn", "numpy", "pandas")]
    code = [hash_package(name) for name in ("benchmark", "reports")]
    settings = {name: str(matplotlib.rcParams[name]) for name in matplotlib.rcParams if name != "backend"}
    return digest([versions, code, _wider_fonts(), settings])


DPI = 200
MOST_PIXELS, LONGEST_SIDE = 40_000_000, 60_000
"""Of a picture, however many rows it has: so much is drawn in 200 MB, and Matplotlib draws no longer sides."""


@dataclass(frozen=True)
class Rendered:
    """A drawn figure: width and height in inches, and the content of its file in each form.

    Attributes
    ----------
    lacking
        Letters of its labels that no font of this machine has; boxes stand for them.
    """

    size: tuple[float, float]
    contents: Mapping[FigureForm, bytes]
    lacking: frozenset[str] = frozenset()


def render(draw: Callable[[], Canvas], forms: Sequence[FigureForm]) -> Rendered:
    """Draw a figure once and save it in several forms; a very large one with fewer pixels to the inch."""
    undated: dict[FigureForm, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    contents: dict[FigureForm, bytes] = {}
    with styled(), warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", r"Glyph \d+ .* missing from font")
        figure = draw()
        arrange(figure)
        width, height = figure.get_figwidth(), figure.get_figheight()
        dpi = min(DPI, math.sqrt(MOST_PIXELS / (width * height)), LONGEST_SIDE / max(width, height))
        for form in forms:
            with BytesIO() as file:
                figure.savefig(file, format=form, dpi=dpi, metadata=undated.get(form))
                contents[form] = file.getvalue()
    lacking = frozenset(chr(int(found[1])) for one in caught if (found := _GLYPH.match(str(one.message))))
    for one in caught:
        if not _GLYPH.match(str(one.message)):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return Rendered((width, height), contents, lacking)
