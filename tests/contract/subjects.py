"""Registered methods as the checks see them."""

from dataclasses import replace

from benchmark.plugins.contract import Subject, find_subject

NARROWER = {"mgfn": {"feature_width": 128}, "wagcn": {"window": 8}, "wstr": {"width": 128}}
"""Settings of methods that are too wide to be checked dozens of times, or have a window that no check would fill."""


def subject_of(name: str) -> Subject:
    """Return a registered method with its recipe, and some with smaller numbers."""
    subject = find_subject(name)
    changed = NARROWER.get(name)
    if changed is None:
        return subject
    return replace(subject, config=subject.method.Config(**{**dict(subject.settings()), **changed}))
