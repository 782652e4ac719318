"""Methods, presets, add-ons and published weights as a user of the command line sees them."""

import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from benchmark.cli import run
from benchmark.runs.store import RunStore
from methods.rtfm import OFFICIAL_NAMES

TINY = ["--profile", "quick", "--seeds", "2", "--set", "steps=3", "--looks", "2", "--tracking", "none"]
PLUGINS = Path(__file__).parents[1] / "plugins"
PLUGIN, HALVE = f"{PLUGINS / 'mean_mil.py'}", f"{PLUGINS / 'halve.py'}:Halve"


def test_a_reconstruction_is_called_so(tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "ctr"]) == 0
    assert "CTR (reconstructed) has" in capsys.readouterr().out
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path), "--executor", "serial"]
    assert run(["train", "ctr", "scenes-avenue", *places, *TINY]) == 0
    assert "CTR (reconstructed) on scenes-avenue" in capsys.readouterr().out
    frame = pd.read_csv(tmp_path / "tables" / "scenes-avenue-quick" / "train-ctr.csv")
    assert set(frame["row"]) == {"CTR (reconstructed)"}
    record = next(RunStore(tmp_path / "runs").records())
    weights = RunStore(tmp_path / "runs").folder(record.key) / "weights" / "3.safetensors"
    arguments = ["evaluate", "scenes-avenue", "--weights", str(weights), "--method", "ctr"]
    assert run([*arguments, "--data", str(tiny_scenes)]) == 0
    assert "CTR (reconstructed) with the weights of" in capsys.readouterr().out


def test_a_recipe_is_printed_where_the_size_cannot_be_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, line = (PLUGINS / "mean_mil.py").read_text(), "        scores = torch"
    (tmp_path / "item.py").write_text(source.replace(line, f"        features.max().item()\n{line}", 1))
    assert run(["methods", f"{tmp_path / 'item.py'}:MeanMIL"]) == 0
    printed = capsys.readouterr().out
    assert "config.hidden" in printed
    assert "The size of Mean MIL cannot be counted: " in printed


def test_a_run_of_other_rules_for_keys_is_refused_and_not_trained_again(
    with_add_on: Path, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(with_add_on / "runs")
    (record,) = store.records()
    shutil.copytree(store.folder(record.key), tmp_path / "runs" / ("f" * 16))
    renamed = record.model_copy(update={"key": "f" * 16})
    (tmp_path / "runs" / ("f" * 16) / "record.json").write_text(renamed.model_dump_json())
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path)]
    assert run(["evaluate", "ffff", "scenes-ucf-crime", *places]) == 2
    assert "was stored under other rules for keys; train it again" in capsys.readouterr().err
    assert RunStore(tmp_path / "runs").keys() == ["f" * 16]


