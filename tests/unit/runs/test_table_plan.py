"""What a plan may say: the same wherever it comes from, and one that says else is named and passed over."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.runs.table_plan import TablePlan
from tests.small_store import make_results
from tests.unit.runs.test_archive import entries, rewrite

FOLDER = "cameras-quick"
FROZEN = Path(__file__).parents[2] / "frozen" / "table4.plan.json"


def _change(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return content | changes


def _first_row(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    first, *others = content["rows"]
    return content | {"rows": [first | changes, *others]}


def _dataset(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return content | {"datasets": [content["datasets"][0] | changes]}


KEYS = ["0" * 16]
BAD = {
    "runs on an unknown dataset": lambda plan: _first_row(plan, runs={"nosuch": KEYS}),
    "runs on no dataset": lambda plan: _first_row(plan, runs={}),
    "a key that is none": lambda plan: _first_row(plan, runs={"cameras": ["../../../x"]}),
    "a run counted twice": lambda plan: _first_row(plan, runs={"cameras": KEYS * 2}),
    "more runs than seeds": lambda plan: _first_row(plan, runs={"cameras": [f"{i:016x}" for i in range(9)]}),
    "no datasets": lambda plan: _change(plan, datasets=[]),
    "a dataset twice": lambda plan: _change(plan, datasets=plan["datasets"] * 2),
    "no rows": lambda plan: _change(plan, rows=[]),
    "rows without end": lambda plan: _change(plan, rows=[plan["rows"][0] | {"label": str(i)} for i in range(2001)]),
    "a row twice": lambda plan: _change(plan, rows=plan["rows"] + plan["rows"][:1]),
    "against a row that is not there": lambda plan: _first_row(plan, against="nosuch"),
    "about a row that is not there": lambda plan: _change(plan, subject="nosuch"),
    "a study without settings": lambda plan: _change(plan, study=True),
    "power below 0": lambda plan: _change(plan, power=-1),
    "power of 0": lambda plan: _change(plan, power=0),
    "power above 1": lambda plan: _change(plan, power=2),
    "no seeds": lambda plan: _change(plan, seeds=0),
    "seeds without end": lambda plan: _change(plan, seeds=10**9),
    "all held out": lambda plan: _change(plan, holdout=1),
    "a later version": lambda plan: _change(plan, plan_version=2),
    "a key of its own": lambda plan: _change(plan, more=1),
    "a table elsewhere": lambda plan: _change(plan, table="../../.."),
    "a folder elsewhere": lambda plan: _change(plan, folder="../x"),
    "escapes in the title": lambda plan: _change(plan, title="\x1b[2J"),
    "escapes in a label": lambda plan: _first_row(plan, label="\x1b]0;x\x07"),
    "a heading that turns the writing": lambda plan: _first_row(plan, group="\u202eabc"),
    "an empty label": lambda plan: _first_row(plan, label=""),
    "an endless label": lambda plan: _first_row(plan, label="x" * 10**5),
    "a dataset elsewhere": lambda plan: _dataset(plan, name="../x"),
    "an unknown benchmark": lambda plan: _dataset(plan, benchmark="x"),
    "no crops": lambda plan: _dataset(plan, crops=0),
    "fewer videos than none": lambda plan: _dataset(plan, test_videos=-1),
}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return make_results(tmp_path / "results", seeds=2, stored=False)


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of an archive."""
    folder = tmp_path_factory.mktemp("archived")
    results = make_results(folder / "results", seeds=2)
    assert run(["store", "export", str(folder / "a.zip"), "--results", str(results.root)]) == 0
    return entries(folder / "a.zip")


def _plan_path(results: Results) -> Path:
    return results.table_folder(FOLDER) / "table1.plan.json"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plan_in_an_archive_is_refused_and_leaves_nothing(
    name: str, archived: dict[str, bytes], tmp_path: Path
) -> None:
    archive, place = tmp_path / "a.zip", f"tables/{FOLDER}/table1.plan.json"
    rewrite(archive, {**archived, place: json.dumps(BAD[name](json.loads(archived[place]))).encode()})
    assert run(["store", "import", str(archive), "--results", str(tmp_path / "new" / "results")]) == 2
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plan_in_a_store_is_named_and_passed_over(
    name: str, results: Results, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = results.table_folder(FOLDER) / "bad.plan.json"
    content = json.loads(_plan_path(results).read_text()) | {"table": "bad"}
    bad.write_text(json.dumps(BAD[name](content)))
    assert [plan.table for plan in results.plans(None)] == ["table1"]
    for command in (["status"], ["render", "all"]):
        assert run([*command, "--results", str(results.root)]) == 0
        assert "table1" in capfd.readouterr().out
    assert run(["store", "verify", "--results", str(results.root)]) == 1
    assert f"{bad}: damaged" in capfd.readouterr().out
    assert run(["store", "gc", "--delete", "--results", str(results.root)]) == 2  # what it asks for is not known
    assert bad.exists()


def test_it_is_named_once(results: Results, caplog: pytest.LogCaptureFixture) -> None:
    bad = results.table_folder(FOLDER) / "bad.plan.json"
    bad.write_text("{")
    for _ in range(3):
        assert len(list(Results(results.root).plans(None))) == 1
    assert [str(bad) in message for message in caplog.messages] == [True]


def test_a_plan_that_lies_elsewhere_than_it_says_is_passed_over(results: Results) -> None:
    copy = results.table_folder(FOLDER) / "table2.plan.json"
    copy.write_bytes(_plan_path(results).read_bytes())
    assert [plan.table for plan in results.plans("table2")] == []


def test_plans_from_before_are_read() -> None:
    plan = TablePlan.model_validate_json(FROZEN.read_bytes())
    # Calls are found again by this digest: whoever changes it cuts off those that are stored.
    assert (plan.table, plan.digest()) == ("table4", "9ed5f5f7d8bc9ba5")


@pytest.mark.parametrize("field", [{"unfit": {"cameras": "no crops"}}, {"supervision": {"cameras": "none"}}])
def test_a_plan_says_what_does_not_fit_and_what_methods_are_told(field: dict[str, Any]) -> None:
    plan = TablePlan.model_validate_json(FROZEN.read_bytes())
    first, *others = plan.rows
    told = plan.model_copy(update={"rows": (first.model_copy(update=field), *others)})
    assert told.digest() != plan.digest()
    assert TablePlan.model_validate_json(told.model_dump_json()) == told
