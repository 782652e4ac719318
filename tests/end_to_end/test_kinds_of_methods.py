"""Methods that ask for what only some datasets have: their rows in a table, and class vectors from a file to a run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.torch import load_file

from benchmark.cli import run
from benchmark.datasets.classes import class_names
from benchmark.datasets.dataset import Dataset
from benchmark.runs.store import RunStore

PLUGINS = Path(__file__).parents[1] / "plugins"
ASKS = PLUGINS / "asks.py"
TINY = ["--seeds", "1", "--set", "steps=2", "--looks", "1", "--tracking", "none", "--executor", "serial"]


@pytest.fixture
def data(tiny_scenes: Path, tmp_path: Path) -> Path:
    """Two datasets that may be changed: one with two named parts, one that states none."""
    root = tmp_path / "data"
    for name in ("parted", "whole"):
        shutil.copytree(tiny_scenes / "scenes-avenue", root / name)
        path = root / name / "manifest.json"
        content = json.loads(path.read_text()) | {"name": name, "feature_set": name}
        if name == "parted":
            parts = {"visual": content["dim"] - 6, "text": 6}
            content["identity"] = {
                "id": name,
                "extractor": "scenes and words",
                "checkpoint": "none",
                "dim": content["dim"],
                "normalisation": "none",
                "parts": parts,
            }
        path.write_text(json.dumps(content))
    return root


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of three rows, of which one needs parts, and one only reports."""
    (tmp_path / "tables").mkdir()
    table = {
        "name": "mine",
        "title": "Kinds",
        "protocol": "in-domain",
        "datasets": ["parted", "whole"],
        "rows": [
            {"label": "Plain", "method": f"{ASKS}:Plain"},
            {"label": "Two streams", "method": f"{ASKS}:TwoStreams"},
            {
                "label": "Told of",
                "reason": "nobody has seen its code",
                "published": [{"benchmark": "avenue", "metric": "auc_frame", "value": 70.5, "features": "C3D"}],
            },
        ],
        "described": True,
    }
    path = tmp_path / "tables" / "mine.yaml"
    path.write_text(yaml.safe_dump(table))
    monkeypatch.setattr("benchmark.tables.declaration.files", lambda package: tmp_path)
    return path


def test_a_row_that_does_not_fit_is_a_dash_with_the_reason_and_the_others_run(
    data: Path, declare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--data", str(data), "--results", str(tmp_path / "results")]
    assert run(["reproduce", "mine", "--datasets", "parted,whole", *folders, *TINY]) == 0
    folder = tmp_path / "results" / "tables" / "parted+whole-quick"
    cells = pd.read_csv(folder / "mine.csv").query("selection == 'last'").set_index(["row", "train_dataset"])
    assert cells["n_seeds"].to_dict() == {
        ("Plain", "parted"): 1,
        ("Plain", "whole"): 1,
        ("Two streams", "parted"): 1,
        ("Two streams", "whole"): 0,
        ("Told of", "parted"): 0,
        ("Told of", "whole"): 0,
    }
    text = (folder / "mine.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith("| Two streams |"))
    assert line.split("|")[-2].strip() == "—"
    assert "needs features with the parts visual, text; dataset whole states no part visual" in text
    assert "nobody has seen its code" in text
    assert "70.5 (C3D)" in text
    # What is stored says the same again, and nothing counts as missing.
    capsys.readouterr()
    assert run(["status", "--results", str(tmp_path / "results")]) == 0
    assert run(["render", "mine", "--results", str(tmp_path / "results")]) == 0
    assert (folder / "mine.md").read_text() == text
    assert run(["report", "--results", str(tmp_path / "results")]) == 0


def test_a_table_of_which_no_row_fits_is_refused_in_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--data", str(data), "--results", str(tmp_path / "results")]
    for method, settings, reason in (
        ("TwoStreams", [], "states no part visual"),
        ("TwoCrops", ["--set", "crops=1"], "has 2, of which 1 is in use"),
    ):
        assert run(["train", f"{ASKS}:{method}", "whole", *settings, *folders, *TINY]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert reason in line
    assert not (tmp_path / "results" / "runs").exists()


def test_weights_of_a_method_are_not_tried_on_features_without_its_parts(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w.pt").write_bytes(b"never read")
    command = ["evaluate", "--weights", str(tmp_path / "w.pt"), "--method", f"{ASKS}:TwoStreams", "whole"]
    assert run([*command, "--data", str(data), "--results", str(tmp_path / "results")]) == 2
    assert "states no part visual" in capsys.readouterr().err


def test_vectors_of_classes_go_from_a_file_into_the_weights_of_a_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classes = class_names(Dataset(data / "whole").manifest)
    drawn = np.random.default_rng(0).normal(size=(len(classes), 3)).astype(np.float32)
    np.savez(tmp_path / "words.npz", **dict(zip([name.upper() for name in classes], drawn, strict=True)))  # type: ignore[arg-type]
    add = ["data", "add", "whole", "--class-vectors", str(tmp_path / "words.npz"), "--data", str(data)]
    assert run(add) == 0
    assert f"whole: motion, 40 object classes, vectors of {len(classes)} classes" in capsys.readouterr().out
    assert run(add) == 2
    assert "whole: this dataset has class vectors already; replace them with --replace" in capsys.readouterr().err
    assert run([*add, "--replace"]) == 0
    capsys.readouterr()
    assert run(["data", "check", "whole", "--data", str(data)]) == 0
    assert f"class vectors: {', '.join(classes)}; 3 dimensions" in capsys.readouterr().out
    assert run(["data", "list", "--data", str(data)]) == 0

    method = f"{PLUGINS / 'broken_methods.py'}:WithClasses"
    folders = ["--data", str(data), "--results", str(tmp_path / "results")]
    assert run(["train", method, "whole", *folders, *TINY]) == 0
    (record,) = RunStore(tmp_path / "results" / "runs").records()
    assert record.spec.inputs == {"classes": "given", "class_vectors": "given"}
    assert (record.classes, record.class_vector_dim, record.parts) == (classes, 3, {})
    weights = load_file(RunStore(tmp_path / "results" / "runs").folder(record.key) / "weights" / "2.safetensors")
    np.testing.assert_array_equal(weights["vectors"].numpy(), drawn)
    (table,) = (tmp_path / "results" / "tables" / "whole-quick").glob("*.md")
    assert "DEV-VECTORS" not in table.read_text()
    # It was evaluated by weights that were loaded into a method built without the dataset's vectors.
    assert len(list(RunStore(tmp_path / "results" / "runs").evaluations(record.key))) == 2
