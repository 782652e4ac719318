"""What `wvad methods` says of each plug-in, kept from call to call: importing PyTorch to learn it takes seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
from benchmark.system.files import cache_folder, write_atomically
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest, hash_package
from benchmark.system.libraries import installed_version
from benchmark.terms import Benchmark, Profile


class Listed(FrozenModel):
    """What is listed of a plug-in: its title and, see `benchmark.plugins.sizes.Size`, its size."""

    title: str
    parameters: int
    multiply_adds: int


class _Known(FrozenModel):
    """The listing as kept on disk: the name of a plug-in's content -> what is listed of it."""

    plugins: dict[str, Listed]


def list_sizes(
    plugins: Sequence[MethodPlugin | AddOnPlugin], benchmark: Benchmark, profile: Profile, dim: int
) -> Iterator[Listed | Exception]:
    """Describe plug-ins, in order, importing those that are new or have changed.

    Parameters
    ----------
    benchmark, profile
        Whose recipe counts.
    dim
        Feature size that sizes are for.

    Yields
    ------
    What is listed, or what kept the plug-in from being measured; that is found out anew in every call.
    """
    path = cache_folder() / f"sizes-{benchmark}-{profile}-{dim}.json"
    before = _read(path).plugins
    after: dict[str, Listed] = {}
    for plugin in plugins:
        name = digest([plugin.kind, plugin.name, plugin.module, plugin.attribute, _fingerprint(plugin.module)])
        try:
            listed = before.get(name) or _measure(plugin, benchmark, profile, dim)
        except Exception as error:  # somebody else's plug-in takes no other from the list
            yield error
        else:
            after[name] = listed
            yield listed
    if after != before:
        with suppress(OSError):  # a home that cannot be written: then it is learnt again
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, _Known(plugins=after).model_dump_json())


def _measure(plugin: MethodPlugin | AddOnPlugin, benchmark: Benchmark, profile: Profile, dim: int) -> Listed:
    from benchmark.plugins.pipelines import Pipeline
    from benchmark.plugins.recipes import resolve_recipe
    from benchmark.plugins.sizes import measure_add_on, measure_pipeline

    title = plugin.load().title or plugin.attribute
    if isinstance(plugin, AddOnPlugin):
        size = measure_add_on(plugin, benchmark, dim)
    else:
        pipeline = Pipeline(plugin)
        recipe, _ = resolve_recipe(pipeline, benchmark, profile)
        size = measure_pipeline(pipeline, recipe, dim)
    return Listed(title=title, parameters=size.parameters, multiply_adds=size.multiply_adds)


@cache
def _fingerprint(module: str) -> list[str | None]:
    """Hash the package that a module is part of and the engine that measures it; name the PyTorch that it runs on."""
    return [installed_version("torch"), *(hash_package(package) for package in (module.partition(".")[0], "benchmark"))]


def _read(path: Path) -> _Known:
    try:
        return _Known.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):  # absent, or not whole: then nothing is known
        return _Known(plugins={})
