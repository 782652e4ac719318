"""Every reader against hostile files: read, or refused in one line, in bounded memory, and nothing is run."""

import pickle
import tracemalloc
from pathlib import Path

import pytest

from benchmark.system.errors import InputError
from tests.fuzz.gallery import GALLERY, Hostile, refusal
from tests.fuzz.harness import attack, try_file
from tests.fuzz.pickles import CANARY, COMMANDS, calls
from tests.fuzz.readers import READERS, Reader

EXAMPLES = 250
MOST_MEMORY = 160 * 2**20

UNSAFE = Reader("unsafe", "a", (pickle.dumps(1),), lambda path: pickle.loads(path.read_bytes()))  # noqa: S301


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_every_file_is_read_or_refused_in_one_line(reader: Reader) -> None:
    assert attack(reader, EXAMPLES)["refused"] > EXAMPLES / 10


@pytest.mark.parametrize("hostile", GALLERY, ids=lambda hostile: f"{hostile.reader}: {hostile.name}")
def test_a_hostile_file_is_refused_for_what_it_is(hostile: Hostile, tmp_path: Path) -> None:
    content = hostile.make()
    tracemalloc.start()
    try:
        line = refusal(hostile, content, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert line is not None
    assert hostile.line in line
    assert peak < MOST_MEMORY


def test_the_canary_is_made_by_what_carries_a_pickle_out_and_is_noticed(tmp_path: Path) -> None:
    content = b"\x80\x04" + calls("posix", "system", COMMANDS["posix", "system"])[0] + pickle.STOP
    try:
        with pytest.raises(AssertionError, match="ran code"):
            try_file(UNSAFE, tmp_path / "a", content)
    finally:
        CANARY.unlink(missing_ok=True)


def test_an_exception_of_another_kind_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(pickle.UnpicklingError):
        try_file(UNSAFE, tmp_path / "a", b"x")


def test_a_refusal_is_one_line_whatever_name_is_in_it() -> None:
    assert str(InputError("a\nb\x1b[2J\udc80: ü")) == "a\\nb\\x1b[2J\\udc80: ü"
    assert len(str(InputError("a" * 10**6))) < 5000
