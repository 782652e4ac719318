"""MLflow's database is made once and whole, whoever is killed or comes second; what else lies in its place is told."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.tracking import connect, database
from benchmark.tracking.database import Database

PREPARE = """
import sys
from pathlib import Path
from benchmark.tracking import database

make = database._make

def make_and_tell(path):
    with open(sys.argv[2], "a") as log:
        log.write("made\\n")
    make(path)

database._make = make_and_tell
database.Database(Path(sys.argv[1]), "-").prepare()
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database just made, in a folder whose name means much to an address."""
    folder = tmp_path_factory.mktemp("odd") / "q?a=b#c%41 d&ü"
    Database(folder / "mlflow.db", "-").prepare()
    return folder / "mlflow.db"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "mlflow.db"


def preparing(path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PREPARE, str(path), str(path.with_name("log"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MLFLOW_LOGGING_LEVEL": "CRITICAL"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def change(*statements: str) -> Callable[[Path, Path], None]:
    def changed(path: Path, whole: Path) -> None:
        shutil.copy(whole, path)
        with closing(sqlite3.connect(path)) as opened:
            for statement in statements:
                opened.execute(statement)
            opened.commit()

    return changed


def overwrite(start: int, count: int) -> Callable[[Path, Path], None]:
    def overwritten(path: Path, whole: Path) -> None:
        content = whole.read_bytes()
        path.write_bytes(content[:start] + b"\xaa" * count + content[start + count :])

    return overwritten


def test_no_file_lies_outside_of_a_folder_with_an_odd_name(whole: Path) -> None:
    assert [found.name for found in whole.parent.parent.iterdir()] == [whole.parent.name]
    assert [found.name for found in whole.parent.iterdir()] == ["mlflow.db"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_an_address_leads_back_to_its_file(name: str) -> None:
    path = Path("/data") / f"x{name}" / "mlflow.db"
    assert make_url(Database(path, "-").address()).database == str(path)


def test_a_name_that_no_address_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose another with --results"):
        connect(Results(tmp_path / os.fsdecode(b"\xff")))
    assert not list(tmp_path.iterdir())


def test_killed_at_any_moment_it_is_absent_and_the_next_call_makes_it(path: Path) -> None:
    for size in (1, 500_000):
        process = preparing(path)
        while not any(found.stat().st_size >= size for found in path.parent.glob(f".{path.name}@*/{path.name}")):
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not path.exists()
    Database(path, "-").prepare()
    assert {found.name for found in path.parent.iterdir()} == {"mlflow.db", "log"}


def test_of_several_at_once_one_makes_it_and_all_can_use_it(path: Path) -> None:
    processes = [preparing(path) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 3
    assert path.with_name("log").read_text() == "made\n"
    assert {found.name for found in path.parent.iterdir()} == {"mlflow.db", "log"}


@pytest.mark.parametrize(
    ("put", "told"),
    [
        (lambda path, whole: path.mkdir(), "a folder in the place of"),
        (lambda path, whole: os.mkfifo(path), "no regular file in the place of"),
        (lambda path, whole: path.write_text("notes"), "no SQLite database"),
        (lambda path, whole: path.write_bytes(whole.read_bytes()[:200_000]), "damaged"),
        (overwrite(100, 3_000), "damaged"),
        (overwrite(0, 10), "no SQLite database"),
        (change("DROP TABLE params", "DROP TABLE tags"), r"tables of MLflow are missing in it \(params, tags\)"),
        (change("DROP TABLE alembic_version"), "half-made"),
        (change("DELETE FROM experiments", "UPDATE alembic_version SET version_num = '2b4d017a5e9b'"), "half-made"),
        (
            change("CREATE TABLE _alembic_tmp_runs (x)", "UPDATE alembic_version SET version_num = '2b4d017a5e9b'"),
            "half-made",
        ),
        (change("UPDATE alembic_version SET version_num = '2b4d017a5e9b'"), "made by an older version of MLflow"),
        (change("UPDATE alembic_version SET version_num = 'beyond'"), "made by another version of .*schema is beyond"),
        (
            lambda path, whole: change("CREATE TABLE notes (x)")(path, Path("/dev/null")),
            "the database of another program",
        ),
    ],
)
def test_what_else_lies_there_is_told_and_left_alone(
    path: Path, whole: Path, put: Callable[[Path, Path], None], told: str
) -> None:
    put(path, whole)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError, match=rf"{path}: {told}.*; move it away, and `wvad mlflow sync` writes all"):
        connect(Results(path.parent))
    assert path.exists()
    assert before == (path.read_bytes() if path.is_file() else None)


def test_a_file_that_was_named_by_the_user_is_not_to_be_moved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("notes")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    with pytest.raises(InputError, match=rf"{path}: no SQLite database; name another file in MLFLOW_TRACKING_URI"):
        connect(Results(path.parent))


def test_links_are_followed_and_an_empty_file_is_no_database_yet(path: Path, tmp_path: Path) -> None:
    (tmp_path / "kept.db").touch()
    path.symlink_to("kept.db")
    assert connect(Results(path.parent)).get_experiment_by_name("Default") is not None
    assert path.is_symlink()
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(InputError, match=rf"{path}: MLflow's database cannot be read"):
        connect(Results(path.parent))


@pytest.mark.parametrize("ending", ["-journal", "-wal"])
def test_what_sqlite_kept_beside_another_database_is_not_applied_to_a_new_one(path: Path, ending: str) -> None:
    left = path.with_name(f"mlflow.db{ending}")
    left.write_text("pages of another database")
    with pytest.raises(InputError, match=rf"{left}: .*move it away too"):
        connect(Results(path.parent))
    assert left.exists()
    assert not path.exists()


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
def test_a_locked_database_is_said_to_be_locked(
    path: Path, whole: Path, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCKED", 0.1)
    shutil.copy(whole, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {lock}")
        with pytest.raises(InputError, match=rf"{path}: locked by another program; close that one"):
            connect(Results(path.parent))
    connect(Results(path.parent))


def test_a_process_that_never_ends_making_it_is_waited_for_a_bounded_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MAKING", 0.1)
    with path.with_name(".mlflow.db.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match=f"{path}: another process has been making it"):
            connect(Results(path.parent))
    assert not path.exists()


def test_what_breaks_later_is_told_of_the_file(path: Path, whole: Path) -> None:
    shutil.copy(whole, path)
    opened = Database(path, "move it away")
    with closing(sqlite3.connect(path)) as other, pytest.raises(sqlite3.OperationalError) as caught:
        other.execute("SELECT x FROM experiments")
    assert opened.trouble(caught.value) == f"{path}: not whole; move it away"
    assert opened.trouble(sqlite3.InterfaceError("odd")) == f"{path}: odd"
