import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.plugins.registry import MethodPlugin
from benchmark.system.entry_points import find_plugin, list_plugins
from benchmark.system.errors import InputError

PLUGIN = Path(__file__).parents[2] / "plugins" / "mean_mil.py"


def test_our_methods_are_declared_like_anybodys() -> None:
    methods = list_plugins(MethodPlugin)
    assert {"mmil", "rtfm", "clav"} <= set(methods)
    assert methods["mmil"].distribution == "wvad-bench"
    assert all(plugin.recipe_path() is not None for plugin in methods.values() if plugin.distribution == "wvad-bench")


def test_listing_imports_no_method_and_no_torch() -> None:
    code = (
        "import sys; from benchmark.plugins.registry import MethodPlugin; "
        "from benchmark.system.entry_points import list_plugins; list_plugins(MethodPlugin); "
        "sys.exit('torch' in sys.modules or 'methods.mmil' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_package_that_joins_or_leaves_is_seen_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    before = list_plugins(MethodPlugin)
    info = tmp_path / "late-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: late\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[wvad_bench.methods]\nlate-one = late:One\n")
    assert list_plugins(MethodPlugin) == {**before, "late-one": MethodPlugin("late-one", "late", "One", "late")}
    info.rename(tmp_path / "gone")
    assert list_plugins(MethodPlugin) == before


def test_a_recipe_is_found_without_importing_the_packages_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "untouched" / "inner"
    (inner / "recipes").mkdir(parents=True)
    for folder in (inner.parent, inner):
        (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (inner / "mine.py").touch()
    (inner / "recipes" / "mine.yaml").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert MethodPlugin("mine", "untouched.inner.mine", "Mine").recipe_path() == inner / "recipes" / "mine.yaml"
    for absent in (
        "untouched.inner.other",
        "untouched.other.mine",
        "untouched.inner.mine.deeper",
        "nowhere_at_all.mine",
    ):
        assert MethodPlugin("mine", absent, "Mine").recipe_path() is None


def test_a_file_is_a_method_and_its_content_is_its_version(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.read_text())
    before = find_plugin(MethodPlugin, f"{path}:MeanMIL")
    first = before.source_hash()
    assert before.load().title == "Mean MIL"
    path.write_text(PLUGIN.read_text().replace("Mean MIL", "Other MIL"))
    after = find_plugin(MethodPlugin, f"{path}:MeanMIL")
    assert after.load().title == "Other MIL"
    assert after.source_hash() != first
    assert find_plugin(MethodPlugin, "mmil").source_hash() is None


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nothing", r"unknown method nothing; known: .*mmil"),
        ("nowhere/mine.py:Mine", r"there is no file nowhere/mine.py"),
        (f"{PLUGIN}:Absent", r"mean_mil.py:Absent is unavailable: AttributeError"),
        (f"{PLUGIN}:Config", r"Config is not a subclass of benchmark.api.Method"),
    ],
)
def test_what_cannot_be_found_or_loaded_is_one_line(reference: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_plugin(MethodPlugin, reference).load()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_module", r"is unavailable: ModuleNotFoundError: .*no_such_module"),
        ("raise SystemExit(0)", r"is unavailable: SystemExit: 0"),
        ("from benchmark.api import Method\nclass X(Method):\n    Config = dict", r"its Config is not a subclass"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(source: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(source + "\n")
    with pytest.raises(InputError, match=message):
        find_plugin(MethodPlugin, f"{tmp_path / 'broken.py'}:X").load()
