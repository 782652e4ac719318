"""Damage to valid files, and contents made up from the words of a format."""

from collections.abc import Sequence

from hypothesis import strategies as st

_TOKENS = [
    b"-1",
    b"0",
    b"9" * 25,
    b"9" * 5000,
    b"1e999",
    b"nan",
    b"NaN",
    b"Infinity",
    b"../",
    b"/",
    b"\\",
    b"\n",
    b"\r",
]
_TOKENS += [b"\x00", b"\xff" * 8, b"\x7f\xff\xff\xff", b",", b'"', b"[" * 300, b"(" * 300, b"\xe2\x80\xa8", b"\x1b[2J"]
_TOKENS += [b"True", b"L", b"O", b"'|O'", b"1_0", b"\xed\xa0\x80", b" ", b"\t", b"null", b"{", b"}"]


@st.composite
def damaged(draw: st.DrawFn, samples: Sequence[bytes]) -> bytes:
    """A valid file with a few changes: bytes flipped, inserted, removed, repeated, cut off, or another file's."""
    content = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        # Half of the damage goes to where headers are.
        reach = min(len(content), 256) if draw(st.booleans()) else len(content)
        at = draw(st.integers(0, reach))
        length = draw(st.integers(1, 64))
        match draw(st.sampled_from(["flip", "flip", "token", "bytes", "remove", "repeat", "cut", "splice"])):
            case "flip" if at < len(content):
                content[at] ^= draw(st.integers(1, 255))
            case "token":
                token = draw(st.sampled_from(_TOKENS))
                content[at : at + draw(st.sampled_from([0, len(token)]))] = token
            case "bytes":
                content[at : at + length] = draw(st.binary(min_size=length, max_size=length))
            case "remove":
                del content[at : at + length]
            case "repeat":
                content[at:at] = content[at : at + length] * draw(st.integers(1, 20))
            case "cut":
                del content[at:]
            case "splice":
                other = draw(st.sampled_from(samples))
                content[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(content)


def lines_of(words: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Text files made of a format's words, numbers and arbitrary texts."""
    word = st.one_of(
        st.sampled_from(words), st.integers(-2, 400).map(str), st.integers().map(str), st.text(max_size=12)
    )
    line = st.tuples(st.lists(word, max_size=6), st.sampled_from([" ", "  ", ",", ";", "/", "\t"]))
    return st.lists(line.map(lambda pair: pair[1].join(pair[0])), max_size=8).map(
        lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
    )
