"""What one training is: all that its key depends on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field, model_validator

from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.system.names import FileName, Name, Title
from benchmark.terms import Profile, Training


class AddOnSpec(FrozenModel):
    """An add-on of a run: its name, its version, for a file plug-in the hash of the file, and its settings."""

    name: Title
    version: int
    source: str | None = None
    config: dict[str, Any]


def titled(title: str, settings: Iterable[str]) -> str:
    """Name a run by its method and the settings that tell its row from others."""
    listed = ", ".join(settings)
    return f"{title} ({listed})" if listed else title


class RunSpec(FrozenModel):
    """What one training is: everything its numbers depend on, and a few names for people.

    Attributes
    ----------
    method, version, source
        The method's name, its version, and for a file plug-in the hash of the file.
    add_ons
        What the features pass on their way to the method, in this order.
    config, training
        The resolved recipe.
    inputs
        The source of each pseudo-label that the method uses, resolved (never ``auto``).
    holdout
        Share of the training videos held out for the selection `validation`.
    fold
        Which of the ``1 / holdout`` equal parts of the training videos is held out; None for one that the seed draws.
    trial
        Whether it is a trial of a search for settings: judged on held-out training videos alone, while the test videos
        are never opened, and without weights that are kept.
    shuffled_labels
        Whether the video labels are dealt out at random among the training videos: a control.
    imported
        Whether the scores were made elsewhere: nothing was trained here, and `source` is their hash.
    train_hash
        Hash of the training part of the dataset.
    title, dataset, benchmark, feature_set
        For people and reports; not part of the key (of the feature set, the `train_hash` knows).
    settings
        What its row of a table sets in place of the recipe's values; for people too.
    """

    method: Title
    version: int
    source: str | None = None
    add_ons: tuple[AddOnSpec, ...] = ()
    config: dict[str, Any]
    training: Training
    inputs: dict[str, str]
    profile: Profile
    holdout: float = Field(ge=0, lt=1)
    fold: int | None = Field(default=None, ge=0)
    trial: bool = False
    shuffled_labels: bool = False
    imported: bool = False
    train_hash: Name
    seed: int = Field(ge=0)
    title: Title
    dataset: FileName
    benchmark: Name
    feature_set: Name
    settings: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _without_numerics(cls, content: Any) -> Any:
        """Read specifications from before numerics were a training setting: they all said float32."""
        return {k: v for k, v in content.items() if k != "numerics"} if isinstance(content, dict) else content

    @property
    def key(self) -> str:
        """The run's key: 16 hex digits of the hash of all that decides its numbers."""
        decisive = self.model_dump(mode="json", exclude={"title", "dataset", "benchmark", "feature_set", "settings"})
        decisive["numerics"] = decisive["training"].pop("numerics")
        for name in ("add_ons", "fold", "trial", "shuffled_labels", "imported"):
            if decisive[name] in (None, []) or decisive[name] is False:
                del decisive[name]  # a run without them is what it was before there were any
        return digest(decisive)

    @property
    def instance(self) -> str:
        """What tells it from the other runs of its configuration."""
        return f"seed {self.seed}" if self.fold is None else f"fold {self.fold + 1}"

    @property
    def name(self) -> str:
        """What to call it in lines about single runs."""
        return titled(self.title, self.settings)

    @property
    def configuration(self) -> str:
        """The key of the run's first seed: runs that differ in nothing but their seed or fold share it."""
        first = {"seed": 0, "fold": None if self.fold is None else 0}
        return self.model_copy(update=first).key

    @property
    def named_settings(self) -> dict[str, Any]:
        """All settings as ``SECTION.KEY``; of scores from elsewhere no training is known.

        One of a method that was added later is missing while it is at its default.
        """
        sections = {
            "config": self.config,
            "training": {} if self.imported else dict(self.training),
            "inputs": self.inputs,
            **{add_on.name: add_on.config for add_on in self.add_ons},
        }
        return {f"{name}.{key}": value for name, section in sections.items() for key, value in section.items()}
