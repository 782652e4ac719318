"""Every registered method passes the contract: alone, behind every registered add-on, and in its other forms."""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

import checks
import pytest

from benchmark.add_ons import assemble
from benchmark.api import AddOn, FeatureSpec, Method, MethodConfig

METHODS = {point.name: point.load() for point in sorted(entry_points(group="wvad_bench.methods"))}
ADD_ONS = {point.name: point.load() for point in sorted(entry_points(group="wvad_bench.addons"))}
FORMS = [("clav", "relation=rn"), ("clav", "relation=none"), ("clav", "activation=none")]
"""Settings that exchange a part of a method for another one."""

UNREACHED_ALONE = {"ctr": ("relation.query.weight", "relation.key.weight")}
"""Weights that compare segments, and so learn nothing from videos of one segment."""

CROPS, LENGTHS = (1, 2, 5, 10), (1, 7, 16, 32)


@dataclass(frozen=True)
class Case:
    """A method with settings and add-ons, made as the engine does."""

    name: str
    method: type[Method]
    config: MethodConfig
    add_ons: tuple[type[AddOn], ...] = ()

    def __call__(self, features: FeatureSpec) -> Method:
        return assemble(self.method, self.config, [(add_on, add_on.Config()) for add_on in self.add_ons], features)

    @property
    def sources(self) -> list[dict[str, str]]:
        return checks.accepted_sources(self.method, self.config)


def form(name: str, setting: str) -> Case:
    """A method with one setting changed."""
    key, value = setting.split("=")
    return Case(f"{name} {setting}", METHODS[name], METHODS[name].Config(**{key: value}))


def combine(name: str, add_on: str) -> Case:
    """A method behind an add-on; if it contains that add-on, with the setting that chooses it."""
    method = METHODS[name]
    if add_on in method.built_in_add_ons:
        return form(name, method.built_in_add_ons[add_on])
    return Case(f"{name}+{add_on}", method, method.Config(), (ADD_ONS[add_on],))


CASES = [
    *(Case(name, method, method.Config()) for name, method in METHODS.items()),
    *(combine(name, add_on) for name in METHODS for add_on in ADD_ONS if METHODS[name].takes_add_ons),
    *(form(name, setting) for name, setting in FORMS),
]
WITH_SOURCES = [
    pytest.param(case, sources, id="-".join([case.name, *sources.values()]))
    for case in CASES
    for sources in case.sources
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_source = pytest.mark.parametrize(("case", "sources"), WITH_SOURCES)


@cache
def trained(name: str) -> Method:
    """The method with every pseudo-label it asks for."""
    case = next(case for case in CASES if case.name == name)
    return checks.trained(case, case.sources[0])


def test_the_built_in_plugins_are_registered():
    assert {"clav", "ctr", "dmil", "mmil", "rtfm"} <= set(METHODS)
    assert {"conv", "conv-wide", "ica"} <= set(ADD_ONS)


@every_source
def test_training(case, sources):
    checks.check_training(case, sources, crops=2, length=16)


@every_case
@pytest.mark.parametrize("crops", CROPS)
@pytest.mark.parametrize("length", LENGTHS)
def test_training_with_any_number_of_crops_and_segments(case, crops, length):
    checks.check_training(case, case.sources[0], crops, length)


@every_case
def test_training_on_a_single_pair(case):
    checks.check_training(case, case.sources[0], crops=1, length=8, videos=1)


@every_source
def test_gradients_reach_every_parameter(case, sources):
    checks.check_gradients(case, sources)


@every_case
@pytest.mark.parametrize("length", LENGTHS)
def test_gradients_reach_every_parameter_at_any_length(case, length):
    unreached = UNREACHED_ALONE.get(case.name.split("+")[0], ()) if length == 1 else ()
    prefix = "method." if case.add_ons else ""
    checks.check_gradients(case, case.sources[-1], [prefix + name for name in unreached], length=length, crops=2)


@every_source
def test_blank_videos(case, sources):
    checks.check_blank_video(case, sources)


@every_case
@pytest.mark.parametrize("crops", CROPS)
def test_scores_with_any_number_of_crops(case, crops):
    checks.check_scores(trained(case.name), crops, 16)


@every_case
@pytest.mark.parametrize("snippets", [1, 2, 3, 4, 5, 7, 9, 10, 16, 31, 32, 33, 100, 299, 300])
def test_scores_with_any_number_of_snippets(case, snippets):
    checks.check_scores(trained(case.name), 2, snippets)


@every_case
@pytest.mark.parametrize("dim", [1, 7, 50, 64])
def test_scores_of_any_feature_size(case, dim):
    checks.check_feature_size(case, case.sources[0], dim)


@every_source
def test_scores_with_any_source(case, sources):
    checks.check_scores(checks.trained(case, sources), 2, 20)


@every_case
def test_same_seed_same_bits(case):
    checks.check_same_seed_same_bits(case, case.sources[0])


@every_source
def test_save_and_load(case, sources, tmp_path):
    checks.check_save_and_load(case, sources, tmp_path)


@every_case
def test_crop_order_is_irrelevant(case):
    checks.check_crop_order(trained(case.name))


@every_case
def test_videos_do_not_mix(case):
    checks.check_videos_do_not_mix(trained(case.name))


@every_case
def test_evaluation_is_pure(case):
    checks.check_evaluation_is_pure(trained(case.name))


@every_case
def test_embedding(case):
    checks.check_embedding(trained(case.name))
