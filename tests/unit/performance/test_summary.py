"""The table of aims: what is compared with what, and whether it is enough."""

import json
from pathlib import Path

import pytest

from tests.performance.summary import HEADERS, Aim, main, read_runs, rows


def measured(name: str, group: str, median: float, **extra: object) -> dict[str, object]:
    return {
        "name": name,
        "fullname": f"tests/{name}",
        "group": group,
        "param": None,
        "extra_info": extra,
        "stats": {"median": median},
    }


@pytest.mark.parametrize(
    ("text", "seconds", "reference", "reached", "met"),
    [
        ("≥ 200 × as fast", 0.001, 0.3, 300, True),
        ("≥ 200 × as fast", 0.002, 0.3, 150, False),
        ("≥ 65 % of the matrix product", 2.0, 1.5, 75, True),
        ("≤ 5 × the time of one AUC", 0.006, 0.001, 6, False),
        ("≤ 1.03 × the bare steps", 10.1, 10.0, 1.01, True),
        ("≤ 10 s", 9.0, None, 9, True),
        ("≤ 0.5 s", 0.6, None, 0.6, False),
    ],
)
def test_aims(text: str, seconds: float, reference: float | None, reached: float, met: bool) -> None:
    aim = Aim.parse(text)
    assert aim.reached(seconds, reference) == pytest.approx(reached)
    assert aim.met(aim.reached(seconds, reference)) is met


@pytest.mark.parametrize("text", ["fast", "200 × as fast", "≥ many ×", "≥ 3 metres"])
def test_words_without_a_number_are_no_aim(text: str) -> None:
    with pytest.raises(ValueError, match="begin with"):
        Aim.parse(text)


def test_the_one_without_an_aim_is_what_a_group_is_held_against() -> None:
    run = [
        measured("rival", "a", 2.0, scale=100),
        measured("ours", "a", 0.5, kind="rival", aim="≥ 200 × as fast"),
        measured("clock", "b", 0.0002, kind="seconds", aim="≤ 1 s"),
    ]
    ours, clock = rows(run, {"tests/ours": 0.4})
    assert ours == ("a", "500 ms", "200 s", "400 ×", "≥ 200 × as fast", "yes", "100 %", "+25 %")
    assert clock == ("b", "200 µs", "", "", "≤ 1 s", "yes", "100 %", "new")
    with pytest.raises(ValueError, match="0 benchmarks without an aim"):
        list(rows(run[1:], {}))


@pytest.mark.parametrize(
    ("ours", "limit", "median", "met"),
    [
        (0.99, 1.9, 3.0, "NO"),
        (0.5, 1.0, 3.0, "disturbed"),
        (1.0, 0.5, 3.0, "disturbed"),
        (0.5, 0.5, 1.0, "yes"),
    ],
)
def test_an_aim_missed_where_others_had_the_processor_is_disturbed(
    ours: float, limit: float, median: float, met: str
) -> None:
    run = [
        measured("limit", "a", 1.0, processor=limit),
        measured("ours", "a", median, kind="limit", aim="≤ 2 × it", what="the other", processor=ours),
    ]
    ((what, *_, said, share, _),) = rows(run, {})
    assert (what, said, share) == ("the other", met, f"{100 * min(ours, limit):.0f} %")


def test_what_waits_says_nothing_of_the_machine_and_each_of_several_cores_has_its_share() -> None:
    limit = measured("limit", "a", 1.0, processor=1.9, cores=2)
    ours = measured("ours", "a", 3.0, kind="limit", aim="≤ 2 × it", processor=0.1, waits=True)
    ((*_, said, share, _),) = rows([limit, ours], {})
    assert (said, share) == ("NO", "95 %")
    ((*_, said, share, _),) = rows([limit | {"extra_info": {"processor": 1.0, "cores": 2}}, ours], {})
    assert (said, share) == ("disturbed", "50 %")
    ((*_, said, share, _),) = rows([limit | {"extra_info": {"waits": True}}, ours], {})
    assert (said, share) == ("NO", "")


def test_the_last_run_is_compared_with_those_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "Linux"
    folder.mkdir()
    for number, median in enumerate((3.0, 2.0, 1.0)):
        run = {"benchmarks": [measured("clock", "b", median, kind="seconds", aim="≤ 1.5 s")]}
        (folder / f"000{number}_run.json").write_text(json.dumps(run))
    assert read_runs(tmp_path)[1] == {"tests/clock": 2.0}
    main([str(tmp_path)])
    said = capsys.readouterr().out
    assert all(header in said for header in HEADERS)
    assert "-50 %" in said
    with pytest.raises(SystemExit, match="no stored run"):
        read_runs(tmp_path / "elsewhere")
