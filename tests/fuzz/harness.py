"""What must hold of every file: it is read, or refused in one line, and nothing in it is run."""

import tempfile
import warnings
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from benchmark.system.errors import InputError

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
        line = str(error)
        assert line
        assert line.isprintable(), "the refusal is more than one printable line"
        return line
    finally:
        assert not CANARY.exists(), "the file ran code"
    return None


def attack(reader: Reader, examples: int) -> Counter[str]:
    """Try a number of hostile files on a reader; return how many were read and how many were refused."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="wvad-fuzz-") as folder:
        path = lay_out(reader, Path(folder))
        for sample in reader.samples:
            assert try_file(reader, path, sample) is None, "a valid file is refused"

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(inputs_for(reader))
        def attempt(content: bytes) -> None:
            refusal = try_file(reader, path, content)
            outcomes["read" if refusal is None else "refused"] += 1

        attempt()
    return outcomes
