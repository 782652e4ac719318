"""The one reader of JSON: what says two things of one key is refused."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from benchmark.system.text_files import shown


def parse_json(content: str | bytes) -> Any:
    """Parse a JSON text in UTF-8, with or without a byte order mark.

    Raises
    ------
    ValueError
        If it is none, nests too deep, or an object in it has a key twice: which of the two is meant, nobody can tell.
    """
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {shown(twice)} is there twice in one place; keep one")
    return content


_DECODER = json.JSONDecoder(object_pairs_hook=_once)
