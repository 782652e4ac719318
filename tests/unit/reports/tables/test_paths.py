"""What is sent to others names no folder of the machine that it comes from."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.tables.paths import shown_command, without_folders


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("wvad train rtfm mine --data data", "wvad train rtfm mine --data data"),
        ("wvad train ./mine.py:Mine mine --results r/x", "wvad train ./mine.py:Mine mine --results r/x"),
        (
            "wvad train /home/me/mine.py:Mine+/srv/x/scale.py:Scale mine",
            "wvad train '…/mine.py:Mine+…/scale.py:Scale' mine",
        ),
        ("wvad train rtfm mine --data='/home/my own/data'", "wvad train rtfm mine '--data=…/data'"),
        ("wvad train rtfm mine --address alice-pc:6379 --seeds 1", "wvad train rtfm mine --address … --seeds 1"),
        ("wvad compare --against /a/b.py:B,/c/d.py:D", "wvad compare --against '…/b.py:B,…/d.py:D'"),
    ],
)
def test_commands(command: str, shown: str) -> None:
    assert shown_command(command) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("RuntimeError: /srv/wvad/runs/ab/weights/3.safetensors: missing", "RuntimeError: …/3.safetensors: missing"),
        ("the AUC/AP of 1/2 and ../x, a / b", "the AUC/AP of 1/2 and ../x, a / b"),
        ("no file '/home/me/x.npy'", "no file '…/x.npy'"),
    ],
)
def test_sentences(text: str, shown: str) -> None:
    assert without_folders(text) == shown


WORD = st.text("abc 'é-_", min_size=1, max_size=6)


@given(st.lists(WORD, min_size=2, max_size=4), st.sampled_from(["", "--data=", "mmil+"]))
def test_no_folder_of_an_absolute_path_is_left(folders: list[str], before: str) -> None:
    path = f"{before}/{'/'.join(folders)}"
    assert shlex.split(shown_command(shlex.join(["wvad", path]))) == ["wvad", f"{before}…/{folders[-1]}"]
