"""Registered methods as the checks see them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmark.plugins.contract import Subject, find_subject

SMALLER: Mapping[str, Mapping[str, Any]] = {
    "bn-wvad": {"width": 128},
    "clav": {"hidden": 128},
    "mgfn": {"feature_width": 128},
    "msl": {"width": 64},
    "sparse-combinations": {
        "components": 12,
        "size": 6,
        "max_combinations": 2,
        "upper_bound": 0.2,
        "columns": 24,
        "rounds": 1,
        "start_rounds": 1,
    },
    "ur-dmu": {"width": 128},
    "vadclip": {"window": 32},
    "wagcn": {"window": 8},
    "wstr": {"width": 128},
}
"""Settings of methods that are too wide to be checked dozens of times, or larger than the checks' videos would fill."""


def subject_of(reference: str, **settings: Any) -> Subject:
    """Return a registered method, alone or behind add-ons, with its recipe, some with smaller numbers, and settings."""
    subject = find_subject(reference)
    changed = {**SMALLER.get(reference.split("+")[0], {}), **settings}
    if not changed:
        return subject
    return replace(subject, config=subject.method.Config(**{**dict(subject.settings()), **changed}))
