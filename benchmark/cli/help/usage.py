"""What is said of a command line that cannot be: what none may hold, and the right form, from the tree of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.system.errors import InputError
from benchmark.system.near_names import did_you_mean, find_alike, nearest

ROUGHLY = 0.5
"""Likeness of words that say the same of a training elsewhere, such as epochs and steps."""
MOST_SHOWN = 2
"""Surplus words that are named: a pattern of the shell may have become thousands."""
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


def explain(error: Any, root: Any) -> str:
    """Say in one line what is wrong with a command, and its right form.

    Parameters
    ----------
    error
        Typer's usage error, which has no public class.
    root
        The whole command.
    """
    context = error.ctx
    if context is None:
        return f"{error.format_message()} (add --help for the commands and options)"
    command, path = context.command, ["wvad", *context.command_path.split()[1:]]
    if hasattr(command, "commands"):
        return _no_command(error, context, root)
    option = getattr(error, "option_name", None)
    what = error.format_message() if option is None else _no_option(option, command)
    if surplus := re.search(r"extra argument\S* \((.*)\)", what, re.DOTALL):
        words = surplus[1].split()
        more = f" and {len(words) - MOST_SHOWN} more" if len(words) > MOST_SHOWN else ""
        what = f"there is no place for {', '.join(words[:MOST_SHOWN])}{more}"
    return f"{what.rstrip('.')}; the form is: {' '.join(path)} {_form(command)} (add --help for all options)"


def _form(command: Any) -> str:
    """Return the arguments and the options that a command needs."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.required]
    words = [_argument(p) for p in arguments] + [f"{p.opts[0]} {p.metavar or p.name.upper()}" for p in options]
    return " ".join(words)


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required or name.startswith("[") else f"[{name}]"


def _no_command(error: Any, context: Any, root: Any) -> str:
    """Say which command was meant: one of that name elsewhere, one that is near, or one that takes a method."""
    group, known = context.command, dict(_paths(root))
    named = re.match(r"No such command '(.*?)'", error.format_message())
    wanted = named[1] if named else getattr(error, "option_name", None)
    if wanted is None:
        return f"{error.format_message()} (add --help for the commands and options)"
    prefix = " ".join(context.command_path.split()[1:])
    same = [path for path in known if path.split()[-1] == wanted]
    if same:
        meant = " or ".join(f"`wvad {path}`" for path in same)
        return f"there is no command {f'{prefix} {wanted}'.strip()}; did you mean {meant}?"
    if not prefix and _is_method(wanted):
        return f"{wanted} is a method, not a command; the form is: wvad train {wanted} DATASET"
    near = nearest(wanted, group.commands)
    meant = f"; did you mean `wvad {f'{prefix} {near}'.strip()}`?" if near else ""
    what = "option" if wanted.startswith("-") else "command"
    return f"there is no {what} {f'{prefix} {wanted}'.strip()}; there are {', '.join(group.commands)}{meant}"


def _no_option(option: str, command: Any) -> str:
    """Say how to write what somebody took for an option: as an argument, another option, or a setting."""
    name = option.lstrip("-").replace("-", "_")
    arguments = [parameter.name for parameter in command.params if parameter.param_type_name == "argument"]
    if name in arguments:
        return f"{name.upper()} is written without {option}"
    options = [text for p in command.params for text in p.opts if p.param_type_name == "option"]
    near = nearest(option, [text for text in options if text.startswith("--")])
    if near is not None and (near[2:].startswith(name) or name.startswith(near[2:])):
        return f"there is no option {option}; did you mean {near}?"
    setting = nearest(name, _training_settings(), ROUGHLY) if "--set" in options else None
    if setting is not None:
        return f"there is no option {option}; did you mean --set training.{setting}=...?"
    return f"there is no option {option}{did_you_mean(option, options)}"


def _paths(command: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over all commands by what is written after ``wvad``."""
    for name, child in getattr(command, "commands", {}).items():
        yield f"{prefix}{name}", child
        yield from _paths(child, f"{prefix}{name} ")


def _training_settings() -> list[str]:
    from benchmark.terms import Training

    return list(Training.model_fields)


def _is_method(name: str) -> bool:
    from benchmark.plugins.registry import MethodPlugin
    from benchmark.system.entry_points import list_plugins

    return find_alike(name, list_plugins(MethodPlugin)) is not None
