"""Pictures of a report's figures, kept with what they were drawn from: what has not changed is not drawn again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmark.runs.sealed_files import read_content, read_model, write_model
from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel
from benchmark.terms import FigureForm
from reports.figures.figure import Figure
from reports.page.pictures import PagePicture

FILE = "pictures.json"
"""In the folder of a report's figures."""


class _Kept(FrozenModel):
    """A picture with the files that were written of it: ending -> SHA-256 sum."""

    basis: str
    picture: PagePicture
    files: dict[str, str]


class _Index(FrozenModel):
    """Folder and name of a figure, joined by a slash -> what is kept of it."""

    pictures: dict[str, _Kept]


class KeptPictures:
    """The pictures of the last report in a folder of figures, and those of the one that is being made.

    Parameters
    ----------
    root
        The folder of figures.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            index = read_model(root / FILE, _Index)
        except InputError:  # it cannot be read: all is drawn anew
            index = None
        self._last = {} if index is None else index.pictures
        self._new: dict[str, _Kept] = {}

    def find(self, figure: Figure, forms: Sequence[FigureForm]) -> PagePicture | None:
        """Return the picture of a figure that was drawn from the same, if its files are there as they were written."""
        kept = self._last.get(_name(figure))
        if kept is None or kept.basis != figure.basis or not {*forms, "csv"} <= kept.files.keys():
            return None
        if any(self._sum(figure, ending) != expected for ending, expected in kept.files.items()):
            return None
        self._new[_name(figure)] = kept
        return kept.picture

    def keep(self, figure: Figure, picture: PagePicture, paths: Iterable[Path]) -> None:
        """Keep a picture whose files were just written."""
        sums = {path.suffix[1:]: self._sum(figure, path.suffix[1:]) for path in paths}
        files = {ending: found for ending, found in sums.items() if found}
        self._new[_name(figure)] = _Kept(basis=figure.basis, picture=picture, files=files)

    def write(self) -> None:
        """Write what was found or kept, in place of the last report's.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        write_model(self._root / FILE, _Index(pictures=self._new))

    def _sum(self, figure: Figure, ending: str) -> str | None:
        try:
            content = read_content(self._root / figure.folder / f"{figure.stem}.{ending}")
        except InputError:
            return None
        return None if content is None else hashlib.sha256(content).hexdigest()


def _name(figure: Figure) -> str:
    return f"{figure.folder}/{figure.stem}"
