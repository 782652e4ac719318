import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from benchmark.datasets.feature_sets import FeatureSet
from benchmark.datasets.manifest import _MIGRATIONS, MANIFEST_VERSION, Manifest, Video

PAGE = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text()


@pytest.mark.parametrize("model", [Manifest, Video, FeatureSet])
def test_every_field_is_documented(model: type[BaseModel]) -> None:
    documented = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert set(model.model_fields) <= documented


def test_every_version_is_documented_and_can_be_migrated() -> None:
    versions = {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.M)}
    assert versions == set(range(1, MANIFEST_VERSION + 1))
    assert set(_MIGRATIONS) == set(range(1, MANIFEST_VERSION))
