"""YAML as everybody means it: the core schema of YAML 1.2, and no more of the language than settings need.

PyYAML reads YAML 1.1, in which ``190:20:30`` is a number, ``no`` a truth value and ``010`` eight. Here are numbers in
the usual notations, ``true``, ``false``, ``null``, lists and mappings; everything else is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from benchmark.system.text_files import shown

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Its parser alone is used, which makes no values; faster where PyYAML comes with its C library."""

_NULL = ("", "~", "null", "Null", "NULL")
_TRUTH = {form(word): word == "true" for word in ("true", "false") for form in (str.lower, str.title, str.upper)}
_INTEGER = re.compile(r"([-+]?[0-9]+)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOST_DIGITS = 40
_DEEPEST = 20


class YamlTextError(ValueError):
    """Why a text is none that can be read, in a line."""


def parse_yaml(text: str) -> object:
    """Return the value of a text in YAML.

    Raises
    ------
    YamlTextError
        If it is malformed; has tags, anchors, a key twice or several documents; nests deeper or has longer numbers
        than any setting.
    """
    try:
        events = yaml.parse(text, _Loader)
        next(events)  # the stream begins
        if isinstance(next(events), yaml.StreamEndEvent):
            return None
        value = _value(next(events), events, 0)
        next(events)  # the document ends
        if not isinstance(next(events), yaml.StreamEndEvent):
            raise YamlTextError("several documents; write one")
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlTextError(_reason(error)) from None
    return value


def _value(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> object:
    where = _where(event)
    if getattr(event, "anchor", None) is not None:
        raise YamlTextError(f"{where}: an anchor or alias (& or *); write the value out, or put it in quotes")
    if getattr(event, "tag", None) is not None:
        raise YamlTextError(f"{where}: a tag (!); write the value alone, or put it in quotes")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event.value, where) if event.implicit[0] else event.value
    if depth == _DEEPEST:
        raise YamlTextError(f"{where}: nested more than {_DEEPEST} deep; write it flatter")
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(events, depth + 1)
    items: list[object] = []
    while not isinstance(item := next(events), yaml.SequenceEndEvent):
        items.append(_value(item, events, depth + 1))
    return items


def _mapping(events: Iterator[yaml.Event], depth: int) -> dict[object, object]:
    content: dict[object, object] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        where, key = _where(event), _value(event, events, depth)
        if isinstance(key, list | dict):
            raise YamlTextError(f"{where}: a key that is a list or a mapping; write a name")
        if key in content:
            raise YamlTextError(f"{where}: the key {shown(str(key))} is there twice; keep one")
        content[key] = _value(next(events), events, depth)
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def _where(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else "the text"


def _scalar(text: str, where: str) -> object:
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if (whole := _INTEGER.fullmatch(text)) or _FLOAT.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            raise YamlTextError(f"{where}: a number of {len(text)} digits; write one of at most {_MOST_DIGITS}")
        return int(text, 10 if whole[1] else 0) if whole else float(text)
    return float(text.replace(".", "", 1)) if _NO_NUMBER.fullmatch(text) else text
