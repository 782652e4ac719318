"""MLflow's SQLite file: made once and whole, and looked at before MLflow opens it.

MLflow makes a database by dozens of migrations that no transaction holds together, and does the same to whatever it
finds. So it is given a hidden folder for that, under a lock, and later a file only if that is its own and whole.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmark.system.errors import InputError
from benchmark.system.files import is_abandoned, scratch_name
from benchmark.system.libraries import installed_version

MAKING = 120.0
"""Seconds that are waited for another process that makes the database."""
LOCKED = 10.0
"""Seconds that are waited for another program that has the database locked."""
SIDE_FILES = ("-journal", "-wal", "-shm")
"""What SQLite keeps beside a database that is in use: it would be applied to a new one of the same name."""
HEADER = b"SQLite format 3\0"
STAMP = "alembic_version"
"""The table that names the last migration."""
RIGHT = "give yourself the right to read and write it and its folder"
FOR_NOW = {
    sqlite3.SQLITE_BUSY: "locked by another program; close that one, then run `wvad mlflow sync`",
    sqlite3.SQLITE_READONLY: f"cannot be written; {RIGHT}",
    sqlite3.SQLITE_CANTOPEN: f"cannot be opened; {RIGHT}",
    sqlite3.SQLITE_FULL: "no space is left for it; make some, then run `wvad mlflow sync`",
}
FOR_GOOD = {
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "no SQLite database",
    sqlite3.SQLITE_ERROR: "not whole",
}
"""Errors after which the database stays as useless as it is."""


@dataclass(frozen=True)
class Database:
    """A SQLite file that MLflow uses.

    Attributes
    ----------
    path
        The file, with links followed: a new one has to be renamed within its file system.
    remedy
        What to do if something else is in its place.
    """

    path: Path
    remedy: str

    def address(self) -> str:
        """Return how the file is named to MLflow.

        Raises
        ------
        InputError
            If the installed SQLAlchemy has no way to write such a name.
        """
        return _address(self.path)

    def prepare(self) -> None:
        """Make the database unless it is there, and look whether it is one that the installed MLflow can use.

        Whatever else lies there is left alone.

        Raises
        ------
        InputError
            If it cannot be used: with the reason, and what to do.
        """
        if not self._size():
            with _alone(self.path):
                if not self._size():
                    _make(self.path)
        if not all(os.access(place, os.R_OK | os.W_OK) for place in (self.path, self.path.parent)):
            raise InputError(f"{self.path}: cannot be read and written; {RIGHT}")
        try:
            complaint = _complaint(self.path)
        except sqlite3.Error as error:
            raise InputError(self.trouble(error)) from None
        if complaint:
            raise InputError(f"{self.path}: {complaint}; {self.remedy}")

    def trouble(self, error: sqlite3.Error) -> str:
        """Return a sentence on what an error of SQLite means here, and what to do."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # errors of Python's own module have none
        if code in FOR_GOOD:
            return f"{self.path}: {FOR_GOOD[code]}; {self.remedy}"
        return f"{self.path}: {FOR_NOW.get(code, error)}"

    def _size(self) -> int:
        """Return the size of the file, 0 if the database is still to be made."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise InputError(f"{self.path}: MLflow's database cannot be read ({error.strerror})") from None
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise InputError(f"{self.path}: {kind} in the place of MLflow's database; {self.remedy}")
        return status.st_size


def _address(path: Path) -> str:
    from sqlalchemy.engine import URL, make_url

    # With its driver named, MLflow takes no part of the address for a folder that it has to make.
    try:
        uri = URL.create("sqlite+pysqlite", database=str(path)).render_as_string()
        if make_url(uri).database == str(path):
            return uri
    except UnicodeError:
        pass
    raise InputError(f"{path}: MLflow's database cannot lie in a folder of that name; choose another with --results")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from making the database; the lock ends with the process, however it ends."""
    lock = path.with_name(f".{path.name}.lock")
    until = time.monotonic() + MAKING
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("a")
    except OSError as error:
        raise InputError(f"{path}: MLflow's database cannot be made ({error.strerror})") from None
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise InputError(
                        f"{path}: another process has been making it for {MAKING:.0f} seconds; "
                        "wait for that to end, then run `wvad mlflow sync`"
                    ) from None
                time.sleep(0.05)
        yield
        lock.unlink(missing_ok=True)  # whoever waits for it looks first whether the database is there by now


def _make(path: Path) -> None:
    """Have MLflow make a database in a hidden folder, and rename it into place."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for left in path.parent.glob(f".{path.name}@*"):
        if is_abandoned(left):
            shutil.rmtree(left, ignore_errors=True)
    for side in (path.with_name(path.name + ending) for ending in SIDE_FILES):
        if side.exists():
            raise InputError(f"{side}: left by a database that is no longer there; move it away too")
    folder = path.with_name(f".{scratch_name(path.name)}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        made = folder / path.name
        artifacts = (path.parent / "mlflow-artifacts").as_uri()
        SqlAlchemyStore(_address(made), artifacts).engine.dispose()  # type: ignore[no-untyped-call]
        made.rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _complaint(path: Path) -> str | None:
    """Return why the installed MLflow cannot use a database, None if it can."""
    from alembic.script import ScriptDirectory
    from mlflow import store
    from mlflow.store.db.base_sql_model import Base
    from mlflow.store.tracking import sqlalchemy_store  # noqa: F401  (it tells Base of all tables)

    with path.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            return FOR_GOOD[sqlite3.SQLITE_NOTADB]
    where = f"{path.as_uri()}?mode=rw"
    with closing(sqlite3.connect(where, uri=True, timeout=LOCKED, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")  # says at once if it is locked or read-only; nothing is written
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        stamp = database.execute(f"SELECT version_num FROM {STAMP}").fetchone() if STAMP in tables else None
        used = "experiments" in tables and database.execute("SELECT 1 FROM experiments").fetchone() is not None
    steps = ScriptDirectory(str(Path(store.__path__[0]) / "db_migrations"))
    schema, needed = stamp[0] if stamp else None, steps.get_current_head()
    if schema == needed:
        missing = sorted(set(Base.metadata.tables) - tables)
        return f"tables of MLflow are missing in it ({', '.join(missing)})" if missing else None
    if schema is None and "experiments" not in tables:
        return "the database of another program"
    if schema is None or not used or any(name.startswith("_alembic_tmp") for name in tables):
        return "half-made, by a process that ended before it was done"
    age = "an older" if schema in {step.revision for step in steps.walk_revisions()} else "another"
    version = installed_version("mlflow")
    return f"made by {age} version of MLflow (its schema is {schema}, that of MLflow {version} is {needed})"
