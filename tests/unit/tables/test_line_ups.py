"""Line-ups: which stored methods can be compared on a dataset, and under which names."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.tables.line_ups import MOST, Contender, LineUp, find_line_ups
from tests.small_store import LABELS, dataset_of, draw_scores, make_results, plan_of, spec_of, store_run


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(make_results(tmp_path).runs)


DATASET = dataset_of(draw_scores(0, 0))
PLAN = plan_of(DATASET, ["rtfm", "clav"], 3)


def labels(line_up: LineUp) -> list[str]:
    return [contender.label for contender in line_up.contenders]


def test_rows_of_a_table_are_contenders_with_their_seeds(store: RunStore) -> None:
    (line_up,) = find_line_ups([PLAN], store, "last")
    assert line_up.name == "cameras-quick"
    assert labels(line_up) == ["RTFM", "CLAV+CoMo"]
    assert [len(contender.seeds) for contender in line_up.contenders] == [3, 3]
    assert line_up.plans == (PLAN.digest(),)
    assert {contender.table for contender in line_up.contenders} == {"table1"}


def test_the_same_runs_of_two_tables_are_one_contender(store: RunStore) -> None:
    other = PLAN.model_copy(
        update={"table": "table5", "rows": tuple(r.model_copy(update={"label": f"{r.label}!"}) for r in PLAN.rows)}
    )
    (line_up,) = find_line_ups([other, PLAN], store, "last")
    assert labels(line_up) == ["RTFM", "CLAV+CoMo"]
    assert line_up.plans == (PLAN.digest(), other.digest())


def test_the_contender_with_more_seeds_wins(store: RunStore) -> None:
    fewer = plan_of(DATASET, ["rtfm"], 1, table="table0")
    (line_up,) = find_line_ups([fewer, PLAN], store, "last")
    assert [len(contender.seeds) for contender in line_up.contenders] == [3, 3]


def test_other_runs_under_a_label_in_use_get_a_number(store: RunStore) -> None:
    spec = spec_of("rtfm", 0, steps=50)
    store_run(store, spec, draw_scores(9, 0.1))
    row = PLAN.rows[0].model_copy(update={"runs": {"cameras": (spec.key,)}, "settings": ("steps=50",)})
    (line_up,) = find_line_ups([PLAN, PLAN.model_copy(update={"table": "z", "rows": (row,)})], store, "last")
    assert labels(line_up) == ["RTFM", "CLAV+CoMo", "RTFM (2)"]
    assert labels(line_up.choose(None)) == ["RTFM", "CLAV+CoMo"]


def test_a_method_as_it_is_comes_before_a_studied_value_that_equals_it(store: RunStore) -> None:
    train = plan_of(DATASET, ["rtfm"], 3, table="train-rtfm")
    row = train.rows[0].model_copy(update={"label": "steps = 40", "settings": ("steps=40",)})
    sweep = train.model_copy(update={"table": "sweep-rtfm-steps", "study": True, "rows": (row,)})
    for plans in ([sweep, train], [train, sweep]):
        (line_up,) = find_line_ups(plans, store, "last")
        assert [(c.label, c.method, c.table) for c in line_up.contenders] == [("RTFM", "rtfm", "train-rtfm")]
    ablation = sweep.model_copy(update={"table": "table2", "study": False})
    (line_up,) = find_line_ups([ablation, train], store, "last")
    assert labels(line_up) == ["RTFM"]


def test_a_name_is_short_enough_for_a_folder(store: RunStore) -> None:
    many = tuple(f"a_long_setting_{i}=0.123456789" for i in range(12))
    other = (*many[:-1], "another=1")
    line_ups = find_line_ups([PLAN.model_copy(update={"overrides": o}) for o in (many, other)], store, "last")
    assert len({line_up.name for line_up in line_ups}) == 2
    assert all(len(line_up.name) < 200 for line_up in line_ups)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"holdout": 0.2}, "cameras-quick-holdout-0.2"),
        ({"profile": "paper"}, "cameras-paper"),
        ({"overrides": ("training.steps=5",)}, "cameras-quick-training.steps-5"),
    ],
)
def test_other_choices_for_all_runs_make_another_line_up(
    store: RunStore, changes: dict[str, object], name: str
) -> None:
    line_ups = find_line_ups([PLAN, PLAN.model_copy(update=changes)], store, "last")
    assert sorted(line_up.name for line_up in line_ups) == sorted(["cameras-quick", name])


def test_a_dataset_with_other_test_labels_is_another_one(store: RunStore) -> None:
    changed = DATASET.model_copy(update={"test_hash": "abcdef0123"})
    line_ups = find_line_ups([PLAN, PLAN.model_copy(update={"datasets": (changed,)})], store, "last")
    assert [line_up.name for line_up in line_ups] == ["cameras-quick-abcdef", "cameras-quick-test p"]
    assert [len(line_up.contenders) for line_up in line_ups] == [0, 2]


def test_a_selection_that_no_run_has_leaves_no_contender(store: RunStore) -> None:
    (line_up,) = find_line_ups([PLAN], store, "validation")
    assert line_up.contenders == ()
    assert line_up.choose(None).contenders == ()


def test_methods_are_chosen_by_their_labels(store: RunStore) -> None:
    (line_up,) = find_line_ups([PLAN], store, "last")
    assert labels(line_up.choose(["CLAV+CoMo", "RTFM", "CLAV+CoMo"])) == ["CLAV+CoMo", "RTFM"]
    with pytest.raises(InputError, match="cameras-quick: no method is called 'MMIL'; known: RTFM, CLAV"):
        line_up.choose([LABELS["mmil"]])
    with pytest.raises(InputError, match="10 methods are too many"):
        line_up.choose(["RTFM"] * 10)


@given(st.integers(0, 200))
def test_pages_show_every_method_once_in_order_and_no_more_than_colours_tell_apart(count: int) -> None:
    contenders = tuple(Contender(str(number), "table1", "", "", ()) for number in range(count))
    pages = LineUp("", DATASET, "quick", 0.0, (), "last", contenders, ()).pages()
    assert [contender for page in pages for contender in page.contenders] == [*contenders]
    sizes = [len(page.contenders) for page in pages]
    assert max(sizes) <= MOST
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == max(1, -(-count // MOST))


@pytest.mark.parametrize("labels", [["rtfm", "clav"], ["RTFM", "CLAV+CoMo"], ["Rtfm", "clav+como", "rtfm"]])
def test_methods_are_chosen_by_label_or_name_in_any_capitals(labels: list[str], tmp_path: Path) -> None:
    results = make_results(tmp_path)
    (line_up,) = find_line_ups(results.plans(None), results.store, "last")
    assert [contender.label for contender in line_up.choose(labels).contenders] == ["RTFM", "CLAV+CoMo"]
