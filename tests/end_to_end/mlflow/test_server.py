"""A tracking server that is there, away, dead, hanging or back again: no run suffers, and a sync completes it once."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from benchmark.cli import run
from benchmark.runs.store import RunStore
from benchmark.tracking import GuardedTracker, guard
from benchmark.tracking.content import milliseconds
from benchmark.tracking.experiment import PARENT, RUN_KEY
from tests.end_to_end.mlflow.server import HOST, Door, Server
from tests.small_store import make_results

SECRET = "s3cr3t-word"
PLUGIN = Path(__file__).parents[2] / "plugins" / "mean_mil.py"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"), empty_database)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def door(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """The way to the server, with a user and a password in its address; waiting is short."""
    made = Door(server.port)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:{SECRET}@{HOST}:{made.port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setattr(guard, "PAUSE", 0.0)
    yield made
    made.shut()


@pytest.fixture
def plugin(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A method of this test's own, so that its experiment on the server is its own too."""
    name = request.node.name.replace("[", "_").replace("]", "").replace(" ", "_")
    return Path(shutil.copy(PLUGIN, tmp_path / f"{name}.py"))


def train(plugin: Path, data: Path) -> int:
    places = ["--data", str(data), "--results", str(plugin.parent / "results"), "--executor", "serial"]
    return run(["train", f"{plugin}:MeanMIL", "scenes-avenue", *places, "--seeds", "3", "--set", "steps=3"])


@contextmanager
def patience() -> Iterator[None]:
    """Give the server time: where the machine is busy, it is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        yield


def sync(plugin: Path) -> int:
    with patience():
        return run(["mlflow", "sync", "--results", str(plugin.parent / "results")])


def logged(server: Server, experiment: str) -> tuple[list[Run], list[Run]]:
    """Parents and children of an experiment, asked of the server itself."""
    client = MlflowClient(f"http://{HOST}:{server.port}")
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id]) if found is not None else []
    return [r for r in runs if RUN_KEY not in r.data.tags], [r for r in runs if RUN_KEY in r.data.tags]


@patience()
def check_complete(server: Server, experiment: str, store: RunStore) -> None:
    """Each run is there once, under the one parent, with all that belongs to it."""
    client = MlflowClient(f"http://{HOST}:{server.port}")
    (parent,), children = logged(server, experiment)
    assert sorted(child.data.tags[RUN_KEY] for child in children) == store.keys()
    assert {run.info.status for run in (parent, *children)} == {"FINISHED"}
    assert f"{experiment}.md" in {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert parent.data.params["command"]
    for child in children:
        record = store.record(child.data.tags[RUN_KEY])
        assert record is not None
        assert child.data.tags[PARENT] == parent.info.run_id
        assert [item.path for item in client.list_artifacts(child.info.run_id)] == ["class-wise.csv", "record.json"]
        assert child.data.params["training.steps"] == str(record.spec.training.steps)
        assert child.info.end_time == milliseconds(record.finished)
        for evaluation in store.evaluations(record.key):
            name = f"{evaluation.selection}/auc_frame/{evaluation.dataset}"
            points = client.get_metric_history(child.info.run_id, name)
            assert [(p.value, p.step) for p in points] == [(evaluation.metrics["auc_frame"], evaluation.step)]
        steps = [point.step for point in client.get_metric_history(child.info.run_id, "train/loss")]
        assert steps == list(range(1, record.spec.training.steps + 1))


def check_unharmed(plugin: Path) -> RunStore:
    """All runs are there, and the table."""
    store = RunStore(plugin.parent / "results" / "runs")
    assert len(store.keys()) == 3
    assert list((plugin.parent / "results" / "tables").glob("*/*.md"))
    return store


def check_no_secret(*places: Path, texts: Sequence[str] = ()) -> None:
    assert not any(SECRET in text for text in texts)
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def before(monkeypatch: pytest.MonkeyPatch, method: str, call: int, action: Callable[[], None]) -> None:
    """Do something in the thread of the driver, before it tells the tracker for the so-many-th time."""
    tell, count = getattr(GuardedTracker, method), iter(range(1, 100))

    def told(tracker: GuardedTracker, what: object) -> None:
        if next(count) == call:
            action()
        tell(tracker, what)

    monkeypatch.setattr(GuardedTracker, method, told)


def wait_for_a_child(server: Server, plugin: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(MlflowException):  # it took longer than the tracker's requests may
            if any(child.info.status == "FINISHED" for child in logged(server, name_of(plugin))[1]):
                return
        time.sleep(0.05)
    pytest.fail("no run was logged")


def name_of(plugin: Path) -> str:
    return f"train-{plugin.name}-MeanMIL"


def test_a_server_that_is_there_gets_everything(
    server: Server,
    door: Door,
    plugin: Path,
    tiny_scenes: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # it is slow at its first request on a busy machine
    door.open()
    assert train(plugin, tiny_scenes) == 0
    printed = capsys.readouterr()
    assert "MLflow" not in printed.err
    assert "View run" not in printed.out
    check_complete(server, name_of(plugin), check_unharmed(plugin))
    assert b"authorization: basic" in bytes(door.heard).lower()
    check_no_secret(plugin.parent / "results", server.folder, texts=printed)


@pytest.mark.parametrize("when", ["at the start", "in the middle", "at the end"])
@pytest.mark.parametrize("how", ["shut", "jam"])
def test_a_server_that_goes_away_is_completed_by_a_sync(
    server: Server,
    door: Door,
    plugin: Path,
    tiny_scenes: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    when: str,
    how: str,
) -> None:
    go_away = getattr(door, how)

    def after_a_child() -> None:
        wait_for_a_child(server, plugin)
        go_away()

    if when == "at the start":
        go_away()
    else:
        door.open()
        before(monkeypatch, *(("run_finished", 2) if when == "in the middle" else ("table_finished", 1)), after_a_child)
    assert train(plugin, tiny_scenes) == 0
    printed = capsys.readouterr()
    store = check_unharmed(plugin)
    assert printed.err.count("MLflow") == 1
    assert printed.err.count("The runs are safe") == 1
    assert f"MLflow at http://{HOST}:{door.port}: " in printed.err
    door.open()
    for _ in range(2):
        assert sync(plugin) == 0
        check_complete(server, name_of(plugin), store)
    check_no_secret(plugin.parent / "results", server.folder, texts=[*printed, *capsys.readouterr()])


def test_a_server_that_comes_back_gets_what_it_missed(
    server: Server,
    door: Door,
    plugin: Path,
    tiny_scenes: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No sync is needed: the end of the call tries again."""
    warned: list[bool] = []

    def come_back() -> None:
        deadline = time.monotonic() + 30
        while not (told := "The runs are safe" in capsys.readouterr().err):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        warned.append(told)
        door.open()

    before(monkeypatch, "table_finished", 1, come_back)
    assert train(plugin, tiny_scenes) == 0
    assert warned
    assert "MLflow" not in capsys.readouterr().err
    check_complete(server, name_of(plugin), check_unharmed(plugin))


