"""MLflow shows what the run store holds: grouped, complete, and nothing twice."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from mlflow.entities import Metric

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.tracking import connect, content, projection, sync
from benchmark.tracking.experiment import PARENT, RUN_KEY, Experiment
from benchmark.tracking.projection import EVALUATIONS, FORM, PRESENT
from tests.end_to_end.mlflow.calls import EXPERIMENT, PLUGIN, logged, train
from tests.small_store import make_results

HALVE = f"{Path(__file__).parents[2] / 'plugins' / 'halve.py'}:Halve"


def test_a_call_is_a_parent_with_a_child_per_run(results: Path, tiny_scenes: Path) -> None:
    assert train(results, tiny_scenes) == 0
    (parent,), children = logged(results)
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert {child.data.tags[RUN_KEY] for child in children} == set(RunStore(results / "runs").keys())
    assert all(run.info.status == "FINISHED" for run in (parent, *children))
    client = connect(Results(results))
    assert {item.path for item in client.list_artifacts(parent.info.run_id)} == {
        f"{EXPERIMENT}.{end}" for end in ("md", "csv", "tex", "html", "plan.json", "provenance.json")
    }
    described = parent.data.tags["mlflow.note.content"]
    assert described == next((results / "tables").glob("*/*.md")).read_text(encoding="utf-8")
    experiment = client.get_experiment(parent.info.experiment_id)
    title, _, links = experiment.tags["mlflow.note.content"].partition(" · [")
    assert title == next(Results(results).invocations()).plan.title
    assert f"(#/experiments/{parent.info.experiment_id}/runs?viewStateShareKey=wvad&" in links
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(experiment.tags["mlflow.sharedViewState.wvad"])
    assert [chart["metricKey"] for chart in view["compareRunCharts"]] == ["last/auc_frame/scenes-avenue"]
    shown = client.search_runs([parent.info.experiment_id], view["searchFilter"], order_by=[view["orderByKey"]])
    assert {run.info.run_id for run in shown} == {run.info.run_id for run in children}
    child = children[0]
    assert {item.path for item in client.list_artifacts(child.info.run_id)} == {"record.json", "class-wise.csv"}
    assert {child.data.tags["mlflow.runName"] for child in children} == {
        f"Mean MIL · scenes-avenue · seed {seed}" for seed in (0, 1)
    }
    values = [child.data.metrics["last/auc_frame/scenes-avenue"] for child in children]
    assert parent.data.metrics["last mean/auc_frame/scenes-avenue/Mean MIL"] == pytest.approx(sum(values) / 2)
    assert child.data.params["training.steps"] == "3"
    assert child.data.params["config.hidden"] == "16"
    assert child.data.tags["dataset"] == "scenes-avenue"
    assert child.data.tags["add_ons"] == ""
    stored = next(RunStore(results / "runs").evaluations(child.data.tags[RUN_KEY]))
    assert child.data.metrics[f"{stored.selection}/auc_frame/scenes-avenue"] == stored.metrics["auc_frame"]
    (used,) = child.inputs.dataset_inputs
    assert used.dataset.name == "scenes-avenue"
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]
    curve = client.get_metric_history(child.info.run_id, "train/loss")
    assert [point.step for point in curve] == [1, 2, 3]


def test_add_ons_are_a_tag_and_their_settings_parameters(results: Path, tiny_scenes: Path) -> None:
    assert train(results, tiny_scenes, "--set", "start=0.25", method=f"{PLUGIN}+ica+{HALVE}") == 0
    _, children = logged(results, f"{EXPERIMENT}+ica+halve.py-Halve")
    assert len(children) == 2
    for child in children:
        assert child.data.tags["method"] == "mean_mil.py:MeanMIL"
        assert child.data.tags["add_ons"] == "ica,halve.py:Halve"
        assert child.data.tags["mlflow.runName"].startswith("Mean MIL+ICA+Halve · scenes-avenue · ")
        assert (child.data.params["ica.kernel"], child.data.params["halve.py_Halve.start"]) == ("3", "0.25")


def test_nothing_is_logged_twice(results: Path, tiny_scenes: Path) -> None:
    assert train(results, tiny_scenes) == 0
    assert train(results, tiny_scenes) == 0
    for _ in range(2):
        parents, children = logged(results)
        assert (len(parents), len(children)) == (2, 2)
        assert sync(Results(results)) == 2


def test_a_run_that_is_trained_again_is_brought_up_to_date(
    results: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(results, tiny_scenes) == 0
    marks = {child.data.tags[EVALUATIONS] for child in logged(results)[1]}
    assert train(results, tiny_scenes, "--cached", "refresh") == 0
    assert "MLflow" not in capsys.readouterr().err
    client = connect(Results(results))
    _, children = logged(results)
    assert len(children) == 2
    for child in children:
        assert child.data.tags[EVALUATIONS] not in marks
        record = client.download_artifacts(child.info.run_id, "record.json")
        kept = RunStore(results / "runs").folder(child.data.tags[RUN_KEY]) / "record.json"
        assert Path(record).read_bytes() == kept.read_bytes()
        assert len(client.get_metric_history(child.info.run_id, "train/loss")) == 3
    marks = {child.data.tags[EVALUATIONS] for child in children}
    assert sync(Results(results)) == 2
    assert {child.data.tags[EVALUATIONS] for child in logged(results)[1]} == marks


def test_everything_can_be_rebuilt_from_the_files(results: Path, tiny_scenes: Path, empty_database: Path) -> None:
    assert train(results, tiny_scenes) == 0
    before = logged(results)
    shutil.copy(empty_database, results / "mlflow.db")
    shutil.rmtree(results / "mlflow-artifacts")
    assert run(["mlflow", "sync", "--results", str(results)]) == 0
    for old, new in zip(before, logged(results), strict=True):
        assert len(old) == len(new)
        metrics = [{r.data.tags.get(RUN_KEY): r.data.metrics for r in runs} for runs in (old, new)]
        assert metrics[0] == metrics[1]


def test_a_corrected_label_shows_its_own_number(results: Path, tiny_scenes: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny_scenes / "scenes-avenue", data / "scenes-avenue")
    assert train(results, data) == 0
    manifest = json.loads((data / "scenes-avenue" / "manifest.json").read_text())
    victim = next(video for video in manifest["videos"] if video["split"] == "test" and video["label"] == 1)
    victim["intervals"] = [[0, 16]]
    (data / "scenes-avenue" / "manifest.json").write_text(json.dumps(manifest))
    assert train(results, data) == 0
    store = RunStore(results / "runs")
    for child in logged(results)[1]:
        newest = max(store.evaluations(child.data.tags[RUN_KEY]), key=lambda evaluation: evaluation.finished)
        assert child.data.metrics["last/auc_frame/scenes-avenue"] == newest.metrics["auc_frame"]
        # Twice `last`; the oracle was chosen on the old labels and is none any more.
        assert len(list(store.evaluations(child.data.tags[RUN_KEY]))) == 3


def test_a_child_that_was_cut_off_is_completed(results: Path, tiny_scenes: Path) -> None:
    assert train(results, tiny_scenes) == 0
    client = connect(Results(results))
    child = logged(results)[1][0]
    client.update_run(child.info.run_id, status="RUNNING")
    client.set_tag(child.info.run_id, EVALUATIONS, "")
    sync(Results(results))
    assert len(logged(results)[1]) == 2
    assert client.get_run(child.info.run_id).info.status == "FINISHED"
    assert len(client.get_metric_history(child.info.run_id, "train/loss")) == 3
    assert len(client.get_run(child.info.run_id).inputs.dataset_inputs) == 1


def test_a_child_that_was_only_created_is_completed(results: Path, tiny_scenes: Path) -> None:
    assert train(results, tiny_scenes, "--tracking", "none") == 0
    kept = Results(results)
    (call,) = kept.invocations()
    key = call.plan.run_keys()[0]
    created = Experiment(connect(kept), call.plan, kept).create(RUN_KEY, key, "cut off", {PARENT: "gone"}, 0)
    assert sync(kept) == 1
    (parent,), children = logged(results)
    (child,) = (child for child in children if child.data.tags[RUN_KEY] == key)
    assert len(children) == 2
    assert child.info.run_id == created.info.run_id
    assert child.info.status == "FINISHED"
    assert child.data.tags[PARENT] == parent.info.run_id
    assert child.data.params["training.steps"] == "3"


def test_runs_in_the_form_of_an_earlier_version_are_brought_to_the_present_one_once(
    results: Path, tiny_scenes: Path
) -> None:
    """MLflow lets nobody change a parameter: those stay, what is missing is added."""
    assert train(results, tiny_scenes, "--tracking", "none") == 0
    kept = Results(results)
    (call,) = kept.invocations()
    client, experiment = connect(kept), Experiment(connect(kept), call.plan, kept)
    key = call.plan.run_keys()[0]
    old = experiment.create(RUN_KEY, key, "MeanMIL seed 0 on scenes-avenue", {PARENT: "none"}, 0).info.run_id
    client.log_param(old, "training.steps", "shape='cosine'")
    client.log_metric(old, "last/auc_class/Walking/scenes-avenue", 0.5)
    record = kept.store.record(key)
    assert record is not None
    marks = " ".join([record.finished, *(f"{e.key}@{e.finished}" for e in kept.store.evaluations(key))])
    client.set_tag(old, EVALUATIONS, marks)
    client.set_terminated(old, "FINISHED", 1)
    assert sync(kept) == 1
    child = client.get_run(old)
    assert child.data.tags["mlflow.runName"] == "Mean MIL · scenes-avenue · seed 0"
    assert child.data.params["training.steps"] == "shape='cosine'"
    assert child.data.params["dataset"] == "scenes-avenue"
    assert child.data.metrics["last/auc_class/Walking/scenes-avenue"] == 0.5
    assert "class-wise.csv" in {item.path for item in client.list_artifacts(old)}
    client.update_run(old, name="mine")
    client.set_experiment_tag(experiment.id, "mlflow.note.content", "my own words")
    assert sync(kept) == 1
    assert client.get_experiment(experiment.id).tags["mlflow.note.content"] == "my own words"
    assert client.get_run(old).data.tags["mlflow.runName"] == "mine"
    assert client.get_run(old).data.metrics == child.data.metrics


def test_of_two_that_create_an_entry_at_once_one_stays(results: Path) -> None:
    kept = make_results(results, stored=False)
    (call,) = kept.invocations()
    first, second = (Experiment(connect(kept), call.plan, kept) for _ in range(2))
    made = [experiment.create(RUN_KEY, "key", "run", {}, 0).info.run_id for experiment in (first, second)]
    assert made[0] == made[1]
    assert [run.info.run_id for run in logged(results, "table1")[1]] == made[:1]


def test_an_entry_that_gives_way_while_it_is_logged_is_logged_in_the_other(
    results: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has an earlier time of creation, but arrived later."""
    assert train(results, tiny_scenes, "--tracking", "none") == 0
    kept = Results(results)
    (call,) = kept.invocations()
    key = call.plan.run_keys()[0]
    other = Experiment(connect(kept), call.plan, kept)

    def read_and_be_overtaken(path: Path, timestamp: int) -> list[Metric]:
        monkeypatch.setattr(projection, "curves", content.curves)
        with monkeypatch.context() as patch:
            patch.setattr("time.time_ns", lambda: 1)
            other.create(RUN_KEY, key, "earlier", {PARENT: "theirs", FORM: PRESENT}, 0)
        return content.curves(path, timestamp)

    monkeypatch.setattr(projection, "curves", read_and_be_overtaken)
    assert sync(kept) == 1
    _, children = logged(results)
    assert sorted(child.data.tags[RUN_KEY] for child in children) == sorted(call.plan.run_keys())
    (child,) = (child for child in children if child.data.tags[RUN_KEY] == key)
    assert child.data.tags["mlflow.runName"] == "earlier"
    assert child.info.status == "FINISHED"
    assert "train/loss" in child.data.metrics


