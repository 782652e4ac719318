"""What no command line may hold, whichever command it is for: said before a command sees it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmark.system.errors import InputError

_OPTION = re.compile(r"(--[\w-]+)(?:=(.*))?", re.DOTALL)


def check_arguments(arguments: Sequence[str]) -> None:
    """Refuse arguments that are empty or that no file can be named by and no text can hold.

    Raises
    ------
    InputError
        Names the option that the argument belongs to.
    """
    before = ""
    for argument in arguments:
        option = _OPTION.fullmatch(argument)
        before, value = (option[1], option[2]) if option else (before, argument)
        if value is not None:
            _check(value, f"{before}: " if before else "")
            before = ""


def _check(value: str, where: str) -> None:
    if not value:
        raise InputError(f"{where}an empty argument; write what is meant (. is the current folder), or leave it out")
    if "\0" in value:
        raise InputError(f"{where}{value}: a null byte, which no name can hold; correct it")
    try:
        value.encode()
    except UnicodeEncodeError:  # Python reads other bytes as lone surrogates
        raise InputError(f"{where}{value}: not UTF-8; rename the file or folder, or correct the text") from None