def test_the_end_of_a_call_waits_for_a_bounded_time(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    monkeypatch.setattr(guard, "PATIENCE", 1.0)
    results, warnings = make_results(tmp_path), list[str]()
    (call,) = results.invocations()
    door.jam()
    begin = time.monotonic()
    tracker = GuardedTracker(results, call, warnings.append)
    for key in call.plan.run_keys():
        tracker.run_finished(key)
    assert time.monotonic() - begin < 0.5
    tracker.table_finished([])
    assert time.monotonic() - begin < 3
    (waiting,) = (thread for thread in threading.enumerate() if thread.name == "mlflow")
    door.shut()
    waiting.join(20)
    assert not waiting.is_alive()
    assert warnings == [
        f"MLflow at http://{HOST}:{door.port}: not all is logged after 1 seconds. "
        "The runs are safe; `wvad mlflow sync` logs them later."
    ]


@pytest.mark.parametrize("how", ["shut", "jam"])
def test_a_sync_without_a_server_is_one_line(
    door: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    make_results(tmp_path)
    getattr(door, how)()
    assert run(["mlflow", "sync", "--results", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith(f"wvad: MLflow at http://{HOST}:{door.port}: ")
    assert ("refused" if how == "shut" else "timed out") in line
    assert len(line) < 250
    check_no_secret(tmp_path, texts=printed)


@pytest.mark.parametrize("path", ["", "no\nhost"])
def test_a_token_in_the_address_is_neither_printed_nor_stored(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    make_results(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{HOST}:{door.port}/{path}?token={SECRET}#{SECRET}")
    assert run(["mlflow", "sync", "--results", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    check_no_secret(tmp_path, texts=printed)


def test_two_syncs_at_once_log_nothing_twice(server: Server, door: Door, tmp_path: Path) -> None:
    results = make_results(tmp_path, seeds=6)
    (call,) = results.invocations()
    door.open()
    environment = {**os.environ, "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
    code = "import sys; from benchmark.cli import main; sys.argv[0] = 'wvad'; main()"
    command = [sys.executable, "-c", code, "mlflow", "sync", "--results", str(tmp_path)]
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in both]
    assert ends == [("", 0), ("", 0)]
    (parent,), children = logged(server, call.plan.table)
    assert len(children) == len(call.plan.run_keys()) == 12
    assert {child.data.tags[PARENT] for child in children} == {parent.info.run_id}
    assert {child.info.status for child in children} == {"FINISHED"}


def test_a_server_that_is_killed_and_started_again_is_completed_by_a_sync(
    server: Server,
    door: Door,
    plugin: Path,
    tiny_scenes: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The door stays open: behind it the process itself dies."""

    def kill() -> None:
        wait_for_a_child(server, plugin)
        server.kill()

    door.open()
    before(monkeypatch, "run_finished", 2, kill)
    assert train(plugin, tiny_scenes) == 0
    store = check_unharmed(plugin)
    assert capsys.readouterr().err.count("The runs are safe") == 1
    server.start()
    door.open()
    assert sync(plugin) == 0
    check_complete(server, name_of(plugin), store)
