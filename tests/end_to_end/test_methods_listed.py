"""`wvad methods`: the list, which imports nothing, and what it says of one."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.cli import run
from benchmark.plugins.recipes import read_about
from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
from benchmark.system.entry_points import Plugin, list_plugins

PLUGIN = Path(__file__).parents[1] / "plugins" / "mean_mil.py"


def rows(printed: str) -> dict[str, list[str]]:
    """The rows of what was printed by the name that they begin with; cells of several lines are joined."""
    found: dict[str, list[str]] = {}
    for line in printed.splitlines():
        if line.startswith("│"):
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            if cells[0]:
                found[name := cells[0]] = cells
            else:
                found[name] = [" ".join(filter(None, both)) for both in zip(found[name], cells, strict=True)]
    return found


def test_listing_imports_neither_torch_nor_a_plug_in(tmp_path: Path) -> None:
    code = (
        "import json, sys; from benchmark.cli import run; code = run(['methods']); "
        "print(json.dumps([code, *(name for name in sys.modules if name.startswith(('torch', 'methods', 'pandas')))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0]
    assert {"rtfm", "ica"} <= set(rows(done.stdout))


def test_the_list_says_paper_supervision_and_fidelity(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) == 160
    listed = rows(printed)
    assert set(listed) == {
        point.name for kind in ("methods", "addons") for point in entry_points(group=f"wvad_bench.{kind}")
    }
    head = [cell.strip() for cell in printed.splitlines()[1].strip("┃").split("┃")]
    assert head == ["method", "paper, or class", "venue", "year", "supervision", "fidelity", "from"]
    title = "Weakly-supervised Video Anomaly Detection with Robust Temporal Feature Magnitude Learning"
    by = f"{title} Tian et al."
    assert listed["rtfm"] == ["rtfm", by, "ICCV", "2021", "video labels", "exact", "wvad-bench"]
    assert listed["mmil"][5] == "exact given its preset official-code"
    assert listed["ctr"][5] == listed["ica"][5] == "reconstructed"
    assert listed["gcl"][4] == "no labels"
    assert listed["vadclip"][4] == "video labels and the classes of abnormal videos"
    # Of no paper: the class, and blanks.
    assert listed["conv"] == ["conv", "PlainConvolution", "", "", "", "", "wvad-bench"]


@pytest.mark.parametrize("name", [point.name for point in entry_points(group="wvad_bench.methods")])
def test_a_head_says_the_supervision_that_the_class_has(name: str) -> None:
    (plugin,) = (found for found in list_plugins(MethodPlugin).values() if found.name == name)
    method, about = plugin.load(), read_about(plugin)
    assert about is not None
    assert about.supervision == ("weak-classes" if "classes" in method.inputs else method.supervision)


def test_figures_stand_by_benchmark_and_features(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "--figures"]) == 0
    printed = capsys.readouterr().out
    above, below = (line.strip("┃").split("┃") for line in printed.splitlines()[1:3])
    heads = ["method", "UCF AUC", "XD AP", "ST AUC", "Avenue AUC", "features"]
    assert [" ".join(f"{first} {second}".split()) for first, second in zip(above, below, strict=True)] == heads
    listed = rows(printed)
    assert listed["rtfm"] == ["rtfm", "84.3", "77.81", "97.21", "", "I3D"]
    # A line for each features, and a star for what was not read in the method's own paper.
    assert listed["mmil"][1:] == ["75.41 77.92*", "73.2*", "", "", "C3D I3D"]
    assert listed["conv"] == ["conv", ""]
    assert run(["methods", "rtfm", "--figures"]) == 2


def test_a_broken_recipe_is_a_row_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins: dict[str, Plugin] = {}
    # No module's name is empty.
    for name, recipe in {"wrong": "about: 5", "date": "method: 2021-13-45", "right": "method: right"}.items():
        (tmp_path / f"{name}.py").touch()
        (tmp_path / f"{name}.yaml").write_text(recipe)
        plugins[name] = MethodPlugin(name, str(tmp_path / f"{name}.py"), "Mine")
    plugins["nameless"] = MethodPlugin("nameless", "", "Mine")
    monkeypatch.setattr(
        "benchmark.system.entry_points.list_plugins", lambda kind: {} if kind is AddOnPlugin else plugins
    )
    assert run(["methods"]) == 0
    listed = rows(capsys.readouterr().out)
    assert "not a recipe" in listed["wrong"][1]
    assert listed["date"][1].endswith("says that it is the recipe of 2021-13-45, not of date")
    assert listed["nameless"][1].startswith("ValueError: ")
    assert listed["right"] == ["right", "Mine", "", "", "", "", ""]


def test_one_that_is_named_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "mmil"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "Method mmil: methods.mmil:MMIL, from wvad-bench",
        "Real-world Anomaly Detection in Surveillance Videos (Sultani et al., CVPR 2018)",
        "Code: https://github.com/WaqasSultani/AnomalyDetectionCVPR2018",
    ]
    assert lines[3].startswith("Fidelity: exact given its preset official-code. The default takes ")
    assert lines[4:6] == [
        "Published, features C3D: ucf-crime AUC 75.41",
        "Published, features I3D, as in tables of RTFM and later papers: ucf-crime AUC 77.92, xd-violence AP 73.2",
    ]


def test_one_of_no_paper_and_one_without_public_code_say_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", f"{PLUGIN}:MeanMIL+conv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Method mean_mil.py:MeanMIL: {PLUGIN}:MeanMIL"
    assert lines[1] == "Add-on conv: methods.ica:PlainConvolution, from wvad-bench"
    assert not any(line.startswith(("Code: ", "Fidelity: ", "Published")) for line in lines)
    assert run(["methods", "clav"]) == 0
    assert "Code: none is public" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("name", "title", "parameters", "multiply_adds"),
    [("ica", "ICA", "393,728", "393,216"), ("conv", "conv", "196,864", "196,608")],
)
def test_an_add_on_has_settings_and_a_size(
    name: str, title: str, parameters: str, multiply_adds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["methods", name, "--dim", "256"]) == 0
    printed = capsys.readouterr().out
    assert rows(printed)[f"{name}.kernel"][1:3] == ["3", "estimate"]
    assert f"{title} has {parameters} parameters at dimension 256, and takes {multiply_adds} multiply-adds" in printed
    assert f"METHOD+{name}" in printed


def test_what_is_searched_stands_below_the_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "clav", "--profile", "quick"]) == 0
    recipe, title, searched = capsys.readouterr().out.partition("what wvad tune searches, profile quick")
    assert title
    assert rows(recipe)["config.top_k"][1:3] == ["3", "paper"]
    assert rows(searched)["config.top_k"] == ["config.top_k", "1/3/5/7", "paper", "Those that the paper tried."]
    assert rows(searched)["training.learning_rate"][1] == "1e-5 to 0.01 (log)"
    assert rows(searched)["training.steps"][1] == "50/100/200"
    assert "training.batch_size" not in rows(searched)


def test_a_narrow_terminal_cuts_neither_settings_nor_the_command_that_found_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "wvad tune mean-mil --dataset scenes-ucf-crime,scenes-xd-violence,scenes-shanghaitech --trials 20"
    value = f'{{value: 0.002, source: search, note: "{command}"}}'
    (tmp_path / "mean_mil.py").write_text(PLUGIN.read_text())
    (tmp_path / "mean_mil.yaml").write_text(
        f"method: mean_mil\nprofiles: {{quick: {{training: {{learning_rate: {value}}}}}}}\n"
    )
    file = StringIO()
    monkeypatch.setattr("benchmark.cli.methods_listed.out", Console(file=file, width=80))
    assert run(["methods", f"{tmp_path / 'mean_mil.py'}:MeanMIL", "--profile", "quick"]) == 0
    recipe, _, searched = file.getvalue().partition("what wvad tune searches")
    found = rows(recipe)["training.learning_rate"]
    assert found[1:3] == ["0.002", "search"]
    assert found[3].replace(" ", "") == command.replace(" ", "")
    assert "training.learning_rate" in rows(searched)


def test_a_narrow_terminal_cuts_no_name_and_no_year(monkeypatch: pytest.MonkeyPatch) -> None:
    file = StringIO()
    monkeypatch.setattr("benchmark.cli.methods_listed.out", Console(file=file, width=80))
    assert run(["methods"]) == 0
    listed = rows(file.getvalue())
    assert listed["rtfm"] == ["rtfm", "Tian et al., ICCV", "2021", "video labels", "exact"]
    assert listed["mmil"][4] == "exact given"
    assert listed["sparse-combinations"][2:] == ["2013", "normal videos only", "reconstructed"]
    assert max(map(len, file.getvalue().splitlines())) <= 80
    assert "…" not in file.getvalue()
