"""Every benchmark notes how much of its time the processor worked for it."""

import os
import time
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Note processor seconds per second, of this process and of those that it waited for."""
    worked, began = _processor_seconds(), time.perf_counter()
    try:
        return (yield)
    finally:
        if (benchmark := getattr(item, "funcargs", {}).get("benchmark")) is not None:
            share = (_processor_seconds() - worked) / (time.perf_counter() - began)
            benchmark.extra_info["processor"] = round(share, 3)


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
