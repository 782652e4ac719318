"""Named extractors: known by name, changed part by part, and each set with an identity of its own."""

import pytest

from benchmark.extraction.recipe import ExtractorSettings, Recipe, parse_changes
from benchmark.extraction.recipes import find_recipe
from benchmark.system.errors import InputError


def settings(recipe: Recipe, **others: str) -> ExtractorSettings:
    return ExtractorSettings(recipe=recipe, **{"model": "w.pth", "sha256": "ab", **others})


def test_the_two_recipes_of_i3d_r50_differ_in_what_users_lose_points_by() -> None:
    ours, theirs = find_recipe("i3d-r50-rtfm"), find_recipe("I3D_R50_gowtham")
    differ = {part for part, value in theirs.model_dump().items() if value != ours.model_dump()[part]}
    assert differ == {"extractor", "resize", "filter", "crops", "normalise", "tail", "fewest_frames"}


def test_a_change_gives_another_identity_that_says_what_differs() -> None:
    published = find_recipe("i3d-r50-rtfm")
    changed = settings(published.changed(parse_changes(["crops=oversample", "frame_rate=30"])))
    assert changed.recipe.changes == ("frame_rate 30.0", "crops oversample")
    assert changed.label == "i3d-r50-rtfm+frame_rate-30.0+crops-oversample"
    assert "changed: frame_rate 30.0, crops oversample; " in changed.describe()
    assert changed.identity() != settings(published).identity()
    assert "i3d-r50-rtfm, as published; " in settings(published).describe()


def test_the_name_of_the_weights_is_no_part_of_the_identity_but_their_hash_is() -> None:
    recipe = find_recipe("i3d-rocng")
    assert settings(recipe, model="other.pth").identity() == settings(recipe).identity()
    assert settings(recipe, sha256="cd").identity() != settings(recipe).identity()
    assert settings(recipe, mean_cube_sha256="cd").identity() != settings(recipe).identity()


def test_the_two_recipes_of_c3d_differ_in_what_users_lose_points_by() -> None:
    ours, theirs = find_recipe("c3d-sultani"), find_recipe("c3d-ekosman")
    differ = {part for part, value in theirs.model_dump().items() if value != ours.model_dump()[part]}
    assert differ == {"extractor", "network", "filter", "centre", "channels", "normalise"}


def test_a_change_to_what_is_published_is_none() -> None:
    recipe = find_recipe("c3d-sultani")
    assert settings(recipe.changed({"width": 112, "crops": "one"})) == settings(recipe)


def test_colours_may_be_given_as_mean_and_deviation() -> None:
    changes = parse_changes(["normalise=[[0.5, 0.5, 0.5], [0.25, 0.25, 0.25]]"])
    assert find_recipe("i3d-rocng").changed(changes).normalise == ((0.5,) * 3, (0.25,) * 3)


def test_flow_is_seen_by_a_network_of_its_own() -> None:
    recipe = find_recipe("i3d-rocng", "tvl1")
    assert (recipe.network, recipe.flow) == ("i3d-inception-flow", "tvl1")
    with pytest.raises(InputError, match="flow needs the frame after a snippet"):
        recipe.changed({"tail": "drop"})
    with pytest.raises(InputError, match=r"flow is of whole levels; choose another filter than float-linear"):
        recipe.changed({"filter": "float-linear"})
    with pytest.raises(InputError, match=r"--flow dis: c3d-sultani has no network of flow; i3d-rocng has"):
        find_recipe("c3d-sultani", "dis")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("i3d-r50-rftm", r"--extractor i3d-r50-rftm: there is no such extractor; did you mean i3d-r50-rtfm\?"),
        ("xyz", r"there is no such extractor; known: i3d-r50-rtfm, i3d-r50-gowtham, i3d-rocng, i3d-videofeatures"),
    ],
)
def test_an_unknown_name_is_named(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_recipe(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("crop=one", r"i3d-r50-rtfm: no part `crop` of its recipe can be changed; did you mean crops\?"),
        ("flow=dis", r"no part `flow` of its recipe can be changed"),
        ("network=c3d", r"no part `network` of its recipe can be changed"),
        ("crops=all", r"i3d-r50-rtfm: crops: Input should be 'one', 'five'"),
        ("resize=256", r"i3d-r50-rtfm: resize: "),
        ("resize=short", r"i3d-r50-rtfm: resize: write none, the shorter side as `short 256`, or"),
        ("frames=4", r"i3d-r50-rtfm: its network sees all 16 frames"),
        ("frame_rate=0", r"i3d-r50-rtfm: frame_rate: "),
        ("crops", r"--set crops: write PART=VALUE, such as crops=one"),
        ("crops=[", r"--set crops=\[: "),
    ],
)
def test_a_change_that_cannot_be_is_named(change: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        find_recipe("i3d-r50-rtfm").changed(parse_changes([change]))
    assert "\n" not in str(refusal.value)
