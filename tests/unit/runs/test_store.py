import io
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.records import Failure, RunRecord
from benchmark.runs.score_files import parse_scores, write_scores
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.system.files import scratch_name
from tests.records import make_record
from tests.small_store import draw_scores
from tests.unit.runs.test_records import spec


def record_of(seed: int) -> RunRecord:
    run = spec(seed=seed)
    return make_record(
        run,
        selected={"last": 200},
        parameters=10,
        seconds=1.5,
        finished="2026-01-01T00:00:00+00:00",
    )


def commit(store: RunStore, seed: int, replace: bool = False) -> RunRecord:
    record = record_of(seed)
    with store.stage(record.spec, replace) as folder:
        (folder / "record.json").write_text(record.model_dump_json())
    return record


def test_a_finished_run_is_read_back(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    record = commit(store, 3)
    assert store.record(record.key) == record
    assert list(store.records()) == [record]
    assert not list((tmp_path / "staging").iterdir())


def test_a_run_that_dies_leaves_no_mark(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    with pytest.raises(RuntimeError), store.stage(spec()):
        raise RuntimeError("dies")
    with store.stage(spec()):
        pass  # ends without a record
    assert store.keys() == []
    assert not list((tmp_path / "staging").iterdir())


@pytest.mark.parametrize("content", ["", "{", '{"key": 1}', "[]"])
def test_a_torn_record_is_no_record(tmp_path: Path, content: str) -> None:
    store = RunStore(tmp_path)
    record = commit(store, 0)
    (store.folder(record.key) / "record.json").write_text(content)
    assert store.record(record.key) is None


@pytest.mark.parametrize("replace", [True, False])
def test_the_run_that_was_there_first_stays_unless_it_is_to_be_replaced(tmp_path: Path, replace: bool) -> None:
    store = RunStore(tmp_path)
    record = commit(store, 0)
    (store.folder(record.key) / "old.txt").touch()
    commit(store, 0, replace)
    assert store.record(record.key) == record
    assert (store.folder(record.key) / "old.txt").exists() is not replace


def test_leftovers_of_dead_drivers_are_cleared_and_those_of_the_living_kept(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    pid = 2**22 + 1  # above the greatest process id
    machine = scratch_name("k").rpartition("@")[0]
    names = [f"{machine}@{pid}", scratch_name("k"), f"k@elsewhere@{pid}"]
    for name in names:
        (tmp_path / "staging" / name).mkdir(parents=True)
    store.prepare()
    assert sorted(path.name for path in (tmp_path / "staging").iterdir()) == sorted(names[1:])


def test_a_store_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/runs: cannot be written .*--results"):
        RunStore(tmp_path / "file" / "runs").prepare()


def test_failures_are_kept_apart_and_forgotten_after_success(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run = spec()
    store.write_failure(Failure(key=run.key, spec=run, reason="bad", traceback="", failed="now"))
    assert store.record(run.key) is None
    assert [failure.reason for failure in store.failures()] == ["bad"]
    store.clear_failure(run.key)
    assert store.failure(run.key) is None


def same(one: ScoredVideos, other: ScoredVideos) -> bool:
    arrays = all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("scores", "positive", "negative", "video", "labels")
    )
    return arrays and (one.classes, one.names) == (other.classes, other.names)


@given(
    rows=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    names=st.lists(
        st.text(
            st.characters(categories=["L", "N", "P", "S"], exclude_characters="/\\", codec="utf-8"), min_size=1
        ).filter(lambda name: name not in (".", "..")),
        unique=True,
        min_size=6,
        max_size=6,
    ),
    seed=st.integers(0, 99),
)
def test_scores_and_their_labels_round_trip(rows: list[int], names: list[str], seed: int) -> None:
    rng, videos = np.random.default_rng(seed), len(rows)
    scored = ScoredVideos(
        scores=rng.random(sum(rows)).astype(np.float32).astype(np.float64),
        positive=rng.integers(0, 17, sum(rows)),
        negative=rng.integers(0, 17, sum(rows)),
        video=np.repeat(np.arange(videos), rows),
        labels=rng.integers(0, 2, videos),
        classes=tuple([(), ("Arson",), ("Arson", "Über fall")][rng.integers(3)] for _ in range(videos)),
        names=tuple(names[:videos]),
    )
    with TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        (Path(folder) / "run").mkdir()
        store.write_scores("run", "e", scored)
        back = store.read_scores("run", "e")
    assert back is not None
    assert same(back, scored)


def test_scores_that_are_absent_or_cut_are_none(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert store.read_scores("run", "e") is None
    (tmp_path / "run" / "evaluations").mkdir(parents=True)
    for content in (b"", b"PK\x03\x04", b"text"):
        (tmp_path / "run" / "evaluations" / "e.npz").write_bytes(content)
        assert store.read_scores("run", "e") is None


def test_a_store_of_one_moment_reads_scores_once_as_far_as_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = draw_scores(0, 0.5)
    run = commit(RunStore(tmp_path), 0)
    for name in ("a", "b", "c"):
        RunStore(tmp_path).write_scores(run.key, name, scored)
    numbers = len(scored.scores) + len(scored.names) ** 2
    monkeypatch.setattr("benchmark.runs.store.MOST_REMEMBERED", 2 * numbers)
    moment, always = RunStore(tmp_path, remember=True), RunStore(tmp_path)
    first = {name: moment.read_scores(run.key, name) for name in ("a", "b", "c")}
    again = {name: moment.read_scores(run.key, name) for name in ("a", "b", "c")}
    assert [again[name] is first[name] for name in ("a", "b", "c")] == [True, True, False]
    assert always.read_scores(run.key, "a") is not always.read_scores(run.key, "a")


def test_scores_that_would_grow_or_are_none_are_refused(tmp_path: Path) -> None:
    scored = ScoredVideos(
        scores=np.array([0.5, 0.25]),
        positive=np.array([16, 0]),
        negative=np.array([0, 16]),
        video=np.array([0, 1]),
        labels=np.array([1, 0]),
        classes=(("Arson",), ()),
        names=("a", "b"),
    )
    write_scores(good := io.BytesIO(), scored)
    assert parse_scores(good.getvalue()) is not None
    with np.load(io.BytesIO(good.getvalue())) as stored:
        arrays = dict(stored)
    for change in (
        {"rows": np.array([10**12, 1])},
        {"rows": np.array([3, -1])},
        {"scores": np.array([np.nan, 1.0])},
        {"scores": np.array(["1", "2"])},
        {"names": np.array([1, 2])},
        {"labels": np.array([[1], [0]])},
        {"positive": np.array([1j, 2])},
    ):
        np.savez(bad := io.BytesIO(), **{**arrays, **change})
        assert parse_scores(bad.getvalue()) is None, change
    np.savez_compressed(packed := io.BytesIO(), **arrays)
    assert parse_scores(packed.getvalue()) is None


def test_files_of_one_test_part_share_what_is_not_their_scores() -> None:
    drawn = [draw_scores(seed, 0.5) for seed in (0, 1)]
    drawn = [replace(scored, scores=scored.scores.astype(np.float32).astype(np.float64)) for scored in drawn]
    drawn.append(replace(drawn[0], positive=drawn[0].negative, negative=drawn[0].positive))
    files = [io.BytesIO() for _ in drawn]
    for file, scored in zip(files, drawn, strict=True):
        write_scores(file, scored)
    one, two, third = [found for file in files if (found := parse_scores(file.getvalue())) is not None]
    assert all(same(found, scored) for found, scored in zip((one, two, third), drawn, strict=True))
    assert one.positive is two.positive
    assert third.positive is not one.positive
    with pytest.raises(ValueError, match="read-only"):
        one.labels[0] = 1
    one.scores[0] = 0.0  # those are its own


def test_rows_of_a_kind_that_cannot_count_are_damage() -> None:
    write_scores(file := io.BytesIO(), draw_scores(0, 0.5))
    with np.load(io.BytesIO(file.getvalue())) as stored:
        arrays = dict(stored)
    np.savez(file := io.BytesIO(), **{**arrays, "rows": arrays["rows"].astype(np.uint64)})
    assert parse_scores(file.getvalue()) is None
