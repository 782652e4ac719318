"""The recipe of a feature set, read back from its identity: what is asked for, and what is refused in a line."""

from pathlib import Path
from typing import Any

import pytest

from benchmark.datasets.feature_sets import FeatureSet
from benchmark.extraction.recipes import RECIPES
from benchmark.prediction.set_recipe import PUBLISHED_AS, Tools, request_like
from benchmark.system.errors import InputError
from tests.unit.extraction.makers import mean_colours


def identity(recipe: dict[str, Any] | None) -> FeatureSet:
    return FeatureSet(id="mine", extractor="x", checkpoint="y", dim=3, normalisation="none", recipe=recipe)


def own_encoder(**changes: object) -> dict[str, Any]:
    """Settings as an extraction with an ONNX encoder records them."""
    settings: dict[str, Any] = {
        "model": "encoder.onnx", "sha256": "0" * 64, "architecture": None, "architecture_sha256": None, "kind": "image",
        "frames": 4, "normalisation": "unit", "crops": "one", "width": 8, "height": 8,
    }  # fmt: skip
    return {"features": {**settings, **changes}, "tail": "drop"}


def named(**changes: object) -> dict[str, Any]:
    recipe = {**RECIPES["c3d-sultani"].model_dump(mode="json"), **changes}
    return {"features": {"recipe": recipe, "model": "c3d.pickle", "sha256": "0" * 64}, "tail": "drop"}


@pytest.mark.parametrize("crops", [1, 5, 10])
def test_a_published_set_is_extracted_by_the_extractor_that_made_it(crops: int) -> None:
    request = request_like("vadclip-vit-b16", None, crops, Tools(weights=Path("w.pt")))
    assert request.recipe is not None
    assert request.recipe.extractor == "clip-vadclip"
    assert request.recipe.crops == {1: "one", 5: "centre-five", 10: "centre-ten"}[crops]
    assert request.features == Path("w.pt")
    assert request.recipe.changes == (() if crops == 10 else (f"crops {request.recipe.crops}",))


def test_published_sets_are_made_by_extractors_that_there_are() -> None:
    assert set(PUBLISHED_AS.values()) <= RECIPES.keys()


@pytest.mark.parametrize(
    ("feature_set", "recipe", "tools", "words"),
    [
        ("mine", None, Tools(), "states no recipe that videos could be extracted by"),
        ("rtfm-i3d-r50-10crop", None, Tools(), "name the file of its published weights with --extractor-weights"),
        ("mine", {"features": 1}, Tools(), "its recipe is damaged at"),
        ("mine", own_encoder(width="wide"), Tools(), "its recipe is damaged at"),
        ("mine", own_encoder(), Tools(), "was extracted with encoder.onnx"),
        ("mine", own_encoder(), Tools(shelf=Path("nowhere")), "was extracted with encoder.onnx"),
        ("mine", own_encoder(architecture="os:getcwd"), Tools(Path("w")), "is built by os:getcwd; name it with"),
        ("mine", named(), Tools(Path("w")), "subtracts a mean cube; name it with --mean-cube"),
        ("mine", named(network="brand-new"), Tools(Path("w")), "no network brand-new here"),
    ],
)
def test_what_cannot_be_extracted_is_one_line(
    feature_set: str, recipe: dict[str, Any] | None, tools: Tools, words: str
) -> None:
    stated = None if recipe is None else identity(recipe)
    with pytest.raises(InputError) as refused:
        request_like(feature_set, stated, 10, tools)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_crops_of_a_published_set_have_no_order() -> None:
    with pytest.raises(InputError, match="i3d-r50-rtfm: has no order of 2 crops"):
        request_like("rtfm-i3d-r50-10crop", None, 2, Tools(weights=Path("w.pth")))


def test_the_shelf_is_searched_and_other_weights_are_named(tmp_path: Path) -> None:
    mean_colours(tmp_path / "encoder.onnx")
    with pytest.raises(
        InputError, match=r"encoder.*makes other features than mine: its sha256 is .*, not 000000000000"
    ):
        request_like("mine", identity(own_encoder()), 1, Tools(shelf=tmp_path, weights=tmp_path / "encoder.onnx"))
