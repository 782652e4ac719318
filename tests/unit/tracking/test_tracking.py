"""What is said about MLflow names the server and gives no secret away; what is told to it fits."""

import csv
import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.entities import Metric, Param
from mlflow.utils import validation

from benchmark.runs.records import RunRecord
from benchmark.runs.results_folder import Results
from benchmark.runs.run_spec import AddOnSpec
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedRow, Search
from benchmark.system.errors import InputError
from benchmark.tables.cells import fill_selections
from benchmark.terms import Range, Schedule, Training
from benchmark.tracking import connect, shown_uri, trouble
from benchmark.tracking.content import class_wise, curves, cut, distinct, metrics, note, run_name, run_params
from benchmark.tracking.means import means
from benchmark.tracking.secrecy import shown, without_secrets
from benchmark.tracking.views import experiment_tags
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
    overall = [value for name, value in last.metrics.items() if "/" not in name]
    assert len(logged) == 1 + sum(value is not None for value in overall)


def first_record(folder: Path, **changes: Any) -> RunRecord:
    store = RunStore(make_results(folder, seeds=1).runs)
    record = next(record for record in store.records() if record.spec.method == "rtfm")
    return record.model_copy(update={"spec": record.spec.model_copy(update=changes)})


def row(label: str, settings: Sequence[str] = ()) -> PlannedRow:
    return PlannedRow(label=label, method="rtfm", settings=tuple(settings), paper=None, runs={})


@pytest.mark.parametrize(
    ("of", "changes", "name"),
    [
        (row("RTFM"), {}, "RTFM · cameras · seed 0"),
        (row("share = 0.25", ["share=0.25"]), {}, "RTFM · cameras · seed 0 (share=0.25)"),
        (row("rtfm@paper"), {"seed": 3}, "rtfm@paper · cameras · seed 3"),
        (
            row("RTFM, on shuffled video labels"),
            {"shuffled_labels": True},
            "RTFM, on shuffled video labels · cameras · seed 0",
        ),
        (row("trial 2", ["a=1", "b=2"]), {"fold": 1, "holdout": 0.5}, "RTFM · cameras · fold 2 (a=1, b=2)"),
        (None, {"settings": ("a=1",)}, "RTFM · cameras · seed 0 (a=1)"),
        (None, {}, "RTFM · cameras · seed 0"),
    ],
)
def test_a_run_is_called_by_method_dataset_seed_and_what_its_row_sets(
    tmp_path: Path, of: PlannedRow | None, changes: dict[str, Any], name: str
) -> None:
    assert run_name(of, first_record(tmp_path, **changes)) == name


def test_the_longest_name_is_one_that_mlflow_takes(tmp_path: Path) -> None:
    record = first_record(tmp_path, dataset="d" * 255, title="t" * 1900)
    assert len(run_name(row("l" * 1900, [f"setting{i}=1" for i in range(99)]), record)) == 250


def test_parameters_begin_with_what_is_compared_and_a_schedule_is_in_words(tmp_path: Path) -> None:
    training = Training(schedule=Schedule(shape="milestones", unit="passes", milestones=(9, 12)))
    add_on = AddOnSpec(name="ica", version=1, config={"kernel": 3})
    record = first_record(tmp_path, training=training, add_ons=(add_on,), seed=4)
    found = {param.key: param.value for param in run_params(record)}
    assert list(found)[:4] == ["method", "dataset", "seed", "profile"]
    assert [found[name] for name in ("method", "dataset", "seed", "profile")] == ["rtfm+ica", "cameras", "4", "quick"]
    assert found["training.schedule"] == "times 0.1 at 9, 12 passes"
    assert found["ica.kernel"] == "3"


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(shape="cosine", unit="steps"), "cosine to the end"),
        (
            Schedule(shape="cosine", unit="passes", period=20, warm_up=5),
            "cosine to 20 passes, after a rise over 5 passes",
        ),
        (Schedule(shape="milestones", unit="steps", milestones=(7,), factor=0.25), "times 0.25 at 7 steps"),
        (Schedule(shape="milestones", unit="steps", warm_up=2), "constant, after a rise over 2 steps"),
    ],
)
def test_a_schedule_says_itself_in_words(schedule: Schedule, words: str) -> None:
    assert str(schedule) == words


