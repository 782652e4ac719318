"""The one reader of JSON."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.datasets.feature_sets import find_feature_set
from benchmark.datasets.manifest import read_manifest
from benchmark.importing.annotations import json_form
from benchmark.importing.ground_truth.sources import read_ground_truth
from benchmark.system.errors import InputError
from benchmark.system.json_text import parse_json
from benchmark.terms import Training

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN, st.booleans())
def test_json_is_read_as_it_was_written_with_a_mark_and_without(content: object, marked: bool) -> None:
    text = json.dumps(content)
    assert parse_json(text.encode("utf-8-sig" if marked else "utf-8")) == content
    assert parse_json("\ufeff" * marked + text) == content


@given(st.text(), PLAIN, PLAIN)
def test_a_key_twice_is_refused_however_deep(key: str, one: object, other: object) -> None:
    twice = f"{json.dumps(key)}: {json.dumps(one)}, {json.dumps(key)}: {json.dumps(other)}"
    for text in (f"{{{twice}}}", f'{{"a": [0, {{"x": 1, {twice}}}]}}' if key != "x" else f"[{{{twice}}}]"):
        with pytest.raises(ValueError, match="is there twice"):
            parse_json(text)


def test_depth_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="too deep"):
        parse_json("[" * 100_000)


def test_records_and_settings_are_read_by_it() -> None:
    with pytest.raises(ValidationError, match="'steps' is there twice"):
        Training.model_validate_json('{"steps": 1, "steps": 2}')
    assert Training.model_validate_json(b'\xef\xbb\xbf{"steps": 7}').steps == 7


def test_every_file_of_json_is_read_by_it(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text('{"videos": [], "a": {"labels": [0]}, "videos": []}')
    (tmp_path / "set.json").write_text('{"id": "a", "id": "b"}')
    for read in (
        lambda: read_manifest(tmp_path),
        lambda: json_form.read(path),
        lambda: read_ground_truth(path),
        lambda: find_feature_set(str(tmp_path / "set.json"), tmp_path, "x"),
    ):
        with pytest.raises(InputError, match="is there twice"):
            read()
