"""Settings that are refused where they mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from pydantic import model_validator

from benchmark.api import MethodConfig


class Need(NamedTuple):
    """What some switches need to mean something."""

    what: str
    """In words, after "means nothing without"."""
    is_there: bool
    """Whether the other settings bring it."""
    switches: tuple[str, ...]
    """Names of the settings that stay at their defaults without it."""


class SwitchedConfig(MethodConfig):
    """Settings of which some mean something only beside others, and elsewhere stay at their defaults."""

    @model_validator(mode="after")
    def _switches_have_something_to_switch(self) -> Self:
        for need in self._needs():
            for name in () if need.is_there else need.switches:
                value, default = getattr(self, name), type(self).model_fields[name].default
                if value != default:
                    raise ValueError(f"{name} {value!r} means nothing without {need.what}: leave it at {default!r}")
        return self

    def _needs(self) -> Sequence[Need]:
        """Return what switches need; numbers may stand unused, so that they can be swept over a whole table."""
        return ()