def test_metrics_of_single_classes_are_a_table_of_their_own(tmp_path: Path) -> None:
    store = RunStore(make_results(tmp_path, seeds=1).runs)
    record = store.record(store.keys()[0])
    assert record is not None
    found = list(store.evaluations(record.key))
    rows = list(csv.DictReader(StringIO(class_wise(record, found))))
    expected = {
        (e.selection, e.dataset, name): value for e in found for name, value in e.metrics.items() if "/" in name
    }
    kept = {(r["selection"], r["dataset"], f"{r['metric']}/{r['class']}"): r["value"] for r in rows}
    assert len(rows) == len(expected) == 2 * 2 * 3
    assert kept == {where: "" if value is None else repr(value) for where, value in expected.items()}
    assert rows[0]["selection"] == "last"
    assert not any("auc_class" in metric.key for metric in metrics(record, found, {}))
    plain = [e.model_copy(update={"metrics": {e.metric: e.metrics[e.metric]}}) for e in found]
    assert class_wise(record, plain) == ""


def test_a_table_opens_on_the_means_that_it_shows(tmp_path: Path) -> None:
    results = make_results(tmp_path, seeds=3)
    (call,) = results.invocations()
    logged = {metric.key: metric.value for metric in means(call.plan, results.store)}
    filled = fill_selections(call.plan, results.store)
    shown = {
        f"{selection} mean/{cell.metric}/{cell.test}/{cell.row}": cell.summary.mean
        for selection, table in filled.items()
        for cell in (*table.cells, *table.shuffled)
        if cell.summary
    }
    assert len(shown) >= 4
    assert [name.split()[0] for name in logged] == sorted(name.split()[0] for name in logged)  # last, oracle
    for name, given_name in distinct(shown).items():
        assert logged.pop(given_name) == pytest.approx(shown[name], abs=1e-12)
    assert not logged


def test_a_mean_is_over_the_runs_that_are_there_and_none_over_none(tmp_path: Path) -> None:
    results = make_results(tmp_path, seeds=2)
    (call,) = results.invocations()
    first = call.plan.rows[0]
    (name, (one, _)), *_ = first.runs.items()
    (values,) = [[e for e in results.store.evaluations(one) if e.selection == "last"]]
    fewer = first.model_copy(update={"runs": {name: (one,)}})
    plan = call.plan.model_copy(update={"rows": (fewer,)})
    logged = {metric.key: metric.value for metric in means(plan, results.store)}
    assert logged[f"last mean/auc_frame/{name}/{first.label}"] == values[0].metrics["auc_frame"]
    results.store.folder(one).rename(tmp_path / "elsewhere")
    assert not means(plan, results.store)


@pytest.mark.parametrize(("several", "length"), [(1, 9), (100, 9), (100, 255)])
def test_an_experiment_has_a_view_of_as_many_numbers_as_its_tags_hold(
    tmp_path: Path, several: int, length: int
) -> None:
    (call,) = make_results(tmp_path, stored=False).invocations()
    (dataset,) = call.plan.datasets
    names = [f"{i:03}".ljust(length, "x") for i in range(several)]
    datasets = tuple(dataset.model_copy(update={"name": name}) for name in names)
    tags = experiment_tags(call.plan.model_copy(update={"datasets": datasets, "title": "t" * 6000}), "7")
    assert all(len(value) <= 5000 for value in tags.values())
    view = json.loads(tags["mlflow.sharedViewState.wvad"])
    shown_metrics = [chart["metricKey"] for chart in view["compareRunCharts"]]
    assert shown_metrics
    assert shown_metrics[0] in view["orderByKey"]
    assert view["selectedColumns"][3:] == [f"metrics.`{metric}`" for metric in shown_metrics]
    assert shown_metrics == list(distinct(f"last/auc_frame/{name}" for name in names).values())[: len(shown_metrics)]
    assert tags["mlflow.note.content"].count("(#/experiments/7/runs?viewStateShareKey=wvad&") == 2


def test_an_experiment_without_numbers_has_no_view_and_a_search_that_of_its_trials(tmp_path: Path) -> None:
    (call,) = make_results(tmp_path, stored=False).invocations()
    tags = experiment_tags(call.plan.model_copy(update={"diagnosis": True}), "7")
    assert tags == {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": call.plan.title}
    search = Search(ranges={"a": Range(low=0, high=1, source="estimate")}, trials=2, sampler="random")
    tags = experiment_tags(call.plan.model_copy(update={"search": search}), "7")
    (chart,) = json.loads(tags["mlflow.sharedViewState.wvad"])["compareRunCharts"]
    assert chart["metricKey"] == "held_out/auc_video"
