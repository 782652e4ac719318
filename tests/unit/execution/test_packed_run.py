from pathlib import Path

import pytest

from benchmark.execution.executors.errands import pack_run, unpack_run
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from tests.small_store import contents, make_results


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(make_results(tmp_path / "here", seeds=1).runs)


def test_a_packed_run_is_the_same_elsewhere(store: RunStore, tmp_path: Path) -> None:
    other = RunStore(tmp_path / "there")
    for key in store.keys():  # noqa: SIM118
        assert unpack_run(other, key, pack_run(store, key)) == (True, 2)
    of_test_parts = "events/"
    assert contents(other.root) == {n: c for n, c in contents(store.root).items() if not n.startswith(of_test_parts)}


def test_a_run_that_is_there_stays_and_gets_the_evaluations_that_it_lacks(store: RunStore, tmp_path: Path) -> None:
    key = store.keys()[0]
    packed, other = pack_run(store, key), RunStore(tmp_path / "there")
    evaluations = {name: content for name, content in packed.items() if name.startswith("evaluations/")}
    assert unpack_run(other, key, {n: c for n, c in packed.items() if n not in evaluations}) == (True, 0)
    (other.folder(key) / "mark").touch()
    assert unpack_run(other, key, packed) == (False, 2)
    assert (other.folder(key) / "mark").exists()
    assert list(other.evaluations(key)) == list(store.evaluations(key))
    assert unpack_run(other, key, packed, replace=True) == (True, 2)
    assert not (other.folder(key) / "mark").exists()


@pytest.mark.parametrize("change", ["record.json", "losses.csv", "checksums.json", "evaluations"])
@pytest.mark.parametrize("how", ["cut", "flipped", "gone"])
def test_a_damaged_run_is_refused_and_leaves_nothing(change: str, how: str, store: RunStore, tmp_path: Path) -> None:
    key = store.keys()[0]
    packed = pack_run(store, key)
    name = next(name for name in packed if name.startswith(change))
    content = packed.pop(name)
    if how == "cut":
        packed[name] = content[:-1]
    elif how == "flipped":
        packed[name] = content[:40] + bytes([content[40] ^ 1]) + content[41:]
    other = RunStore(tmp_path / "there")
    with pytest.raises(InputError, match=f"run {key}: "):
        unpack_run(other, key, packed)
    assert contents(other.root) == {}


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "weights/../../evil", "evaluations/x.json", "extra.txt"])
def test_a_path_that_is_no_file_of_a_run_is_refused(name: str, store: RunStore, tmp_path: Path) -> None:
    key = store.keys()[0]
    other = RunStore(tmp_path / "there" / "runs")
    with pytest.raises(InputError, match="no file of a run"):
        unpack_run(other, key, {**pack_run(store, key), name: b"evil"})
    assert contents(tmp_path / "there") == {}
