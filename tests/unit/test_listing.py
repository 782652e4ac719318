"""What is listed of plug-ins is learnt once, and again when the plug-in, the recipe or what was asked for changes."""

import sys
from pathlib import Path

import pytest

from benchmark.plugins import listing
from benchmark.plugins.listing import Listed, list_sizes
from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
from benchmark.plugins.sizes import measure_add_on
from benchmark.system.entry_points import list_plugins
from benchmark.system.errors import InputError
from benchmark.system.hashing import hash_package

PLUGINS = Path(__file__).parents[1] / "plugins"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one method, on the path, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "listed_package"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "mean.py").write_bytes((PLUGINS / "mean_mil.py").read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    return folder


def forget() -> None:
    """Be as a process that has just been started."""
    listing._fingerprint.cache_clear()
    hash_package.cache_clear()
    for name in ("listed_package.mean", "listed_package"):
        sys.modules.pop(name, None)


def ask(dim: int = 64) -> Listed | Exception:
    forget()
    (listed,) = list_sizes([MethodPlugin("mean", "listed_package.mean", "MeanMIL")], "other", "paper", dim)
    return listed


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the plug-ins that were measured."""
    names = []
    measure = listing._measure

    def counted(plugin: MethodPlugin | AddOnPlugin, *arguments: object) -> Listed:
        names.append(plugin.name)
        return measure(plugin, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(listing, "_measure", counted)
    return names


def test_it_is_learnt_once_for_each_size(package: Path, measured: list[str]) -> None:
    first = ask()
    assert isinstance(first, Listed)
    assert ask() == first
    assert measured == ["mean"]
    assert ask(32) != first
    assert len(measured) == 2


@pytest.mark.parametrize("name", ["mean.py", "helper.py", "mean.yaml"])
def test_it_is_learnt_again_when_the_package_changes(name: str, package: Path, measured: list[str]) -> None:
    (package / "mean.yaml").write_text("method: mean\n")
    ask()
    with (package / name).open("a") as file:
        file.write("# changed\n")
    ask()
    assert measured == ["mean", "mean"]


def test_nothing_is_imported_for_what_is_known(package: Path) -> None:
    known = ask()
    assert ask() == known
    assert "listed_package" not in sys.modules


def test_a_damaged_or_unwritable_cache_costs_time_and_nothing_else(
    package: Path, measured: list[str], tmp_path: Path
) -> None:
    first = ask()
    (path,) = (tmp_path / "cache").glob("wvad-bench/*/*.json")
    path.write_text('{"plugins": {"x"')
    assert ask() == first
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("in the way")
    assert ask() == first
    assert len(measured) == 3


def test_what_fails_is_tried_again_and_takes_no_other_along(package: Path) -> None:
    lost = AddOnPlugin("lost", "nowhere_at_all", "Lost")
    mean = MethodPlugin("mean", "listed_package.mean", "MeanMIL")
    for _ in range(2):
        failure, listed = list_sizes([lost, mean], "other", "paper", 64)
        assert isinstance(failure, InputError)
        assert isinstance(listed, Listed)
    (package / "mean.py").write_text("raise RuntimeError('broken now, with another length than before')\n")
    assert isinstance(ask(), InputError)


def test_sizes_are_those_of_each_plug_in(package: Path) -> None:
    plugins = list(list_plugins(AddOnPlugin).values())
    for plugin, listed in zip(plugins, list_sizes(plugins, "ucf-crime", "paper", 128), strict=True):
        size = measure_add_on(plugin, "ucf-crime", 128)
        assert isinstance(listed, Listed)
        assert (listed.parameters, listed.multiply_adds) == (size.parameters, size.multiply_adds)
