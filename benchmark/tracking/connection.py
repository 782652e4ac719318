"""How MLflow is reached, and how that is told."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.system.files import real_path
from benchmark.tracking.database import Database
from benchmark.tracking.secrecy import shown, without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient

MLFLOW_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # What goes wrong is told by us, once and without secrets; MLflow logs it with a traceback, and every migration.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    # A server that is away is noticed in seconds; the default keeps trying for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # A server's address would be printed twice for every run.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def connect(results: Results) -> MlflowClient:
    """Connect to MLflow: at ``MLFLOW_TRACKING_URI`` if it is set, else in a SQLite file of the results folder.

    A SQLite file is made if it is missing.

    Raises
    ------
    InputError
        If MLflow does not know that kind of address, or cannot use what lies at the place of its SQLite file.
    """
    for name, value in MLFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    import logging

    from mlflow import MlflowClient, MlflowException
    from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

    # It would tell each repetition; what becomes of a request is told by us, once.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    database = _database(results)
    uri = _given() or _own_database(results).address()
    if database is not None:
        database.prepare()
    try:
        return MlflowClient(tracking_uri=uri)
    except UnsupportedModelRegistryStoreURIException:
        raise _no_address(uri, "no address of MLflow") from None
    except MlflowException:
        if urlsplit(uri).scheme not in ("", "file"):
            raise
        raise _no_address(uri, "a folder, in which MLflow no longer keeps its records") from None


def is_local() -> bool:
    """Return whether MLflow's records go to the results folder."""
    return not _given()


def is_server(results: Results) -> bool:
    """Return whether MLflow's records go to a server, be it of MLflow or of a database."""
    return _database(results) is None


def shown_uri(results: Results) -> str:
    """Return where MLflow's records go, for people: without user, password or token."""
    return shown(_given()) or str(_own_database(results).path)


def trouble(error: Exception, results: Results) -> str:
    """Return a sentence on what went wrong with MLflow, and where; it holds no password and no token.

    A failed connection comes wrapped in the errors of several libraries: the innermost one says why.
    """
    if isinstance(error, InputError):
        return str(error)
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    database = _database(results)
    if database is not None and isinstance(cause, sqlite3.Error):
        return database.trouble(cause)
    told = cause if isinstance(cause, OSError) else error
    reason = without_secrets((str(told).splitlines() or [""])[0], _given())
    return f"MLflow at {shown_uri(results)}: {type(told).__name__}: {reason}"


def _given() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI", "").strip()


def _database(results: Results) -> Database | None:
    """Return the SQLite file that MLflow uses, None if it uses none."""
    if is_local():
        return _own_database(results)
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        path = make_url(_given()).database if _given().startswith("sqlite") else None
    except (ArgumentError, ValueError):
        return None  # MLflow will say so
    if not path or path == ":memory:" or path.startswith("file:"):
        return None
    remedy = "name another file in MLFLOW_TRACKING_URI, and `wvad mlflow sync` writes all runs there"
    return Database(real_path(Path(path)), remedy)


def _own_database(results: Results) -> Database:
    remedy = "move it away, and `wvad mlflow sync` writes all runs into a new one"
    return Database(real_path(results.root / "mlflow.db"), remedy)


def _no_address(uri: str, what: str) -> InputError:
    return InputError(
        f"MLFLOW_TRACKING_URI={shown(uri)}: {what}; write http://HOST:PORT for a server or sqlite:///FILE.db, "
        "or leave it unset for a database in the results folder"
    )
