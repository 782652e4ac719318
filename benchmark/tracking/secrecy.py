"""What may be shown of MLflow's address and of its errors: no user, no password, no token."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

SECRETS = (
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
    *("DATABRICKS_TOKEN", "DATABRICKS_PASSWORD", "DATABRICKS_CLIENT_SECRET"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)
"""Variables of the environment that MLflow takes secrets from."""
HIDDEN = "***"
SHORT = 3


def shown(uri: str) -> str:
    """Return an address for people: without user and password, and without what stands behind its path."""
    scheme, place, *_ = _parts(uri)
    return scheme + place


def without_secrets(text: str, uri: str) -> str:
    """Return a text in which nothing stands that `shown` leaves out of an address, and no secret of the environment."""
    _, _, user_info, rest = _parts(uri)
    query = re.split("[?#;]", rest)
    values = [value for part in query for _, value in parse_qsl(part, keep_blank_values=True)]
    given = {user_info, user_info.partition(":")[2], rest[1:], *query, *values}
    given |= {os.environ.get(name, "") for name in SECRETS}
    ways = {way(secret) for secret in given for way in (str, unquote, unquote_plus, quote, quote_plus)}
    by_length = sorted(ways - {""}, key=len, reverse=True)
    # What is as short as a digit is no secret inside of a word, and stands in many.
    patterns = [re.escape(way) if len(way) > SHORT else rf"(?<!\w){re.escape(way)}(?!\w)" for way in by_length]
    return re.sub("|".join(patterns), HIDDEN, text) if patterns else text


def _parts(uri: str) -> tuple[str, str, str, str]:
    """Split an address, also one that is none by the rules, into scheme, place, user information and what follows.

    A password may hold a question mark, and a token an at sign. Where it cannot be told which is which, there is no
    place that could be shown.
    """
    found = re.match(r"[\w+.-]+:/+", uri)
    scheme = found[0] if found else ""
    rest = uri[len(scheme) :]
    if scheme.startswith(("sqlite", "file")):
        place, mark, query = rest.partition("?")
        return scheme, place, "", mark + query
    user_info, _, place = rest.rpartition("@")
    if re.search("[?#;]", user_info):
        return scheme, HIDDEN, user_info, f"@{place}"
    end = next(re.finditer("[?#;]|$", place)).start()
    return scheme, place[:end], user_info, place[end:]
