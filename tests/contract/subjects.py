"""Registered methods as the checks see them."""

from dataclasses import replace

from benchmark.plugins.contract import Subject, find_subject

NARROWER = {"mgfn": {"feature_width": 128}}
"""Settings of methods that are too wide to be checked dozens of times, and are the same but for that."""


def subject_of(name: str) -> Subject:
    """Return a registered method with its recipe, narrower if it is too wide."""
    subject = find_subject(name)
    changed = NARROWER.get(name)
    if changed is None:
        return subject
    return replace(subject, config=subject.method.Config(**{**dict(subject.settings()), **changed}))
