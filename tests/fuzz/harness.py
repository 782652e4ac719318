"""What must hold of every input: it is read, and as it is meant, or refused in one line; and nothing in it is run."""

import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmark.system.errors import InputError

from .generator import Generator, Input
from .inputs import inputs_for
from .pickles import CANARY
from .readers import Reader, lay_out


def try_file(reader: Reader, path: Path, content: bytes) -> str | None:
    """Give a file to a reader; return the line that it is refused with, None if it is read.

    Any exception but an `InputError` is a defect and passes through.
    """
    path.write_bytes(content)
    try:
        with warnings.catch_warnings(action="ignore"):  # of numpy and torch, on old forms
            reader.read(path)
    except InputError as error:
        return _one_line(error)
    finally:
        assert not CANARY.exists(), "the file ran code"
    return None


def attack(reader: Reader, examples: int) -> Counter[str]:
    """Try a number of hostile files on a reader; return how many were read and how many were refused."""
    with tempfile.TemporaryDirectory(prefix="wvad-fuzz-") as folder:
        path = lay_out(reader, Path(folder))
        for sample in reader.samples:
            assert try_file(reader, path, sample) is None, "a valid file is refused"
        return _outcomes(
            inputs_for(reader), lambda content: "refused" if try_file(reader, path, content) else "read", examples
        )


def compare(generator: Generator[Input], examples: int) -> Counter[str]:
    """Import a number of inputs; return how many were read as meant, assumed to be something else, or refused."""

    def outcome(drawn: Input) -> str:
        try:
            return generator.compare(drawn)
        except InputError as error:
            _one_line(error)
            return "refused"

    return _outcomes(generator.inputs, outcome, examples)


def _outcomes(inputs: st.SearchStrategy[Input], outcome: Callable[[Input], str], examples: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def attempt(drawn: Input) -> None:
        outcomes[outcome(drawn)] += 1

    attempt()
    return outcomes


def _one_line(error: InputError) -> str:
    line = str(error)
    assert line
    assert line.isprintable(), "the refusal is more than one printable line"
    return line
