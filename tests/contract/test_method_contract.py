"""Every registered method passes the contract."""

from functools import cache
from importlib.metadata import entry_points

import checks
import pytest

NAMES = sorted(entry_points(group="wvad_bench.methods").names)
CROPS, LENGTHS = (1, 2, 5, 10), (1, 7, 16, 32)


@cache
def load(name):
    return entry_points(group="wvad_bench.methods")[name].load()


@cache
def trained(name):
    """The method with every pseudo-label it asks for."""
    return checks.trained(load(name), checks.accepted_sources(load(name))[0])


WITH_SOURCES = [
    pytest.param(name, sources, id="-".join([name, *sources.values()]))
    for name in NAMES
    for sources in checks.accepted_sources(load(name))
]
every_method = pytest.mark.parametrize("name", NAMES)
every_source = pytest.mark.parametrize(("name", "sources"), WITH_SOURCES)


def test_the_built_in_methods_are_registered():
    assert {"mmil", "rtfm", "clav"} <= set(NAMES)


@every_source
def test_training(name, sources):
    checks.check_training(load(name), sources, crops=2, length=16)


@every_method
@pytest.mark.parametrize("crops", CROPS)
@pytest.mark.parametrize("length", LENGTHS)
def test_training_with_any_number_of_crops_and_segments(name, crops, length):
    checks.check_training(load(name), checks.accepted_sources(load(name))[0], crops, length)


@every_method
def test_training_on_a_single_pair(name):
    checks.check_training(load(name), checks.accepted_sources(load(name))[0], crops=1, length=8, videos=1)


@every_source
def test_gradients_reach_every_parameter(name, sources):
    checks.check_gradients(load(name), sources)


@every_method
@pytest.mark.parametrize("length", LENGTHS)
def test_gradients_reach_every_parameter_at_any_length(name, length):
    checks.check_gradients(load(name), checks.accepted_sources(load(name))[-1], length=length, crops=2)


@every_source
def test_blank_videos(name, sources):
    checks.check_blank_video(load(name), sources)


@every_method
@pytest.mark.parametrize("crops", CROPS)
def test_scores_with_any_number_of_crops(name, crops):
    checks.check_scores(trained(name), crops, 16)


@every_method
@pytest.mark.parametrize("snippets", [1, 2, 3, 4, 5, 7, 9, 10, 16, 31, 32, 33, 100, 299, 300])
def test_scores_with_any_number_of_snippets(name, snippets):
    checks.check_scores(trained(name), 2, snippets)


@every_method
@pytest.mark.parametrize("dim", [1, 7, 50, 64])
def test_scores_of_any_feature_size(name, dim):
    checks.check_feature_size(load(name), dim)


@every_source
def test_scores_with_any_source(name, sources):
    checks.check_scores(checks.trained(load(name), sources), 2, 20)


@every_method
def test_same_seed_same_bits(name):
    checks.check_same_seed_same_bits(load(name), checks.accepted_sources(load(name))[0])


@every_source
def test_save_and_load(name, sources, tmp_path):
    checks.check_save_and_load(load(name), sources, tmp_path)


@every_method
def test_crop_order_is_irrelevant(name):
    checks.check_crop_order(trained(name))


@every_method
def test_videos_do_not_mix(name):
    checks.check_videos_do_not_mix(trained(name))


@every_method
def test_evaluation_is_pure(name):
    checks.check_evaluation_is_pure(trained(name))


@every_method
def test_embedding(name):
    checks.check_embedding(trained(name))
