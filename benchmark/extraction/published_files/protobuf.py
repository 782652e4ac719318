"""Protocol Buffers read by the numbers of their fields, without the descriptions of messages."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
"""How a field is encoded."""


def submessages(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and content of the fields that hold bytes; ValueError or IndexError where there is no field."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        encoding = key & 7
        if encoding == _VARINT:
            _, at = _varint(message, at)
        elif encoding in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if encoding == _EIGHT_BYTES else 4
        elif encoding == _BYTES:
            size, at = _varint(message, at)
            yield key >> 3, message[at : at + size]
            at += size
        else:
            raise ValueError("no encoding of Protocol Buffers")
    if at != len(message):
        raise ValueError("truncated")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("no number")
