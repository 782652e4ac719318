"""The peak of memory of a piece of work: in a process of its own, and after one that took more."""

import json
import subprocess
import sys

import pytest

from benchmark.system.machine import processor_name

MEGABYTE = 1 << 20
SCRIPT = """
import json
from benchmark.system.machine import MemoryPeak
found = []
for megabytes in (60, 20, 150):
    peak = MemoryPeak()
    held = bytearray(megabytes << 20)
    del held
    found.append(peak.measure())
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say")
def test_a_peak_counts_from_the_first_piece_of_work_and_is_unknown_below_an_earlier_one() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    first, smaller, larger = json.loads(done.stdout)
    assert first == pytest.approx(60 * MEGABYTE, abs=5 * MEGABYTE)
    assert smaller is None
    assert larger == pytest.approx(150 * MEGABYTE, abs=5 * MEGABYTE)


def test_a_processor_has_a_name_of_one_line_or_none() -> None:
    name = processor_name()
    assert name is None or (name.isprintable() and name.strip() == name != "")
