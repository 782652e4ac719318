"""A figure with all that is said about it, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure as Canvas

from benchmark.system.files import replacing
from benchmark.terms import FigureForm
from reports.forms.csv import to_csv


@dataclass(frozen=True)
class Figure:
    """A figure that can be drawn in any form.

    Attributes
    ----------
    folder, name
        Where its files lie below the folder of figures, and what figure it is.
    caption
        Sentences.
    alt
        What it shows, for those who cannot see it.
    draw
        Draws it; has to be called in the style of `reports.figures.style.styled`.
    data
        The numbers that are drawn; a CSV file beside the figure.
    basis
        Hash of all that decides what is drawn; empty where nobody asks.
    page
        Its place among figures of the same name, which show further methods.
    """

    folder: str
    name: str
    title: str
    caption: tuple[str, ...]
    alt: str
    draw: Callable[[], Canvas]
    data: pd.DataFrame
    basis: str = ""
    page: int = 1

    @property
    def stem(self) -> str:
        """What its files are called, without ending."""
        return self.name if self.page == 1 else f"{self.name}-{self.page}"

    def write(self, root: Path, contents: Mapping[FigureForm, bytes]) -> list[Path]:
        """Write the figure's files and its numbers below a folder, and say where they are.

        Parameters
        ----------
        contents
            Of the file in each form, see `reports.figures.style.render`.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        folder = root / self.folder
        folder.mkdir(parents=True, exist_ok=True)
        numbers = to_csv(self.data).encode()
        files = {folder / f"{self.stem}.{ending}": content for ending, content in (*contents.items(), ("csv", numbers))}
        for path, content in files.items():
            with replacing(path) as file:
                file.write(content)
        return list(files)


NO_NUMBER = "no run of its table has a number under this selection."


@dataclass(frozen=True)
class Absence:
    """A figure that there is not, and why: a sentence that goes on after "none, "."""

    folder: str
    name: str
    title: str
    reason: str
