"""`wvad report` and `wvad figure` on stored runs: every file is there, and trouble is a sentence."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import run
from tests.small_store import make_results

PLUGIN = f"{Path(__file__).parents[1] / 'plugins' / 'mean_mil.py'}:MeanMIL"
ODD = f"{Path(__file__).parents[1] / 'plugins' / 'odd_embeddings.py'}"
TINY = ["--seeds", "2", "--set", "steps=4", "--set", "batch_size=2", "--looks", "2", "--tracking", "none"]
LINE_UP = "scenes-ucf-crime-quick-steps-4-batch_size-2-training.looks-2"


@pytest.fixture(scope="module")
def trained(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with Table 4, and a method that defines no embedding."""
    results = tmp_path_factory.mktemp("results")
    places = ["--data", str(tiny_scenes), "--results", str(results), "--executor", "serial"]
    assert run(["reproduce", "table4", *places, *TINY]) == 0
    assert run(["train", PLUGIN, "scenes-ucf-crime", *places, *TINY]) == 0
    return results


@pytest.fixture
def results(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "results"))


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_a_report_has_a_file_for_every_figure(
    results: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["report", "--data", str(tiny_scenes), "--results", str(results), "--tracking", "none"]
    assert run([*arguments, "--format", "png,pdf,svg"]) == 0
    out = capsys.readouterr().out
    assert f"Written: {results}/reports/report.html (" in out
    assert "SIMULATED: scenes-ucf-crime" in out
    figures = results / "reports" / "figures"
    names = {path.name for path in (figures / LINE_UP).iterdir()}
    kinds = ("class-wise", "curves", "events", "scores", "t-sne", "selection", "training")
    assert names == {f"{kind}.{end}" for kind in kinds for end in ("png", "pdf", "svg", "csv")}
    table = figures / "scenes-quick" / "table4"
    assert {path.stem for path in table.iterdir()} == {"cross-dataset", "forest"}
    page = (results / "reports" / "report.html").read_text()
    assert "No panel for Mean MIL: Mean MIL defines no embedding (`embed`)." in page
    assert not list(results.rglob(".*"))


def test_without_the_dataset_there_is_no_embedding_but_a_reason(results: Path, tmp_path: Path) -> None:
    arguments = ["report", "--data", str(tmp_path), "--results", str(results), "--tracking", "none", "--format", "png"]
    assert run(arguments) == 0
    page = (results / "reports" / "report.html").read_text()
    assert f"scenes-avenue: no such dataset in …/{tmp_path.name}" not in page
    assert f"scenes-ucf-crime: no such dataset in …/{tmp_path.name}" in page
    assert not (results / "reports" / "figures" / LINE_UP / "t-sne.png").exists()


def test_a_dataset_that_has_changed_since_is_not_embedded(
    results: Path, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "scenes-ucf-crime"
    shutil.copytree(tiny_scenes / "scenes-ucf-crime", changed)
    manifest = changed / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"metric": "auc_frame"', '"metric": "ap_frame"'))
    arguments = ["figure", "t-sne", "scenes-ucf-crime", "--data", str(tmp_path), "--results", str(results)]
    assert run(arguments) == 2
    assert "has other test videos or labels than when the runs were tested" in one_line(capsys)


def test_lost_weights_leave_one_panel_out(results: Path, tiny_scenes: Path) -> None:
    for weights in results.glob("runs/*/weights"):
        if '"title": "RTFM"' in (weights.parent / "spec.json").read_text():
            shutil.rmtree(weights)
    arguments = ["figure", "t-sne", "scenes-ucf-crime", "--data", str(tiny_scenes), "--results", str(results)]
    assert run([*arguments, "--format", "png"]) == 0
    data = pd.read_csv(results / "reports" / "single" / LINE_UP / "t-sne.csv")
    assert data["panel"].unique().tolist() == ["backbone features", "CLAV+CoMo"]


def test_an_oracle_report_stands_beside_the_other(results: Path, tiny_scenes: Path) -> None:
    arguments = ["report", "--data", str(tiny_scenes), "--results", str(results), "--tracking", "none"]
    assert run([*arguments, "--format", "png", "--selection", "oracle"]) == 0
    assert (results / "reports" / "report-oracle.html").is_file()
    assert (results / "reports" / "figures-oracle" / LINE_UP / "curves.png").is_file()
    assert not (results / "reports" / "report.html").exists()


def test_one_figure_is_drawn_for_methods_and_videos_of_choice(results: Path, tiny_scenes: Path) -> None:
    common = ["--data", str(tiny_scenes), "--results", str(results), "--format", "svg"]
    videos = "test-abnormal-001,test-normal-002"
    chosen = ["--methods", "CLAV+CoMo,Mean MIL", "--videos", videos]
    assert run(["figure", "scores", "scenes-ucf-crime", *chosen, *common]) == 0
    folder = results / "reports" / "single" / LINE_UP
    data = pd.read_csv(folder / "scores.csv")
    assert data["method"].unique().tolist() == ["CLAV+CoMo", "Mean MIL"]
    assert data["video"].unique().tolist() == videos.split(",")
    assert (folder / "scores.svg").read_text().startswith("<?xml")
    assert run(["figure", "forest", "table4", *common]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pie", "scenes-avenue"], "no figure is called pie; there are class-wise, curves, events, scores, t-sne"),
        (["curves", "scenes-mars"], "scenes-mars: known are scenes-shanghaitech-quick"),
        (["curves"], "name one of scenes-shanghaitech-quick"),
        (["forest", "table9"], "table9: known are scenes-quick/table4"),
        (["scores", "scenes-ucf-crime", "--videos", "v1"], "v1: none of the test videos; they are called like test-"),
        (["scores", "scenes-ucf-crime", "--videos-from", "/none"], "/none: no folder of videos"),
        (["curves", "scenes-ucf-crime", "--videos", "v1"], "--videos and --videos-from are for the figure scores"),
        (["forest", "table4", "--methods", "RTFM"], "--methods is for figures of a dataset, not for forest"),
        (["study", "table4"], "table4 is no table for the figure study; see docs/figures.md"),
        (["cross-dataset", "train-mean_mil.py-MeanMIL"], "is no table for the figure cross-dataset"),
        (["curves", "scenes-ucf-crime", "--methods", "RTFN"], "no method is called 'RTFN'; known: RTFM, CLAV+CoMo"),
        (["curves", "scenes-ucf-crime", "--format", "jpg"], "--format jpg: no such form; there are pdf, png, svg"),
        (["curves", "scenes-ucf-crime", "--selection", "validation"], "no run is stored yet that a figure could show"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    arguments: list[str], message: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def written() -> list[Path]:
        return sorted(path for path in trained.rglob("*") if "rankings" not in path.parts)  # found, and kept

    before = written()
    assert run(["figure", *arguments, "--results", str(trained)]) == 2
    assert message in one_line(capsys)
    assert written() == before


@pytest.mark.parametrize("command", [["report"], ["figure", "curves"]])
def test_an_empty_folder_is_one_line(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--results", str(tmp_path / "none")]) == 2
    assert "no table planned there; run `wvad reproduce` or `wvad train` first" in one_line(capsys)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_results(tmp_path)
    (tmp_path / "reports").write_text("in the way")
    assert run(["report", "--results", str(tmp_path), "--tracking", "none"]) == 2
    assert "cannot be written" in capsys.readouterr().err.strip().splitlines()[-1]


def test_planned_but_untrained_tables_make_a_report_of_sentences(tmp_path: Path) -> None:
    make_results(tmp_path, stored=False)
    assert run(["report", "--results", str(tmp_path), "--tracking", "none"]) == 0
    page = (tmp_path / "reports" / "report.html").read_text()
    assert "no stored run that was trained and tested there has the selection last." in page
    assert "<img" not in page


def test_an_odd_embedding_of_somebodys_method_leaves_one_panel_out(tiny_scenes: Path, tmp_path: Path) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path)]
    for name in ("Constant", "Raises", "Tuple", "WrongShape", "NotFinite"):
        assert run(["train", f"{ODD}:{name}", "scenes-avenue", *places, "--executor", "serial", *TINY]) == 0
    assert run(["report", *places, "--tracking", "none", "--format", "png"]) == 0
    page = (tmp_path / "reports" / "report.html").read_text()
    for reason in (
        "Constant: its embedding is the same for all snippets",
        "Raises: embed() of Raises failed: KeyError: &#x27;no such thing&#x27;",
        "Tuple: embed() of Tuple gave tuple, expected (1, ",
        "WrongShape: embed() of WrongShape gave (1, ",
        "NotFinite: embed() of NotFinite gave values that are not finite",
    ):
        assert reason in page, reason


def test_a_label_with_a_comma_can_be_chosen(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    (plan,) = results.plans(None)
    big = {"label": "RTFM, big", "against": "RTFM, big"}
    rows = (plan.rows[0].model_copy(update=big), plan.rows[1].model_copy(update={"against": None}))
    results.write_invocation(plan.model_copy(update={"rows": rows}))
    assert run(["figure", "curves", "--methods", "RTFM, big", "--results", str(tmp_path), "--format", "png"]) == 0
    data = pd.read_csv(tmp_path / "reports" / "single" / "cameras-quick" / "curves.csv")
    assert data["method"].unique().tolist() == ["RTFM, big"]
