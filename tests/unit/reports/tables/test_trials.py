"""What a search says: the best of each method, all trials in order, and how they were judged."""

import io
import math
from statistics import stdev

import pandas as pd
import pytest

from benchmark.runs.table_plan import Search
from benchmark.tuning.trials import Trials
from reports.forms.files import search_texts
from reports.tables.document import Part
from reports.tables.grid import GridCell
from reports.tables.settings import said_ranges, said_settings, short_names
from reports.tables.trials import search_document
from tests.unit.reports.made_up import FAILED, RANGES, SETTINGS, a_search

ONE = [
    {"cameras": (0.70, 0.74)},
    {"cameras": (0.79, 0.79)},
    {"cameras": (0.80, 0.84)},
    {"cameras": (0.81, 0.80)},
    {},
]
"""Means 72, 79, 82 ± 2, 80.5 and none."""
THREE = [
    {"one": (0.6, 0.6), "two": (0.7, 0.7), "three": (0.8, 0.8)},
    {"one": (0.60, 0.62), "two": (0.90, 0.94), "three": (0.85, 0.85)},
    {"one": (0.9, 0.8), "two": (0.5, 0.4), "three": (0.3, 0.3)},
]


def cells(part: Part) -> dict[str, tuple[GridCell, ...]]:
    return {row.name: row.cells for group in part.grid.groups for row in group.rows}


def texts(part: Part) -> dict[str, list[str]]:
    return {name: [cell.main for cell in row] for name, row in cells(part).items()}


def searched(search: Trials, **changes: object) -> Trials:
    assert search.plan.search is not None
    changed = Search.model_validate(search.plan.search.model_dump() | changes)
    return Trials(search.plan.model_copy(update={"search": changed}), search.recipe, search.drawn)


def test_the_summary_has_the_best_its_standard_error_the_gain_and_how_flat_the_top_is() -> None:
    summary = search_document([a_search(ONE)]).parts[0]
    error = 100 * stdev([0.80, 0.84]) / math.sqrt(2)
    assert f"{error:.2f}" == "2.00"
    # Of four trials three have a value; 82 and 80.5 are within two points of 82, 79 is not.
    assert texts(summary) == {"RTFM": ["82.00 ± 2.00", "72.00", "+10.00", "2 of 3 trials"]}
    assert summary.notes[0] == "Best of RTFM: learning_rate 1e-5, steps 200, dropout 0.45, loss squared."
    assert "RTFM: 1 of 4 trials without a value." in summary.notes


def test_a_loss_against_the_recipe_has_its_sign_and_is_said() -> None:
    summary = search_document([a_search([{"cameras": (0.9, 0.9)}, {"cameras": (0.8, 0.86)}])]).parts[0]
    assert texts(summary)["RTFM"][2] == "−7.00"
    better = "No trial of RTFM is better than the recipe's own settings: they may stay."
    assert better in summary.notes
    assert better not in search_document([a_search(ONE)]).parts[0].notes


def test_the_caption_says_how_trials_were_drawn_and_judged() -> None:
    caption = search_document([a_search(ONE, overrides=("crops=1",))]).parts[0].caption
    assert caption[0] == "Settings searched: RTFM. 4 trials, drawn at random; profile quick."
    assert "each video's highest score, on held-out training videos" in caption[1]
    assert "mean over 2 seeds with 25% of the training videos held out, ± its standard error" in caption[1]
    assert caption[1].endswith("No test video was opened.")
    assert caption[2:] == (
        "Datasets: cameras (i3d).",
        "Changed settings: crops=1.",
        "Searched for RTFM: learning_rate 1e-5 to 0.01 (log), steps 50/100/200, dropout 0 to 0.9, loss squared/hinge.",
    )


def test_folds_a_sampler_that_learns_and_simulated_data_are_said() -> None:
    search = searched(a_search(THREE, seeds=4), folds=4, sampler="tpe")
    first = search.plan.datasets[0].model_copy(update={"simulated": True})
    simulated = search.plan.model_copy(update={"datasets": (first, *search.plan.datasets[1:])})
    caption = search_document([Trials(simulated, search.recipe, search.drawn)]).parts[0].caption
    assert "drawn by TPE" in caption[0]
    assert "mean over 4 folds of the training videos, each held out once and over datasets" in caption[1]
    assert "seed" not in caption[1]
    assert caption[3].startswith("SIMULATED data")


