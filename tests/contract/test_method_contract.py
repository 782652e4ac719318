"""Every registered method passes the contract: alone, behind every registered add-on, and in its other forms."""

from dataclasses import replace
from importlib.metadata import entry_points

import pytest

from benchmark.plugins.contract import CHECKS, Subject, find_subject, learning, scores
from benchmark.system.process import one_thread
from tests.contract.subjects import subject_of

METHODS = [point.name for point in sorted(entry_points(group="wvad_bench.methods"))]
ADD_ONS = [point.name for point in sorted(entry_points(group="wvad_bench.addons"))]
COMBINED = [
    *((name, add_on) for name in ("mmil", "clav") for add_on in ADD_ONS),
    *((name, "ica") for name in ("rtfm", "hl-net", "vadclip")),
]
"""Every add-on, and methods that differ in what it has to pass on: hooks, factors of the rate, padded videos."""
FORMS = [("clav", "relation=rn"), ("clav", "relation=none"), ("clav", "activation=none")]
"""Settings that exchange a part of a method for another one."""

UNREACHED_ALONE = {
    "ctr": ("relation.query.weight", "relation.key.weight"),
    "pel4vad": (
        *(f"context.{name}" for name in ("alpha", "gamma", "bias")),
        *(f"context.{layer}.{part}" for layer in ("query", "key", "value") for part in ("weight", "bias")),
    ),
    "wsal": ("fc2_1.weight", "fc2_1.bias", "fc2_2.weight", "fc2_2.bias"),
    "amil": ("attention.inner.weight", "attention.inner.bias", "attention.outer.weight"),
    "bn-svp": ("raw_length_scale", *(f"recurrent.weight_hh_l{layer}" for layer in range(5))),
    "claws": ("first.attention.weight", "second.attention.weight"),
    "ma": ("attention.0.weight", "attention.0.bias", "attention.2.weight", "attention.2.bias", "attention.4.weight"),
    "wagcn": ("learned_graph.query.weight", "learned_graph.key.weight"),
}
"""Weights that compare segments, and so learn nothing from videos of one segment."""


def form(name: str, setting: str) -> Subject:
    """A method with one setting changed."""
    key, value = setting.split("=")
    return replace(subject_of(name, **{key: value}), name=f"{name} {setting}")


def combine(name: str, add_on: str) -> Subject:
    """A method behind an add-on; if it contains that add-on, with the setting that chooses it."""
    built_in = find_subject(name).method.built_in_add_ons
    return form(name, built_in[add_on]) if add_on in built_in else subject_of(f"{name}+{add_on}")


SUBJECTS = [
    *(subject_of(name) for name in METHODS),
    *(combine(name, add_on) for name, add_on in COMBINED),
    *(form(name, setting) for name, setting in FORMS),
]
every_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)


@pytest.fixture(autouse=True)
def _on_one_thread():
    """Threads that wait for each other are slow where tests run side by side."""
    with one_thread():
        yield


def test_the_built_in_plugins_are_registered():
    assert {"clav", "ctr", "dmil", "mmil", "rtfm"} <= set(METHODS)
    assert {"conv", "conv-wide", "ica"} <= set(ADD_ONS)


@every_subject
@pytest.mark.parametrize("check", CHECKS)
def test_contract(subject, check):
    CHECKS[check](subject)


@every_subject
@pytest.mark.parametrize("crops", [2, 10])
@pytest.mark.parametrize("length", [1, 7, 16])
def test_training_with_any_number_of_crops_and_segments_at_once(subject, crops, length):
    learning.check_loss_terms(subject, subject.sources()[0], steps=2, crops=crops, length=length)


@every_subject
@pytest.mark.parametrize("length", [1, 7, 16])
def test_gradients_reach_every_parameter_at_any_length(subject, length):
    unreached = UNREACHED_ALONE.get(subject.name.split("+")[0], ()) if length == 1 else ()
    prefix = "method." if subject.add_ons else ""
    learning.check_gradients(subject, subject.sources()[-1], [prefix + name for name in unreached], 2, length)


@every_subject
@pytest.mark.parametrize("crops", [1, 5])
def test_scores_of_any_number_of_crops_and_snippets_at_once(subject, crops):
    method = subject.trained(subject.sources()[0])
    for snippets in (1, 2, 5, 300):
        scores.check_scores_of(method, scores.draw_features(2, crops, snippets))