def test_a_recipe_is_printed_with_sources_presets_and_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "rtfm"]) == 0
    plain = capsys.readouterr().out
    assert run(["methods", "rtfm@paper"]) == 0
    paper = capsys.readouterr().out
    assert re.search(r"config.magnitude_loss\s*│ squared\s*│ official-code", plain)
    assert re.search(r"config.magnitude_loss\s*│ hinge\s*│ paper", paper)
    assert "RTFM (paper) has 24,718,849 parameters" in paper
    for printed in (plain, paper):
        assert "Preset rtfm@paper: " in printed
        assert "Preset rtfm@official-code: " in printed
    assert run(["methods", "mmil+ica", "--dim", "16", "--benchmark", "other"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"ica.kernel\s*│ 3\s*│ estimate", printed)
    parameters = 16 * 512 + 512 + 512 * 32 + 32 + 32 + 1 + 3 * 16 * 32 + 32
    assert f"MMIL+ICA has {parameters:,} parameters at dimension 16" in printed


@pytest.fixture(scope="module")
def with_add_on(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of one run of MMIL+ICA, with all crops."""
    results = tmp_path_factory.mktemp("results")
    places = ["--data", str(tiny_scenes), "--results", str(results), "--tracking", "none", "--executor", "serial"]
    sizes = ["--profile", "paper", "--seeds", "1", "--set", "steps=3", "--set", "batch_size=4", "--set", "segments=8"]
    settings = ["--set", "mmil+ica.ica.kernel=1", "--looks", "1"]
    assert run(["train", "mmil+ica", "scenes-avenue", *places, *sizes, *settings]) == 0
    return results


def test_a_method_behind_an_add_on_is_trained(with_add_on: Path) -> None:
    folder = with_add_on / "tables" / "scenes-avenue-paper"
    names = [f"train-mmil+ica.{end}" for end in ("csv", "html", "md", "plan.json", "provenance.json", "tex")]
    assert sorted(path.name for path in folder.iterdir()) == names
    frame = pd.read_csv(folder / "train-mmil+ica.csv")
    assert set(frame["method"]) == {"mmil"}
    assert set(frame["add_ons"]) == {"ica"}
    (record,) = RunStore(with_add_on / "runs").records()
    assert record.spec.title == "MMIL+ICA"
    assert [(add_on.name, add_on.version, add_on.config) for add_on in record.spec.add_ons] == [
        ("ica", 1, {"kernel": 1})
    ]
    assert record.parameters == 256 * 512 + 512 + 512 * 32 + 32 + 32 + 1 + 256 * 512 + 512


def metrics_in(printed: str) -> dict[str, str]:
    """Metrics as a table prints them, of its first selection."""
    return dict(re.findall(r"│ scenes-\S+\s*│ (\S+)\s*│\s*([\d.]+) │", printed))


def test_a_stored_run_with_add_ons_is_evaluated_elsewhere(
    with_add_on: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (record,) = RunStore(with_add_on / "runs").records()
    places = ["--data", str(tiny_scenes), "--results", str(with_add_on)]
    assert run(["evaluate", record.key[:8], "scenes-ucf-crime", *places]) == 0
    printed = capsys.readouterr().out
    assert "MMIL+ICA trained on scenes-avenue, seed 0" in printed
    evaluations = [e for e in RunStore(with_add_on / "runs").evaluations(record.key) if e.dataset == "scenes-ucf-crime"]
    assert {e.selection for e in evaluations} == {"last", "oracle"}
    assert float(metrics_in(printed)["auc_frame"]) == pytest.approx(100 * evaluations[0].metrics["auc_frame"], abs=0.01)


def test_weights_of_a_stored_run_give_its_numbers(
    with_add_on: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(with_add_on / "runs")
    (record,) = store.records()
    weights = store.folder(record.key) / "weights" / "3.safetensors"
    data = ["--data", str(tiny_scenes)]
    assert run(["evaluate", record.key, "scenes-avenue", *data, "--results", str(with_add_on)]) == 0
    stored = metrics_in(capsys.readouterr().out)
    arguments = ["evaluate", "scenes-avenue", *data, "--weights", str(weights), "--method", "mmil+ica"]
    assert run([*arguments, "--set", "ica.kernel=1"]) == 0
    printed = capsys.readouterr().out
    assert "as given" in printed
    assert metrics_in(printed) == stored
    assert len(stored) > 6
    # The tiny scenes have two crops.
    assert run([*arguments, "--set", "ica.kernel=1", "--set", "crops=1"]) == 0
    assert metrics_in(capsys.readouterr().out) != stored
    assert run(arguments) == 2
    assert "has shape (512, 256, 1)" in capsys.readouterr().err


def test_weights_that_would_run_code_are_refused(
    tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch '{tmp_path / 'made'}'",)

    weights = tmp_path / "weights.pt"
    torch.save({"output.1.bias": torch.zeros(1), "more": Hostile()}, weights)
    arguments = ["evaluate", "scenes-avenue", "--weights", str(weights), "--method", "mmil"]
    assert run([*arguments, "--data", str(tiny_scenes)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"wvad: {weights}: holds more than tensors")
    assert not (tmp_path / "made").exists()


def test_a_preset_is_trained_under_its_own_name(tiny_scenes: Path, tmp_path: Path) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path), "--executor", "serial"]
    assert run(["train", "mmil@official-code", "scenes-avenue", *places, *TINY]) == 0
    frame = pd.read_csv(tmp_path / "tables" / "scenes-avenue-quick" / "train-mmil@official-code.csv")
    assert set(frame["method"]) == {"mmil@official-code"}
    assert frame["add_ons"].isna().all()
    for record in RunStore(tmp_path / "runs").records():
        assert (record.spec.method, record.spec.title) == ("mmil", "MMIL (official-code)")
        assert (record.spec.training.optimizer, record.spec.config["hinge"]) == ("adagrad", "all-pairs")


def test_a_users_own_add_on_is_trained(tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path)]
    arguments = ["train", f"{PLUGIN}:MeanMIL+{HALVE}", "scenes-avenue", *places, *TINY]
    assert run([*arguments, "--set", "halve.py:Halve.start=0.25"]) == 0
    assert "Mean MIL+Halve" in capsys.readouterr().out
    frame = pd.read_csv(tmp_path / "tables" / "scenes-avenue-quick" / "train-mean_mil.py-MeanMIL+halve.py-Halve.csv")
    assert set(frame["add_ons"]) == {"halve.py:Halve"}
    assert all(r.spec.add_ons[0].config["start"] == 0.25 for r in RunStore(tmp_path / "runs").records())
    assert run([*arguments, "--set", "halve.py:Halve.spoil=shape"]) == 1
    assert "MethodError: add-on Halve turned shape" in capsys.readouterr().err


def test_weights_under_the_names_of_rtfms_authors_give_the_same_numbers(
    tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path), "--executor", "serial"]
    assert run(["train", "rtfm", "scenes-avenue", *places, *TINY, "--set", "crops=2"]) == 0
    store = RunStore(tmp_path / "runs")
    record = next(store.records())
    ours = load_file(store.folder(record.key) / "weights" / "3.safetensors")
    official = {ours_begins: theirs for theirs, ours_begins in OFFICIAL_NAMES.items()}
    renamed = {}
    for name, value in ours.items():
        begin = next(begin for begin in official if name.startswith(begin))
        renamed[f"module.{official[begin]}{name.removeprefix(begin)}"] = value
    torch.save(renamed, tmp_path / "rtfm.pkl")
    capsys.readouterr()
    arguments = ["evaluate", "scenes-avenue", "--weights", str(tmp_path / "rtfm.pkl"), "--method", "rtfm"]
    assert run([*arguments, "--data", str(tiny_scenes)]) == 0
    printed = metrics_in(capsys.readouterr().out)
    (stored,) = [e.metrics for e in store.evaluations(record.key) if e.selection == "last"]
    assert {name: float(value) for name, value in printed.items()} == {
        name: pytest.approx(100 * value, abs=0.006) for name, value in stored.items() if value is not None
    }
