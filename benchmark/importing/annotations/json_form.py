"""The JSON form: one file that says all, for datasets of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from benchmark.importing.annotations.annotated import AnnotatedVideo, Annotations, by_name, interval
from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel, first_error
from benchmark.system.text_files import read_bytes
from benchmark.terms import MOST_FRAMES, Split

_Frame = Annotated[int, Field(ge=0, lt=MOST_FRAMES)]
_Frames = Annotated[int, Field(ge=1, lt=MOST_FRAMES)]


class _Entry(FrozenModel):
    model_config = ConfigDict(strict=True)

    name: str = Field(min_length=1)
    split: Split
    label: Literal[0, 1]
    class_: str | None = Field(default=None, alias="class")
    classes: tuple[str, ...] = ()
    frames: _Frames | None = None
    intervals: tuple[tuple[_Frame, _Frame], ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> _Entry:
        if self.class_ is not None and self.classes:
            raise ValueError("give `class` or `classes`, not both")
        if not self.label and {name.lower() for name in self.names} - {"normal"}:
            raise ValueError("a normal video has no abnormal class")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return (self.class_,) if self.class_ is not None else self.classes


class _File(FrozenModel):
    model_config = ConfigDict(strict=True)

    videos: list[_Entry]


def read(main: Path) -> Annotations:
    """Read the form.

    ``{"videos": [{"name": "a", "split": "test", "label": 1, "class": "Fighting", "frames": 320,
    "intervals": [[16, 64]]}]}``: `split` is ``"train"`` or ``"test"``, `label` 1 for abnormal and 0 for
    normal, `intervals` ``[start, end)`` in frames, 0-based. `class` (or `classes`, a list), `frames` and,
    for all but abnormal test videos, `intervals` may be left out.
    """
    try:
        content = _File.model_validate_json(read_bytes(main))
    except ValidationError as error:
        if (first := error.errors()[0])["type"] == "json_invalid":
            raise InputError(f"{main}: not a JSON file ({first['msg']}); save the annotations as JSON text") from None
        raise InputError(f"{main}: malformed at {first_error(error)}") from None
    videos = by_name(
        (
            AnnotatedVideo(
                entry.name,
                entry.split,
                entry.label,
                entry.names if entry.label else (),
                entry.frames,
                tuple(interval(start, end, f"{entry.name} ({main.name})") for start, end in entry.intervals),
            )
            for entry in content.videos
        ),
        main,
    )
    return Annotations("Annotations in the JSON form (frames 0-based, end exclusive).", videos)
