"""The options of the commands that train: one for each of a call's choices, given to each of these commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.cli import options
from benchmark.cli.records import takes
from benchmark.training.choices import Choices

OPTIONS: Mapping[str, Any] = {
    "profile": options.Profile,
    "seeds": options.Seeds,
    "data": options.Data,
    "results": options.ResultsFolder,
    "holdout": options.Holdout,
    "looks": options.Looks,
    "device": options.Device,
    "executor": options.ExecutorOption,
    "workers": options.Workers,
    "gpus_per_run": options.GpusPerRun,
    "address": options.Address,
    "timeout": options.Timeout,
    "memory": options.Memory,
    "cached": options.Cached,
    "tracking": options.Tracking,
    "settings": options.Settings,
}
"""A field of `Choices` -> how it is written on the command line."""

takes_choices = takes(Choices, OPTIONS)
"""Gives a command these options after its own; it takes `Choices` as its first argument."""
