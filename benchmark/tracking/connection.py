"""How MLflow is reached, and how that is told without telling a password."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.system.files import real_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

MLFLOW_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # The first use of a new database would log every migration.
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # A server that is away is noticed in seconds; the default keeps trying for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # A server's address would be printed twice for every run.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
HIDDEN = "***"


def connect(results: Results) -> MlflowClient:
    """Connect to MLflow: at ``MLFLOW_TRACKING_URI`` if it is set, else in a SQLite file of the results folder.

    Raises
    ------
    InputError
        If MLflow does not know that kind of address.
    """
    for name, value in MLFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    import logging

    from mlflow import MlflowClient, MlflowException

    # It would tell each repetition; what becomes of a request is told by us, once.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    try:
        return MlflowClient(tracking_uri=_uri(results))
    except MlflowException:
        raise InputError(
            f"MLFLOW_TRACKING_URI={shown_uri(results)}: no address of MLflow; "
            "write http://HOST:PORT, or leave it unset for a database in the results folder"
        ) from None


def is_local() -> bool:
    """Return whether MLflow's records go to the results folder."""
    return not os.environ.get("MLFLOW_TRACKING_URI")


def shown_uri(results: Results) -> str:
    """Return where MLflow's records go, for people: without user and password."""
    uri = _uri(results)
    user_info = _user_info(uri)
    return uri.replace(f"{user_info}@", "", 1) if user_info else uri


def trouble(error: Exception, results: Results) -> str:
    """Return a sentence on what went wrong with MLflow, and where; it holds no password and no token.

    A failed connection comes wrapped in the errors of several libraries: the innermost one says why.
    """
    if isinstance(error, InputError):
        return str(error)
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    told = cause if isinstance(cause, OSError) else error
    reason = _without_secrets((str(told).splitlines() or [""])[0], _uri(results))
    return f"MLflow at {shown_uri(results)}: {type(told).__name__}: {reason}"


def _uri(results: Results) -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{real_path(results.root / 'mlflow.db')}"


def _user_info(uri: str) -> str:
    """Return user and password of a server's address, also of one that is no address by the rules."""
    found = re.match(r"(?!sqlite|file)[\w+.-]+://(.*)@", uri, re.DOTALL)
    return found[1] if found else ""


def _without_secrets(text: str, uri: str) -> str:
    user_info = _user_info(uri)
    password = user_info.partition(":")[2]
    secrets = {user_info, password, unquote(password), *(os.environ.get(name, "") for name in SECRETS)}
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
