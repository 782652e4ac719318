"""YAML is read by one rule, that of its version 1.2; what a reader could be harmed with is refused in a line."""

import json
import re
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.system.yaml_text import YamlTextError, parse_yaml

# JSON writes what is beyond in two escapes, of which YAML knows nothing.
TEXT = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF))
PLAIN = (
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
# YAML knows no longer key on a line than 1,024 characters; an escape has six.
KEY = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF), max_size=100)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(KEY, inner), max_leaves=12)


@given(VALUES)
def test_what_json_can_say_reads_the_same(value: object) -> None:
    assert parse_yaml(json.dumps(value)) == value


@given(st.text())
def test_a_text_is_read_or_refused(text: str) -> None:
    with suppress(YamlTextError):
        parse_yaml(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("1e3", 1000.0),
        ("1e-4", 1e-4),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("# a remark", None),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("190:20:30", "190:20:30"),
        ("1_000", "1_000"),
        ("2001-01-01", "2001-01-01"),
        ("2001-99-99", "2001-99-99"),
        ("<<", "<<"),
        ("=", "="),
        ("'3'", "3"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
        ("a: 1\nb:\n- 2\n- c\n", {"a": 1, "b": [2, "c"]}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
    ],
)
def test_plain_scalars_mean_what_the_core_schema_says(text: str, value: object) -> None:
    read = parse_yaml(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("!!int x", "a tag (!)"),
        ("!!timestamp 2001-01-01", "a tag (!)"),
        ("!!python/object/apply:os.system [id]", "a tag (!)"),
        ("! 3", "a tag (!)"),
        ("9" * 5000, "a number of 5000 digits"),
        ("9" * 5000 + ".5", "a number of 5002 digits"),
        ("[" * 3000, "nested more than 20 deep"),
        ("{a: " * 3000, "nested more than 20 deep"),
        ("- " * 3000, "nested more than 20 deep"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is there twice"),
        ("{1: a, 1: b}", "the key '1' is there twice"),
        ("[a]: b", "a key that is a list"),
        ("? {a: b}\n: c", "a key that is a list or a mapping"),
        ("--- 1\n--- 2\n", "several documents"),
        ("a: &x 3\nb: *x\n", "line 1: an anchor"),
        ("*x", "an anchor or alias"),
        ("a: [", "did not find expected"),
        ("\x01", "control characters"),
        ("a\x00b", "control characters"),
    ],
)
def test_what_is_refused(text: str, reason: str) -> None:
    with pytest.raises(YamlTextError, match=re.escape(reason)):
        parse_yaml(text)


def test_aliases_of_aliases_are_refused_before_they_grow() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(YamlTextError, match="line 1: an anchor"):
        parse_yaml("\n".join(lines))


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(YamlTextError):
        parse_yaml("\udcff")


@given(st.recursive(st.booleans() | st.integers() | st.text("abc ", max_size=5), st.lists, max_leaves=8))
def test_what_pyyaml_writes_is_read_back(value: object) -> None:
    assert parse_yaml(yaml.safe_dump(value)) == value
