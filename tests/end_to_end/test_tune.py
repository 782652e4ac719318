"""`wvad tune`, and tables whose rows are tuned alike."""

from pathlib import Path

import mlflow
import optuna
import pandas as pd
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

import benchmark
from benchmark.cli import run
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from benchmark.runs.results_folder import Results

TINY = ["--set", "steps=2", "--set", "batch_size=2", "--executor", "serial"]
MINE = Path(__file__).parents[1] / "plugins" / "mean_mil.py"


NAN = """
import torch
from pydantic import Field
from methods.dmil import DMIL

class Nan(DMIL):
    title = "Nan"

    class Config(DMIL.Config):
        spoilt: float = Field(0.0, ge=0, le=1)

    def training_step(self, batch):
        terms = super().training_step(batch)
        return {**terms, "loss": terms["loss"] * torch.nan} if self.config.spoilt > 0.5 else terms
"""


@pytest.fixture
def places(tiny_scenes: Path, tmp_path: Path) -> list[str]:
    return ["--data", str(tiny_scenes), "--results", str(tmp_path / "results")]


def test_a_search_ends_with_a_table_a_figure_a_fragment_and_a_study(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tune", "dmil,mmil", "--dataset", "scenes-avenue", "--trials", "3", "--tracking", "none"]
    assert run([*arguments, *places, *TINY]) == 0
    said, log = capsys.readouterr()
    assert "16 distinct runs, 0 stored, 16 to train" in said
    assert "DMIL (trial 3) on scenes-avenue, seed 1" in log
    assert "No test video was opened." in said
    assert 'source: search, note: "wvad tune mmil --dataset scenes-avenue --trials 3' in said
    folder = tmp_path / "results" / "tables" / "scenes-avenue-quick"
    for method in ("dmil", "mmil"):
        frame = pd.read_csv(folder / f"tune-{method}.csv")
        assert frame["trial"].tolist() == ["as in the recipe", "trial 1", "trial 2", "trial 3"]
        assert frame["held_out"].between(0, 1).all()
        assert frame["training.learning_rate"].nunique() == 4
        assert (folder / f"tune-{method}.png").read_bytes().startswith(b"\x89PNG")
        storage = JournalStorage(JournalFileBackend(str(folder / f"tune-{method}.optuna.log")))
        study = optuna.load_study(study_name=f"tune-{method}", storage=storage)
        assert study.best_value == pytest.approx(frame["held_out"][1:].max())
    rates = [pd.read_csv(folder / f"tune-{m}.csv")["training.learning_rate"][1:].tolist() for m in ("dmil", "mmil")]
    assert rates[0] == rates[1]
    picture = folder / "tune-dmil.png"
    picture.unlink()
    assert run(["render", "tune-dmil", *places[2:]]) == 0
    assert picture.is_file()
    assert run([*arguments, *places, *TINY]) == 0
    assert "16 distinct runs, 16 stored, 0 to train" in capsys.readouterr().out


def test_trials_are_in_no_report_and_in_the_status_by_name(
    places: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = [*places, *TINY, "--tracking", "none"]
    assert run(["tune", "dmil", "--dataset", "scenes-avenue", "--trials", "1", *tiny]) == 0
    capsys.readouterr()
    assert run(["report", *places[2:]]) == 2
    assert "no table planned there" in capsys.readouterr().err
    assert run(["status", "tune-dmil", *places[2:]]) == 0
    assert "trial 1" in capsys.readouterr().out
    assert run(["train", "dmil", "scenes-avenue", "--seeds", "1", *tiny]) == 0
    capsys.readouterr()
    assert run(["status", *places[2:]]) == 0
    assert "trial 1" not in capsys.readouterr().out
    assert run(["store", "verify", *places[2:]]) == 0
    assert len(benchmark.load_runs(places[3])) == 1


def test_what_was_found_is_written_as_a_recipe_that_is_used(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "my methods" / "mean_mil.py"
    mine.parent.mkdir()
    mine.write_bytes(MINE.read_bytes())
    reference, recipe = f"{mine}:MeanMIL", mine.with_suffix(".yaml")
    arguments = ["tune", reference, "--dataset", "scenes-avenue", "--trials", "2", "--search", "learning_rate"]
    assert run([*arguments, *places, *TINY, "--tracking", "none", "--write", str(recipe)]) == 0
    assert "\n--set training.learning_rate=" in capsys.readouterr().out  # it had no recipe to paste into
    frame = pd.read_csv(next(Path(places[3]).rglob("tune-*.csv")))
    best = frame.loc[frame["held_out"][1:].idxmax(), "training.learning_rate"]
    leaf = resolve_recipe(find_pipeline(reference), "avenue", "quick")[0].sections["training"]["learning_rate"]
    assert (leaf.value, leaf.source) == (best, "search")
    assert leaf.note.startswith(
        "wvad tune mean_mil.py:MeanMIL --dataset scenes-avenue --trials 2 --search learning_rate"
    )
    capsys.readouterr()
    for file, message in (
        (recipe, "it is there already"),
        (tmp_path / "absent" / "a.yaml", "there is no folder"),
        (tmp_path / "mine.txt", "a recipe's name ends with .yaml"),
    ):
        assert run([*arguments, *places, *TINY, "--write", str(file)]) == 2
        assert message in capsys.readouterr().err
    new = ["--write", str(tmp_path / "new.yaml")]
    assert run(["tune", "dmil,mmil", *arguments[2:], *places, *new]) == 2
    assert "a recipe is of one method" in capsys.readouterr().err
    for name in ("dmil+ica", "RTFM (paper)"):
        assert run(["tune", name, *arguments[2:], *places, *new]) == 2
        assert "has no recipe of its own; leave it away, and use --set" in capsys.readouterr().err


def test_what_is_found_with_an_add_on_or_a_preset_is_said_as_options(
    places: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tune", "dmil+ica,rtfm@paper", "--dataset", "scenes-avenue", "--trials", "1"]
    assert run([*arguments, "--search", "dropout", *places, *TINY, "--tracking", "none"]) == 0
    said = capsys.readouterr().out
    assert "For dmil+ica:\n--set config.dropout=" in said
    assert "For rtfm@paper:\n--set config.dropout=" in said
    assert "profiles:" not in said


def test_trials_that_fail_are_said_and_a_search_without_any_value_ends_with_1(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nan = tmp_path / "nan.py"
    nan.write_text(NAN)
    arguments = ["tune", f"{nan}:Nan", "--dataset", "scenes-avenue", "--search", "spoilt", "--tracking", "none"]
    assert run([*arguments, "--trials", "6", *places, *TINY]) == 0
    said = capsys.readouterr().out
    assert "of 6 trials without a value" in said
    frame = pd.read_csv(next(Path(places[3]).rglob("tune-*.csv")))
    drawn = frame[1:]
    assert (drawn["held_out"].isna() == (drawn["config.spoilt"] > 0.5)).all()
    assert drawn["held_out"].notna().any()
    (picture,) = Path(places[3]).rglob("tune-*.png")
    assert run([*arguments, "--trials", "1", *places, *TINY, "--timeout", "0.001", "--cached", "refresh"]) == 1
    assert not picture.exists()


def test_a_trial_cannot_be_tested(places: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", "dmil", "--dataset", "scenes-avenue", "--trials", "1", *places, *TINY]) == 0
    key = Results(Path(places[3])).store.keys()[0]
    capsys.readouterr()
    assert run(["evaluate", key, "scenes-avenue", *places]) == 2
    assert "is a trial of a search: it keeps no weights" in capsys.readouterr().err


def test_a_table_tuned_alike_says_what_tuning_gains(
    places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", "--method", "dmil", "--against", "mmil", "--dataset", "scenes-avenue", "--tuned", "2"]
    assert run([*arguments, "--seeds", "2", "--looks", "1", *places, *TINY, "--tracking", "none"]) == 0
    said = capsys.readouterr().out
    assert "Tuned alike: 2 random trials each, selected on held-out training videos." in said
    assert "DMIL, tuned is" in said
    (path,) = Path(places[3]).rglob("compare-dmil.csv")
    assert path.parent.name == "scenes-avenue-tuned-2-quick"
    frame = pd.read_csv(path)
    last = frame[frame["selection"] == "last"].set_index("row")
    assert list(last.index) == ["DMIL, tuned", "MMIL, tuned", "DMIL", "MMIL"]
    assert last["mean"].notna().all()
    assert last.loc["DMIL", "gap"] == pytest.approx(
        last.loc["DMIL", "mean"] - last.loc["DMIL, tuned", "mean"], abs=1e-7
    )
    results = Results(tmp_path / "results")
    specs = [record.spec for record in results.store.records()]
    assert sum(spec.trial for spec in specs) == 2 * (2 + 1) * 2
    assert {spec.holdout for spec in specs if not spec.trial} == {0.0}
    classes = path.with_suffix(".md").read_text()
    assert "DMIL, tuned − MMIL, tuned" in classes
    assert "DMIL, tuned − MMIL\n" not in classes
    page = next((tmp_path / "results" / "reports").glob("compare-dmil-*.html")).read_text()
    assert "What tuning gains" in page


def test_more_methods_than_a_figure_shows_are_refused_before_anything_is_trained(
    places: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    others = ",".join(f"other{n}" for n in range(9))
    assert run(["compare", "--method", "dmil", "--against", others, "--dataset", "scenes-avenue", *places]) == 2
    assert "9 methods are too many for a figure; name 8 at most" in capsys.readouterr().err


def test_a_notebook_tunes_alike_too(tiny_scenes: Path, tmp_path: Path) -> None:
    found = benchmark.compare(
        "dmil",
        ["mmil"],
        ["scenes-avenue"],
        seeds=1,
        settings=["steps=2", "batch_size=2", "looks=0"],
        data=tiny_scenes,
        results=tmp_path,
        executor="serial",
        tuned=1,
    )
    assert found.results["row"].tolist() == ["DMIL, tuned", "MMIL, tuned", "DMIL", "MMIL"]
    assert list(zip(found.differences["one"], found.differences["other"], strict=True)) == [
        ("DMIL, tuned", "MMIL, tuned"),
        ("DMIL, tuned", "DMIL"),
        ("MMIL, tuned", "MMIL"),
    ]


def test_trials_are_logged_with_what_they_are_judged_by(places: list[str], tmp_path: Path) -> None:
    assert run(["tune", "dmil", "--dataset", "scenes-avenue", "--trials", "1", *places, *TINY]) == 0
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'results' / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name LIKE '%tune-dmil'")
    runs = client.search_runs([experiment.experiment_id])
    trials = [found for found in runs if "held_out/auc_video" in found.data.metrics]
    assert len(trials) == 2 * 2
    records = {record.key: record for record in Results(tmp_path / "results").store.records()}
    for found in trials:
        assert found.data.metrics["held_out/auc_video"] == records[found.data.tags["wvad.run_key"]].held_out
    (parent,) = [found for found in runs if "wvad.invocation" in found.data.tags]
    assert parent.info.status == "FINISHED"
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} >= {"tune-dmil.md", "tune-dmil.png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dmil", "--search", "lerning_rate"], "--search lerning_rate: no method searches such a setting"),
        (["dmil", "--looks", "2"], "--looks: a search judges the weights of the last step"),
        (["dmil", "--folds", "40"], "has 6 normal training videos; give fewer"),
        (["dmil", "--folds", "3", "--seeds", "2"], "--folds says what is held out"),
        (["dmil", "--set", "learning_rat=1"], "did you mean --set training.learning_rate=1?"),
        (["imported:theirs"], "scores from elsewhere have no settings"),
        (["nothing"], "unknown method nothing"),
        (["dmil,dmil"], "dmil is named twice"),
    ],
)
def test_a_search_that_cannot_be_is_one_line(
    places: list[str], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tune", *arguments, "--dataset", "scenes-avenue", *places]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not Path(places[3]).exists()
