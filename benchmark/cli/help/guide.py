"""How the help of all commands is laid out: panels of commands and of options, and examples.

It dresses the whole tree of commands in one place, so that a command only says what it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

COMMON, WHERE, ADVANCED = PANELS = "Common", "Where", "Advanced"
"""Panels of options in their order: what nearly everybody chooses; which folders and machines; the rest."""

OPTION_PANELS: Mapping[str, str] = {
    **dict.fromkeys(("data", "results", "folder", "device", "executor", "workers", "gpus_per_run", "address"), WHERE),
    **dict.fromkeys(("timeout", "memory", "tracking"), WHERE),
    **dict.fromkeys(("holdout", "looks", "cached", "settings", "join", "folds"), ADVANCED),
    **dict.fromkeys(("sampler", "search", "write", "anonymous", "videos_from", "follow_links", "split_seed"), ADVANCED),
    **dict.fromkeys(("tail", "train_unit", "train_segments", "missing", "lists", "stride", "fps"), ADVANCED),
    **dict.fromkeys(("install_completion", "show_completion"), ADVANCED),
}
"""Name of an option, as the functions of the commands have it -> its panel; `COMMON` if it is not here."""

COMMAND_PANELS: Mapping[str, tuple[str, ...]] = {
    "Train and compare": ("compare", "reproduce", "train", "sweep", "tune"),
    "Look at results": ("report", "figure", "render", "status", "diagnose"),
    "Bring what you have": ("data", "method", "predict", "evaluate", "import-scores"),
    "Know and keep": ("doctor", "methods", "rehearse", "verify-reference", "store", "mlflow"),
}

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "wvad compare --method mmil+ica --against mmil --dataset scenes-avenue",
        "wvad reproduce table4",
        "wvad report",
    ),
    "compare": (
        "wvad compare --method ./mine.py:Mine --against rtfm,clav --dataset ucf-crime --seeds 5",
        "wvad compare --method mmil+ica --against mmil --dataset scenes-avenue --power 1",
        "wvad compare --method ./mine.py:Mine --against mmil --dataset ucf-crime --tuned 20",
    ),
    "reproduce": (
        "wvad reproduce table4",
        "wvad reproduce all --profile paper --seeds 5",
        "wvad reproduce zoo --datasets ucf-crime --methods rtfm,ur-dmu,vadclip",
    ),
    "train": (
        "wvad train rtfm ucf-crime --seeds 3",
        "wvad train ./mine.py:Mine scenes-avenue --set hidden=128",
        "wvad train mmil@official-code+ica ucf-crime --profile paper",
    ),
    "sweep": ("wvad sweep clav distance_margin=0.1,0.3,0.5 --dataset ucf-crime",),
    "tune": ("wvad tune rtfm,mmil --dataset ucf-crime --trials 20",),
    "report": ("wvad report", "wvad report --results elsewhere/results --format pdf"),
    "figure": (
        "wvad figure class-wise ucf-crime --methods MMIL,RTFM",
        "wvad figure scores ucf-crime --videos Assault010_x264",
    ),
    "render": ("wvad render table4 --selection oracle", "wvad render all --details"),
    "status": ("wvad status", "wvad status table4"),
    "diagnose": ("wvad diagnose clav ucf-crime",),
    "predict": (
        "wvad predict rtfm gate.mp4 --extractor-weights i3d_r50_kinetics.pth --video",
        "wvad predict rtfm.zip videos --per-hour 1",
    ),
    "evaluate": (
        "wvad evaluate 3dae20e8 shanghaitech",
        "wvad evaluate --weights rtfm-ucf.pkl --method rtfm ucf-crime",
    ),
    "import-scores": ("wvad import-scores theirs --dataset ucf-crime --scores scores/seed0 --scores scores/seed1",),
    "methods": ("wvad methods", "wvad methods rtfm --benchmark xd-violence"),
    "rehearse": ("wvad rehearse ucf-crime",),
    "verify-reference": ("wvad verify-reference", "wvad verify-reference table4"),
    "data import": (
        "wvad data import ucf-crime --features features/ucf-crime --feature-set rtfm-i3d-r50-10crop",
        "wvad data import my-cameras --features my-cameras --annotations my-cameras/labels.json",
    ),
    "data check": ("wvad data check ucf-crime",),
    "method new": ("wvad method new my_method",),
    "method check": ("wvad method check ./my_method.py:MyMethod",),
    "store export": ("wvad store export runs.zip table4", "wvad store export rtfm.zip --run rtfm"),
}
"""What is written after `wvad` to name a command -> calls of it."""


def dress(command: Any, path: str = "") -> None:
    """Lay out the help of a command and of all that are below it.

    Parameters
    ----------
    path
        What is written after `wvad` to name it.
    """
    command.rich_markup_mode = "markdown"  # square brackets of a text are meant, as in [METHOD.]KEY
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    for option in (*options, command.get_help_option(typer.Context(command))):
        option.rich_help_panel = OPTION_PANELS.get(option.name, COMMON)
    arguments = [parameter for parameter in command.params if parameter not in options]
    command.params = [*arguments, *sorted(options, key=lambda option: PANELS.index(option.rich_help_panel))]
    if path in EXAMPLES:
        command.epilog = "\n\n".join(["Examples:", *(f"- `{example}`" for example in EXAMPLES[path])])
    panels = {name: panel for panel, names in COMMAND_PANELS.items() for name in names}
    below = getattr(command, "commands", {})
    for name, child in below.items():
        child.rich_help_panel = panels.get(name) if not path else None
        dress(child, f"{path} {name}".strip())
    if not path:  # panels stand in the order of their first commands
        order = [name for name in panels if name in below]
        command.commands = {name: below[name] for name in (*order, *(name for name in below if name not in order))}
