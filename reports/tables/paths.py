"""Commands and reasons as others may read them: without folders and hosts of whoever made them."""

from __future__ import annotations

import re
import shlex

_HOST = re.compile(r"(--address(?:=|\s+))(?:'[^']*'|\S+)")
_FOLDERS = re.compile(r"(^|[\s'\"=,+@(])/(?:[^/\s'\"=,+]+/)*(?=[^/\s'\"])")
_FOLDERS_OF_WORD = re.compile(r"(^|[=,+@])/(?:[^/=,+]+/)*(?=[^/])")


def without_folders(text: str) -> str:
    """Cut the absolute paths of a text to their last part, ``/home/me/mine.py:Mine`` to ``…/mine.py:Mine``."""
    return _FOLDERS.sub(r"\1…/", text)


def shown_command(command: str) -> str:
    """Return a command without the folders of absolute paths and a cluster's address; its words may hold spaces."""
    command = _HOST.sub(r"\1…", command)
    try:
        words = shlex.split(command)
    except ValueError:
        return without_folders(command)
    cut = [_FOLDERS_OF_WORD.sub(r"\1…/", word) for word in words]
    return command if cut == words else shlex.join(cut)