def test_a_child_of_a_deleted_parent_is_shown_under_the_new_one(results: Path, tiny_scenes: Path) -> None:
    assert train(results, tiny_scenes) == 0
    client = connect(Results(results))
    client.delete_run(logged(results)[0][0].info.run_id)
    assert sync(Results(results)) == 1
    (parent,), children = logged(results)
    assert {child.data.tags[PARENT] for child in children} == {parent.info.run_id}


def test_a_tracking_failure_loses_no_run(
    results: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "no-such-scheme://nowhere")
    assert train(results, tiny_scenes) == 0
    warning = " ".join(capsys.readouterr().err.split())
    assert "The runs are safe; `wvad mlflow sync` logs them later." in warning
    assert len(RunStore(results / "runs").keys()) == 2
    assert run(["mlflow", "sync", "--results", str(results)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("wvad: MLFLOW_TRACKING_URI=no-such-scheme://nowhere: no address of MLflow; write http://")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert run(["mlflow", "sync", "--results", str(results)]) == 0
    assert len(logged(results)[1]) == 2


def test_a_folder_in_the_place_of_the_database_is_said_once_and_harms_no_run(
    tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").mkdir()
    assert train(tmp_path, tiny_scenes) == 0
    warning = " ".join(capsys.readouterr().err.split())
    assert warning.count("/mlflow.db: a folder in the place of MLflow's database; move it away") == 1
    assert "MLFLOW_TRACKING_URI" not in warning
    assert len(RunStore(tmp_path / "runs").keys()) == 2
    assert run(["mlflow", "sync", "--results", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"wvad: {tmp_path}/mlflow.db: a folder")
    assert "MLFLOW_TRACKING_URI" not in line
    assert not list((tmp_path / "mlflow.db").iterdir())


def test_names_that_mlflow_does_not_take_are_logged_once_and_for_good(results: Path) -> None:
    """Classes and loss terms are named by others; some of these look the same in MLflow's letters."""
    classes = {"Straße (Nacht)/Tag": 2, "Straße [Nacht]/Tag": 2, "../..": 1, "x" * 300: 1}
    kept = make_results(results, seeds=1, counts=classes)
    terms = ["loss", "KL(p||q)", "KL[p||q]", "λ·smooth", "", "Loss"]
    (call,) = kept.invocations()
    for key in call.plan.run_keys():
        rows = [",".join(["step", *terms]), *(f"{step},0.5,nan,inf,-inf,1e400,0" for step in (1, 2, 3))]
        (kept.store.folder(key) / "losses.csv").write_text("\n".join(rows) + "\n")
    seen = []
    for _ in range(2):
        assert sync(kept) == 1
        _, children = logged(results, call.plan.table)
        seen.append({child.info.run_id: (child.data.tags, len(child.data.metrics)) for child in children})
    assert seen[0] == seen[1]
    client = connect(kept)
    for child in children:
        assert {name for name in child.data.metrics if name.startswith("train/KL")} > {"train/KL_p__q_"}
        assert len([name for name in child.data.metrics if name.startswith("train/")]) == len(terms)
        table = Path(client.download_artifacts(child.info.run_id, "class-wise.csv")).read_text(encoding="utf-8")
        assert {row["class"] for row in csv.DictReader(table.splitlines())} == set(classes)
        assert len(client.get_metric_history(child.info.run_id, "train/loss")) == 3


def test_a_run_has_the_value_of_a_sweep_in_its_name(results: Path, tiny_scenes: Path) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(results), "--executor", "serial"]
    study = ["learning_rate=0.1,0.2", "--dataset", "scenes-avenue", "--seeds", "1", "--set", "steps=2"]
    assert run(["sweep", "mmil", *study, *places]) == 0
    (call,) = Results(results).invocations()
    labels = {row.label for row in call.plan.rows}
    _, children = logged(results, call.plan.table)
    assert labels <= {child.data.tags["row"] for child in children}
    for child in children:
        value = child.data.tags["row"].partition(" = ")[2]
        assert child.data.tags["mlflow.runName"] == f"MMIL · scenes-avenue · seed 0 (learning_rate={value})"
    assert {value for value in ("0.1", "0.2") for label in labels if value in label} == {"0.1", "0.2"}


def test_a_server_that_is_away_is_said_once_for_all_tables(
    results: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(results, tiny_scenes, "--tracking", "none") == 0
    assert train(results, tiny_scenes, "--tracking", "none", method="mmil") == 0
    assert len(list(Results(results).latest_calls())) == 2
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "no-such-scheme://nowhere")
    capsys.readouterr()
    assert run(["report", "--data", str(tiny_scenes), "--results", str(results), "--format", "png"]) == 0
    warning = " ".join(capsys.readouterr().err.split())
    assert warning.count("The runs are safe; `wvad mlflow sync` logs them later.") == 1
