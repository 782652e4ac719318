"""One Ray for all tests of a module: starting it takes seconds."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ray with two CPUs on this machine; executors use the connection that is there."""
    from benchmark.execution.executors.ray import _import_ray, _signals_kept

    ray = _import_ray()
    with pytest.MonkeyPatch.context() as patch, _signals_kept():
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        yield
        ray.shutdown()