def test_trials_stand_by_their_value_with_the_recipe_among_them_and_those_without_last() -> None:
    part = search_document([a_search(ONE)]).parts[1]
    assert part.grid.headers == ("held-out AUC", "learning_rate", "steps", "dropout", "loss")
    assert texts(part) == {
        "trial 2": ["82.00", "1e-5", "200", "0.45", "squared"],
        "trial 3": ["80.50", "0.003", "100", "0", "hinge"],
        "trial 1": ["79.00", "0.0002", "50", "0.1", "hinge"],
        "as in the recipe": ["72.00", "0.001", "150", "0.7", "squared"],
        "trial 4": ["—"] * 5,
    }
    assert list(texts(part)) == ["trial 2", "trial 3", "trial 1", "as in the recipe", "trial 4"]
    shown = cells(part)
    assert [name for name in shown if shown[name][0].bold] == ["trial 2"]
    assert [name for name in shown if shown[name][0].marks == "†"] == ["trial 3"]
    assert part.notes == (
        "† within one standard error of the best.",
        "trial 4: run 00000000000000aa failed: loss became nan at step 3 of …/mine.py.",
    )
    assert "“as in the recipe” is set beside them and never chosen" in part.caption[0]


def test_several_datasets_have_a_column_each_and_count_alike() -> None:
    summary, part = search_document([a_search(THREE)]).parts
    assert part.grid.headers[:4] == ("held-out AUC", "one", "two", "three")
    assert texts(part)["trial 1"][:4] == [f"{100 * (0.61 + 0.92 + 0.85) / 3:.2f}", "61.00", "92.00", "85.00"]
    errors = [stdev(values) / math.sqrt(2) for values in THREE[1].values()]
    assert texts(summary)["RTFM"][0] == f"79.33 ± {100 * math.hypot(*errors) / 3:.2f}"


def test_one_run_of_each_trial_has_no_standard_error_and_says_so() -> None:
    summary, part = search_document([a_search([{"cameras": (0.7,)}, {"cameras": (0.8,)}], seeds=1)]).parts
    assert texts(summary)["RTFM"] == ["80.00", "70.00", "+10.00", "—"]
    assert any(note.startswith("— one run of each trial") for note in summary.notes)
    assert part.notes == ()
    assert not any(row[0].marks for row in cells(part).values())


def test_a_search_without_any_value_is_said_with_its_reasons() -> None:
    search = a_search([{"cameras": (0.7, 0.8)}, {}, {}])
    summary, part = search_document([search]).parts
    assert texts(summary)["RTFM"] == ["—", "75.00", "—", "—"]
    assert summary.notes == ("RTFM: 2 of 2 trials without a value.",)
    assert [note.partition(":")[0] for note in part.notes] == ["trial 1", "trial 2"]


def test_searches_of_one_call_share_a_document() -> None:
    other = a_search(ONE[:3], ranges={"training.steps": RANGES["training.steps"]}, table="tune-mmil", title="MMIL")
    document = search_document([a_search(ONE[:3]), other])
    assert [part.name for part in document.parts] == ["tune", "tune-rtfm-trials", "tune-mmil-trials"]
    assert list(texts(document.parts[0])) == ["RTFM", "MMIL"]
    assert document.parts[0].caption[0].startswith("Settings searched: RTFM, MMIL. 2 trials each,")
    assert [line for line in document.parts[0].caption if line.startswith("Searched for MMIL")] == [
        "Searched for MMIL: steps 50/100/200."
    ]


def test_the_long_form_has_a_row_for_each_trial_and_dataset() -> None:
    search = a_search([*THREE, {}])
    made = search_texts(search)
    assert list(made) == ["md", "csv", "tex", "html"]
    frame = pd.read_csv(io.StringIO(made["csv"]))
    assert frame["trial"].tolist() == [t for t in ("as in the recipe", "trial 1", "trial 2", "trial 3") for _ in "123"]
    first = frame[frame["trial"] == "trial 1"]
    assert first["dataset"].tolist() == ["one", "two", "three"]
    assert first["held_out"].tolist() == pytest.approx([0.61, 0.92, 0.85])
    assert set(first["training.steps"]) == {SETTINGS[0]["training.steps"]}
    assert frame.loc[frame["trial"] == "trial 3", "held_out"].isna().all()
    assert frame["n_runs"].tolist() == [2] * 9 + [0] * 3
    assert frame["run_keys"].str.split().map(len).tolist() == [2] * 12


def test_every_form_has_the_best_setting_and_the_reason_of_a_failure() -> None:
    for form, text in search_texts(a_search(ONE)).items():
        assert "0.45" in text, form
        assert "hinge" in text, form
        assert FAILED.split("/")[0].strip() in text or form == "csv", form


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["training.steps", "config.steps", "config.k"], ["training.steps", "config.steps", "k"]),
        (["training.steps", "config.k"], ["steps", "k"]),
    ],
)
def test_a_setting_goes_by_its_key_where_that_is_clear(names: list[str], expected: list[str]) -> None:
    assert list(short_names(names).values()) == expected


def test_values_are_shown_as_they_are_set() -> None:
    settings = {"a.x": 0.00031, "a.y": None, "a.z": True, "a.n": 3000, "a.word": "hinge", "a.small": 1e-5, "a.one": 1.0}
    assert said_settings(settings) == "x 0.00031, y null, z true, n 3000, word hinge, small 1e-5, one 1"
    assert said_ranges({"config.steps": RANGES["training.steps"]}) == "steps 50/100/200"
