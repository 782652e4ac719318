"""Fuzzing by hand: `python -m tests.fuzz --minutes 5 [--only NAME]`."""

import argparse
import faulthandler
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial

from .generators import GENERATORS
from .harness import attack, compare
from .readers import READERS

_BATCH = 500
_ATTEMPTS: dict[str, Callable[[int], Counter[str]]] = {
    **{reader.name: partial(attack, reader) for reader in READERS},
    **{generator.name: partial(compare, generator) for generator in GENERATORS},
}


def fuzz(attempt: Callable[[int], Counter[str]], seconds: float) -> tuple[Counter[str], list[str]]:
    """Try inputs for some time; return the outcomes, and the traceback of each kind of defect."""
    outcomes: Counter[str] = Counter()
    defects: dict[str, str] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            outcomes += attempt(_BATCH)
        except Exception as error:  # every kind of it is a defect
            defects.setdefault(f"{type(error).__name__} {error}"[:60], traceback.format_exc())
    return outcomes, list(defects.values())


def main() -> int:
    """Try all readers and generators, or the one named, and say how many inputs were tried and what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--only", choices=list(_ATTEMPTS), metavar="NAME", help="a reader or a generator")
    options = parser.parse_args()
    faulthandler.enable()  # a crash in a library's C code is a finding, too
    chosen = [options.only] if options.only else list(_ATTEMPTS)
    total, found = 0, 0
    for name in chosen:
        outcomes, defects = fuzz(_ATTEMPTS[name], 60 * options.minutes / len(chosen))
        total, found = total + outcomes.total(), found + len(defects)
        counted = ", ".join(f"{count:7,} {outcome}" for outcome, count in sorted(outcomes.items()))
        print(f"{name:22} {outcomes.total():7,} tried, {counted}, {len(defects)} defects", flush=True)
        print(*defects, sep="\n", end="\n" if defects else "")
    print(f"{total:,} inputs tried on {len(chosen)} readers and generators; {found} defects")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
