"""Fuzzing by hand: `python -m tests.fuzz --minutes 5 [--reader NAME]`."""

import argparse
import faulthandler
import sys
import time
import traceback
from collections import Counter

from .harness import attack
from .readers import READERS, Reader

_BATCH = 500


def fuzz(reader: Reader, seconds: float) -> tuple[Counter[str], list[str]]:
    """Attack a reader for some time; return the outcomes, and the traceback of each kind of defect."""
    outcomes: Counter[str] = Counter()
    defects: dict[str, str] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            outcomes += attack(reader, _BATCH)
        except Exception as error:  # every kind of it is a defect
            defects.setdefault(f"{type(error).__name__} {error}"[:60], traceback.format_exc())
    return outcomes, list(defects.values())


def main() -> int:
    """Attack all readers, or the one named, and say how many files were tried and what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--reader", choices=[reader.name for reader in READERS])
    options = parser.parse_args()
    faulthandler.enable()  # a crash in a library's C code is a finding, too
    chosen = [reader for reader in READERS if options.reader in (None, reader.name)]
    total, found = 0, 0
    for reader in chosen:
        outcomes, defects = fuzz(reader, 60 * options.minutes / len(chosen))
        total, found = total + outcomes.total(), found + len(defects)
        print(
            f"{reader.name:22} {outcomes.total():7,} tried, {outcomes['read']:7,} read, "
            f"{outcomes['refused']:7,} refused, {len(defects)} defects",
            flush=True,
        )
        print(*defects, sep="\n", end="\n" if defects else "")
    print(f"{total:,} files tried on {len(chosen)} readers; {found} defects")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
