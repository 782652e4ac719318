"""Declared tables and what they plan."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from benchmark.datasets.dataset import Dataset
from benchmark.runs.table_plan import TablePlan
from benchmark.system.errors import InputError
from benchmark.tables.declaration import TableDeclaration, list_paper_tables, list_tables, read_table
from benchmark.tables.paper import in_domain_value, reported_rows
from benchmark.tables.planning import plan_table
from benchmark.training.choices import Choices
from benchmark.training.jobs import Job

TINY = Choices(seeds=2, settings=("steps=3",))
Planned = Callable[[str], tuple[TablePlan, list[Job]]]


def declaration(**changes: object) -> TableDeclaration:
    rows = [{"label": "a", "method": "clav"}, {"label": "b", "method": "clav", "settings": ["relation=none"]}]
    table = {"name": "mine", "title": "Mine", "protocol": "in-domain", "datasets": ["ucf-crime"], "rows": rows}
    table["controls"] = False
    return TableDeclaration.model_validate({**table, **changes})


@pytest.fixture(scope="module")
def datasets(tiny_scenes: Path) -> list[Dataset]:
    return [Dataset(tiny_scenes / f"scenes-{name}") for name in ("ucf-crime", "avenue")]


def test_the_five_tables_of_the_paper_are_declared() -> None:
    assert list_paper_tables() == ["table1", "table2", "table3", "table4", "table5"]
    assert set(list_tables()) - set(list_paper_tables()) == {"cost", "zoo"}


@pytest.fixture(scope="module")
def planned(datasets: list[Dataset]) -> Planned:
    """Name of a declared table -> its plan, which is made once."""
    return cache(lambda name: plan_table(read_table(name), datasets, TINY, "command"))


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "table4", "table5", "zoo"])
def test_every_declared_row_can_be_planned(name: str, planned: Planned) -> None:
    table = read_table(name)
    plan, jobs = planned(name)
    assert [row.label for row in plan.rows] == [row.label for row in table.rows]
    assert len({job.spec.key for job in jobs}) == len(jobs)
    assert set(plan.run_keys()) == {job.spec.key for job in jobs}
    assert plan.shuffled is not None
    assert plan.shuffled.label.endswith("on shuffled video labels")
    shuffled = {job.spec.key for job in jobs if job.spec.shuffled_labels}
    assert shuffled == {key for keys in plan.shuffled.runs.values() for key in keys}


def test_table1_has_every_row_of_the_paper_in_its_order() -> None:
    rows = [row.paper for row in read_table("table1").rows if row.paper]
    assert rows == [name for name in reported_rows("table1") if name != "MMIL"]  # its features are not the paper's


@pytest.mark.parametrize(
    ("table", "where", "expected"),
    [
        (
            "table1",
            "ucf-crime",
            [
                *(None, 65.5, 78.0, 76.5, 82.4, 82.1, 78.7, None, 79.0, 82.3),
                *(84.0, 84.9, 85.6, 85.5, 83.2, 83.1, 83.4, None, 86.0, 87.4, 86.1),
            ],
        ),
        ("table1", "avenue", [69.1, 62.1, 72.2, 72.4, *[None] * 12, 80.9, *[None] * 3, 89.8]),
        ("table2", "ucf-crime", [82.84, 83.75, 85.22, 86.07, 84.63, 83.83, 85.07, 86.07]),
        ("table2", "xd-violence", [None] * 8),
        ("table3", "xd-violence", [73.10, 76.85, 75.40, 81.31, *[None] * 6]),
        ("table5", "shanghaitech", [96.39, 96.73, 97.30]),
        ("table5", "other", [None] * 3),
    ],
)
def test_rows_stand_beside_the_papers_numbers(table: str, where: str, expected: list[float | None]) -> None:
    rows = read_table(table).rows
    assert [row.paper and in_domain_value(table, row.paper, where) for row in rows] == expected


def test_runs_that_tables_share_are_the_same_runs(planned: Planned) -> None:
    keys = {
        name: {job.spec.key for job in planned(name)[1] if not job.spec.shuffled_labels} for name in list_paper_tables()
    }
    assert keys["table4"] <= keys["table1"]
    # Modules with all of them, losses with both: the whole method once. The three others have no relation module.
    assert len(keys["table2"]) == 7 * 2 * 2
    assert len(keys["table2"] & keys["table5"]) == len(keys["table1"] & keys["table5"]) * 2 == 2 * 2 * 2


def test_in_domain_runs_are_tested_where_they_were_trained(datasets: list[Dataset]) -> None:
    _, jobs = plan_table(declaration(), datasets, TINY, "command")
    assert all(job.evaluate_on == (job.dataset,) for job in jobs)
    _, jobs = plan_table(declaration(protocol="cross"), datasets, TINY, "command")
    assert all(len(job.evaluate_on) == 2 for job in jobs)


def test_a_run_that_two_rows_need_is_tested_for_both(tiny_scenes: Path, tmp_path: Path) -> None:
    scene = tiny_scenes / "scenes-avenue"
    manifest = json.loads((scene / "manifest.json").read_text())
    for name, metric in (("one", "auc_frame"), ("two", "ap_frame")):
        (tmp_path / name).mkdir()
        for array in ("features.npy", "motion.npy", "objects.npy"):
            (tmp_path / name / array).symlink_to(scene / array)
        (tmp_path / name / "manifest.json").write_text(json.dumps({**manifest, "name": name, "metric": metric}))
    _, jobs = plan_table(declaration(), [Dataset(tmp_path / "one"), Dataset(tmp_path / "two")], TINY, "command")
    assert [len(job.evaluate_on) for job in jobs] == [2] * 4


def test_settings_of_a_row_win_over_the_command_line_and_are_kept_in_the_plan(datasets: list[Dataset]) -> None:
    options = Choices(seeds=1, settings=("relation=rn", "steps=3"))
    plan, jobs = plan_table(declaration(), datasets[:1], options, "command")
    assert [job.spec.config["relation"] for job in jobs] == ["rn", "none"]
    assert [row.settings for row in plan.rows] == [(), ("relation=none",)]
    assert plan.overrides == ("relation=rn", "steps=3")


def test_a_row_with_a_setting_that_its_method_does_not_know_is_refused(datasets: list[Dataset]) -> None:
    rows = [{"label": "a", "method": "mmil", "settings": ["relation=none"]}]
    with pytest.raises(InputError, match="--set relation=none: none of these methods has such a setting"):
        plan_table(declaration(rows=rows), datasets, TINY, "command")


def test_rows_are_compared_with_the_reference_unless_they_name_another(datasets: list[Dataset]) -> None:
    def against(**changes: object) -> list[str | None]:
        return [row.against for row in plan_table(declaration(**changes), datasets, TINY, "command")[0].rows]

    assert against() == ["a", "a"]
    assert against(reference="b") == ["b", "b"]
    rows = [{"label": "a", "method": "clav", "against": "b"}, {"label": "b", "method": "clav"}]
    assert against(rows=rows) == ["b", "a"]
    with pytest.raises(ValidationError, match="no row is called c, which others are compared with"):
        declaration(reference="c")


REPORTED = {
    "label": "Openness",
    "paper": "Openness",
    "reason": "too little of it is known",
    "published": [
        {"benchmark": "ucf-crime", "metric": "auc_frame", "value": 85.5, "features": "not stated", "source": "a table"},
        {"benchmark": "xd-violence", "metric": "ap_frame", "value": 80, "features": "I3D"},
    ],
}


def test_a_row_that_only_reports_needs_no_run_and_says_why_and_what_was_published(datasets: list[Dataset]) -> None:
    rows = [REPORTED, {"label": "a", "method": "mmil"}]
    plan, jobs = plan_table(declaration(rows=rows, controls=True), datasets, TINY, "command")
    reported, trained = plan.rows
    assert trained.against == "a"  # the first row that has runs
    assert reported.runs == {dataset.name: () for dataset in datasets}
    assert set(reported.unfit.values()) == {"too little of it is known"}
    assert reported.card is not None
    (figure,) = reported.card.reported
    assert (figure.dataset, figure.value, figure.source) == ("scenes-ucf-crime", 85.5, "a table")
    assert plan.shuffled is not None
    assert plan.shuffled.label == "a, on shuffled video labels"
    assert {job.spec.method for job in jobs} == {trained.method} == {"mmil"}


def test_a_row_has_a_method_or_a_reason_and_a_table_something_to_train(datasets: list[Dataset]) -> None:
    for row in ({"label": "a"}, {**REPORTED, "method": "mmil"}):
        with pytest.raises(ValidationError, match="has a method, or a reason why it has none"):
            declaration(rows=[row])
    with pytest.raises(InputError, match="mine: none of these rows has a method that could be trained"):
        plan_table(declaration(rows=[REPORTED]), datasets, TINY, "command")


def test_two_rows_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two rows are called a"):
        declaration(rows=[{"label": "a", "method": "clav"}, {"label": "a", "method": "rtfm"}])


def test_a_wrong_declaration_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mine.yaml").write_text(yaml.safe_dump({"name": "mine", "protocol": "sideways"}))
    monkeypatch.setattr("benchmark.tables.declaration.files", lambda package: tmp_path)
    with pytest.raises(InputError, match=r"mine.yaml: not a table declaration: "):
        read_table("mine")
