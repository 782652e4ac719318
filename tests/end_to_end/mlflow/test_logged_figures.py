"""Figures and pages lie in MLflow with the tables that they show."""

from pathlib import Path

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.tracking import connect, sync
from tests.end_to_end.mlflow.calls import PLUGIN, logged, train


def test_figures_are_logged_with_the_table_that_they_show(results: Path, tiny_scenes: Path) -> None:
    assert train(results, tiny_scenes) == 0
    (parent,), children = logged(results)
    places = ["--data", str(tiny_scenes), "--results", str(results)]
    assert run(["report", *places, "--format", "png"]) == 0
    client = connect(Results(results))
    (folder,) = (item.path for item in client.list_artifacts(parent.info.run_id, "figures"))
    assert folder == "figures/scenes-avenue-quick-steps-3-training.looks-1"
    page = client.download_artifacts(parent.info.run_id, "report.html")
    assert Path(page).read_bytes() == (results / "reports" / "report.html").read_bytes()
    names = {Path(item.path).name for item in client.list_artifacts(parent.info.run_id, folder)}
    kinds = ("class-wise", "curves", "events", "scores", "selection", "training")
    assert names == {f"{kind}.{end}" for kind in kinds for end in ("png", "csv")}
    again, children_again = logged(results)
    assert [run.info.run_id for run in again] == [parent.info.run_id]
    assert len(children_again) == len(children)


def test_figures_drawn_without_mlflow_are_logged_later(results: Path, tiny_scenes: Path) -> None:
    assert train(results, tiny_scenes, "--tracking", "none") == 0
    places = ["--data", str(tiny_scenes), "--results", str(results)]
    assert run(["report", *places, "--format", "png", "--tracking", "none"]) == 0
    assert sync(Results(results)) == 1
    (parent,), _ = logged(results)
    client = connect(Results(results))
    assert [item.path for item in client.list_artifacts(parent.info.run_id, "figures")] == [
        "figures/scenes-avenue-quick-steps-3-training.looks-1"
    ]


def test_figures_go_to_the_tables_they_show_and_to_no_later_call(results: Path, tiny_scenes: Path) -> None:
    """Two tables on one dataset, whose folders have the name of the line-up; then one of them anew."""
    places = ["--data", str(tiny_scenes), "--results", str(results), "--executor", "serial"]
    study = ["learning_rate=0.1,0.2", "--dataset", "scenes-avenue", *places]
    for method in ("mmil", "rtfm"):
        assert run(["sweep", method, *study, "--seeds", "1"]) == 0
    assert run(["report", "--data", str(tiny_scenes), "--results", str(results), "--format", "png"]) == 0
    client = connect(Results(results))

    def folders(name: str, parent: str) -> set[str]:
        found = {item.path for item in client.list_artifacts(parent, "figures/scenes-avenue-quick") if item.is_dir}
        return {path.rpartition("/")[2] for path in found}

    for method in ("mmil", "rtfm"):
        name = f"sweep-{method}-learning_rate"
        (parent,), _ = logged(results, name)
        assert folders(name, parent.info.run_id) == {name}
    assert run(["sweep", "mmil", *study, "--seeds", "2"]) == 0
    parents, _ = logged(results, "sweep-mmil-learning_rate")
    assert len(parents) == 2
    latest = max(parents, key=lambda run: run.info.start_time)
    assert client.list_artifacts(latest.info.run_id, "figures") == []


def test_the_page_of_a_comparison_is_logged_with_its_table(results: Path, tiny_scenes: Path) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(results), "--executor", "serial"]
    call = ["compare", "--method", PLUGIN, "--against", "mmil", "--dataset", "scenes-avenue", "--seeds", "1"]
    assert run([*call, "--set", "steps=2", *places]) == 0
    (parent,), _ = logged(results, "compare-mean_mil.py-MeanMIL")
    (page,) = (results / "reports").glob("*.html")
    kept = connect(Results(results)).download_artifacts(parent.info.run_id, page.name)
    assert Path(kept).read_bytes() == page.read_bytes()
