"""Numbers as CSV, which people open in spreadsheets."""

from __future__ import annotations

import re

import pandas as pd
from pandas.api.types import is_numeric_dtype

from benchmark.system.names import printable

_FORMULA = re.compile(r"[=@]|[-+].*[|!(]")
"""What a spreadsheet computes or runs; a row may be called ``+ L_dist``."""


def to_csv(frame: pd.DataFrame) -> str:
    """Render a frame; a text that a spreadsheet would take for a formula gets the quote that marks it as text."""
    texts = {name: frame[name].map(_escape) for name in frame.columns if not is_numeric_dtype(frame[name])}
    return str(frame.assign(**texts).to_csv(index=False, lineterminator="\n", float_format="%.8g"))


def _escape(value: object) -> object:
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if _FORMULA.match(value.strip()) else printable(value)
