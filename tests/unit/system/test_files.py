"""What dead processes leave behind, and how it is told from the work of the living."""

import copy
import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.system.files import (
    NotAFileError,
    UnreadableError,
    entries,
    is_abandoned,
    is_there,
    leaving_nothing,
    open_regular,
    read_regular,
    remove_abandoned,
    scratch_name,
)

NO_PROCESS = 2**22 + 1  # above the greatest process id


def left_by(pid: int, stem: str = "k") -> str:
    return f"{scratch_name(stem).rpartition('@')[0]}@{pid}"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to tell the dead from the living")
def test_a_process_that_has_ended_counts_as_dead_though_nobody_has_asked_how_it_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not is_abandoned(Path(left_by(process.pid)))
    process.kill()
    deadline = time.monotonic() + 30
    while not is_abandoned(Path(left_by(process.pid))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.wait() < 0


def test_files_and_folders_of_the_dead_are_removed_and_all_others_stay(tmp_path: Path) -> None:
    (tmp_path / left_by(NO_PROCESS)).mkdir()
    (tmp_path / left_by(NO_PROCESS) / "inside").touch()
    (tmp_path / left_by(NO_PROCESS, ".table4.csv")).touch()
    stay = {left_by(os.getpid()), left_by(os.getpid(), ".table4.csv"), f"k@elsewhere@{NO_PROCESS}", "k", "k@2"}
    for name in stay:
        (tmp_path / name).touch()
    remove_abandoned(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == stay
    remove_abandoned(tmp_path / "not there")


@pytest.mark.parametrize("number", ["99999999999999999999", "²", "٣", "0", "-1", "1e3", "007", ""])
def test_what_is_no_number_of_a_process_belongs_to_nobody(number: str, tmp_path: Path) -> None:
    left = tmp_path / f"{left_by(1).removesuffix('1')}{number}"
    left.touch()
    assert not is_abandoned(left)
    remove_abandoned(tmp_path)
    assert left.exists()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_pipe, make_loop, make_socket, make_device, Path.mkdir])
def test_only_files_are_opened(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "x"
    make(path)
    with pytest.raises(NotAFileError, match="not a regular file") as told:
        open_regular(path)
    assert str(copy.copy(told.value)) == str(told.value)  # as another process gets it


def test_a_file_is_read_and_an_absent_one_is_absent(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    (tmp_path / "link").symlink_to("x")
    assert read_regular(tmp_path / "x") == read_regular(tmp_path / "link") == b"content"
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "y")


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert entries(tmp_path / "absent") == []
    assert not is_there(tmp_path / "absent" / "x")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "stat", refuse)
    for ask in (entries, is_there):
        with pytest.raises(UnreadableError, match=r"cannot be read \(Permission denied\)"):
            ask(tmp_path)


@pytest.mark.parametrize("kept", [True, False])
def test_what_fails_leaves_no_new_folder(kept: bool, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    def fail() -> None:
        with leaving_nothing(folder):
            folder.mkdir(parents=True)
            if kept:
                (folder / "x").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert bool(list(tmp_path.iterdir())) == kept
