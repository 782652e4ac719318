"""An empty database of MLflow, and a results folder that has one."""

import shutil
from pathlib import Path

import pytest

from benchmark.runs.results_folder import Results
from benchmark.tracking import connect


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database: making one takes seconds, copying it nothing."""
    results = Results(tmp_path_factory.mktemp("mlflow"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect(results).search_experiments()
    return results.root / "mlflow.db"


@pytest.fixture
def results(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return tmp_path
