"""What is embedded: the features as they are stored, and each method's own view of what it was given."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmark.datasets.dataset import Dataset
from benchmark.runs.results_folder import Results
from benchmark.tables import embeddings
from benchmark.tables.declaring import declare_comparison
from benchmark.tables.line_ups import find_line_ups
from benchmark.tables.planning import plan_table
from benchmark.tables.projections import draw_sample
from benchmark.training.choices import Choices
from benchmark.training.jobs import perform


def test_features_are_embedded_as_stored_and_by_methods_as_they_were_given(
    tiny_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset(tiny_scenes / "scenes-ucf-crime")
    small = ("steps=1", "crops=2", "unit_features=segments")
    choices = Choices(results=tmp_path, seeds=1, looks=0, settings=small, device="cpu")
    plan, jobs = plan_table(declare_comparison("mmil", ["rtfm"], [dataset], choices), [dataset], choices, "")
    assert all(perform(job, lambda *_: None).status == "ok" for job in jobs)
    store, seen = Results(tmp_path).store, []
    (line_up,) = find_line_ups([plan], store, "last")
    monkeypatch.setattr(embeddings, "project", lambda embedding, sample: seen.append(embedding))
    embeddings.project_line_up(line_up, dataset, store, torch.device("cpu"), lambda *_: None)

    stored, (mmil, _) = draw_sample(dataset.manifest).rows, line_up.contenders
    rows = np.concatenate([dataset.features(video)[at, :2].astype(np.float64) for video, at in stored])
    np.testing.assert_allclose(seen[0], rows.mean(1), rtol=1e-4, atol=1e-5)
    weights = load_file(store.folder(mmil.seeds[0][0]) / "weights" / "1.safetensors")
    first, bias, second, of_second = (
        weights[f"hidden.{i}.{kind}"].double() for i in (0, 3) for kind in ("weight", "bias")
    )
    unit = torch.from_numpy(rows / np.linalg.norm(rows, axis=-1, keepdims=True))
    expected = ((unit @ first.T + bias).relu() @ second.T + of_second).mean(1)
    np.testing.assert_allclose(seen[1], expected, rtol=1e-4, atol=1e-5)
