"""What is said about MLflow names the server and gives no secret away; what is told to it fits."""

from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.entities import Metric, Param
from mlflow.utils import validation

from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.tracking import connect, shown_uri, trouble
from benchmark.tracking.content import curves, cut, distinct, metrics, note
from benchmark.tracking.secrecy import shown, without_secrets
from tests.small_store import make_results

HERE = Results(Path("results"))


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://user:pass@host:5000/path", "http://host:5000/path"),
        ("https://user:p%40ss@host", "https://host"),
        ("postgresql+psycopg2://user:pass@db:5432/mlflow", "postgresql+psycopg2://db:5432/mlflow"),
        ("http://token@host", "http://host"),
        ("http://me:pa/ss[@host:5000", "http://host:5000"),
        ("http://me:pa/ss#?[@host:5000", "http://***"),
        ("http://host:5000/path?token=word", "http://host:5000/path"),
        ("http://host?token=wo@rd", "http://***"),
        ("http://host/#word", "http://host/"),
        ("http://host/;token=word", "http://host/"),
        ("user:pass@host:5000", "host:5000"),
        ("postgresql://user:pass@db/mlflow?password=word", "postgresql://db/mlflow"),
        ("sqlite:///a b.db?key=word", "sqlite:///a b.db"),
        (" http://host:5000\n", "http://host:5000"),
        ("http://host:5000", "http://host:5000"),
        ("sqlite:////data/a@b.db", "sqlite:////data/a@b.db"),
        ("databricks", "databricks"),
    ],
)
def test_an_address_is_shown_without_user_and_password(uri: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert shown_uri(HERE) == shown


def test_without_an_address_it_is_the_results_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert shown_uri(HERE) == str(Path("results/mlflow.db").resolve())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", " ")
    assert shown_uri(HERE) == str(Path("results/mlflow.db").resolve())


def test_an_error_is_told_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:p%40ssword@host")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "other-word")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "some-token")
    error = RuntimeError("http://user:p%40ssword@host said p@ssword, other-word and some-token are wrong\nand more")
    assert (
        trouble(error, HERE) == "MLflow at http://host: RuntimeError: http://***@host said ***, *** and *** are wrong"
    )


WORD = st.text("abcXYZ789-._~%+ é@:/?#&=;", min_size=4)


@given(user=WORD, password=WORD, token=WORD)
def test_no_secret_of_an_address_is_told_however_it_is_quoted(user: str, password: str, token: str) -> None:
    user, password, token = (f"q{text}q" for text in (user, password, token))  # no word of the sentence itself
    for quoted in (str, quote, quote_plus):
        uri = f"http://{quoted(user)}:{quoted(password)}@host/path?token={quoted(token)}"
        assert not any(secret in shown(uri) for secret in (quoted(user), quoted(password), quoted(token)))
    uri = f"http://{quote(user, safe='')}:{quote(password, safe='')}@host/path?a=1&token={quote_plus(token)}"
    told = without_secrets(f"GET {uri}/api with {password} and {token} failed: [Errno 11]", uri)
    assert not any(way(secret) in told for secret in (password, token) for way in (str, quote, quote_plus))
    assert told.endswith("failed: [Errno 11]")


def test_the_innermost_failure_of_a_connection_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host")
    try:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except OSError as inner:
            raise RuntimeError("a long tale of pools and retries") from inner
    except RuntimeError as error:
        told = trouble(error, HERE)
    assert told == "MLflow at http://host: ConnectionRefusedError: [Errno 111] Connection refused"


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "127.0.0.1:5000"])
def test_a_folder_of_records_is_refused_with_what_to_write_instead(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(InputError, match=r"a folder, in which MLflow no longer keeps .*; write .*sqlite:///"):
        connect(HERE)


NAME = st.text(st.characters(exclude_categories=[]), max_size=300) | st.text("a/.", max_size=8)


@given(st.lists(NAME, unique=True, max_size=8))
def test_names_are_written_so_that_mlflow_takes_them_and_stay_apart(names: list[str]) -> None:
    given_names = distinct(f"train/{name}" for name in names)
    assert len(set(given_names.values())) == len(names)
    entities = [Metric(name, 0.0, 0, 0) for name in given_names.values()]
    validation._validate_batch_log_data(entities, [Param(name, "") for name in given_names.values()], [])
    assert distinct(given_names.values()) == {name: name for name in given_names.values()}


@given(st.text(st.characters(exclude_categories=[]), max_size=30), st.integers(1, 20))
def test_a_text_is_cut_to_what_mlflow_stores(text: str, length: int) -> None:
    kept = cut(text, length)
    assert len(kept) <= length
    kept.encode()
    assert kept == text or len(text) > length or "?" in kept


def test_a_curve_of_more_terms_than_one_call_takes_has_its_first_step(tmp_path: Path) -> None:
    terms = [f"term {i}" for i in range(1200)]
    path = tmp_path / "losses.csv"
    path.write_text("\n".join([",".join(["step", *terms]), *(",".join([str(i), *["inf"] * 1200]) for i in (1, 2))]))
    found = curves(path, 0)
    assert len(found) == 1200
    assert {(point.step, point.value) for point in found} == {(1, float("inf"))}


def test_a_long_table_is_described_by_whole_paragraphs() -> None:
    paragraphs = [f"paragraph {i} " + "x" * 90 for i in range(100)]
    assert note("short\n") == "short\n"
    cut = note("\n\n".join(paragraphs)).split("\n\n")
    assert cut == paragraphs[: len(cut)]
    assert 70 < len(cut) < 80


def test_the_primary_metric_of_the_last_step_on_its_own_dataset_stands_in_front(tmp_path: Path) -> None:
    store = RunStore(make_results(tmp_path, seeds=1).runs)
    record = store.record(store.keys()[0])
    assert record is not None
    own = list(store.evaluations(record.key))
    assert {evaluation.selection for evaluation in own} == {"last", "oracle"}
    other = [e.model_copy(update={"dataset": "another", "metric": "ap_frame"}) for e in own]
    given = [e.model_copy(update={"metric": "ap_frame"}) for e in reversed(own)]
    names = [metric.key for metric in metrics(record, [*other, *given], {})]
    assert names[0] == "last/ap_frame/cameras"
    assert len(set(names)) == len(names)
    places = list(dict.fromkeys((name.partition("/")[0], name.rpartition("/")[2]) for name in names))
    assert places == [("last", "cameras"), ("last", "another"), ("oracle", "cameras"), ("oracle", "another")]


def test_measures_of_events_are_logged_with_the_metrics_and_undefined_ones_are_not(tmp_path: Path) -> None:
    store = RunStore(make_results(tmp_path, seeds=1).runs)
    record = store.record(store.keys()[0])
    assert record is not None
    last = next(e for e in store.evaluations(record.key) if e.selection == "last")
    measured = {last.key: {"event_recall_at_1_per_hour": 0.5, "delay_at_1_per_hour": None}}
    logged = {metric.key: metric.value for metric in metrics(record, [last], measured)}
    assert logged["last/event_recall_at_1_per_hour/cameras"] == 0.5
    assert "last/delay_at_1_per_hour/cameras" not in logged
    assert len(logged) == 1 + sum(value is not None for value in last.metrics.values())
