"""What a library of encoders has to give, and how it is asked: whatever it raises becomes a line."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from benchmark.extraction.recipe import Recipe
from benchmark.system.errors import NOT_THEIRS, InputError, describe
from benchmark.system.libraries import load_extra

if TYPE_CHECKING:
    from torch import nn


class Library(ABC):
    """A library that has networks by name; nothing is imported before one is asked for."""

    module: ClassVar[str]
    distribution: ClassVar[str]

    def load(self) -> Any:
        """Import it.

        Raises
        ------
        InputError
            If it is not installed.
        """
        extra = "this needs the extra `encoders`: pip install 'wvad-bench[encoders]'"
        try:
            return load_extra(self.module, f"{self.distribution} is missing: {extra}")
        except (InputError, *NOT_THEIRS):
            raise
        except BaseException as error:  # torchvision for another build of PyTorch
            raise InputError(f"{self.distribution} cannot be imported ({describe(error)}); install it anew") from None

    @property
    def version(self) -> str:
        """Name and version."""
        return f"{self.distribution} {version(self.distribution)}"

    @abstractmethod
    def recipe(self, name: str, folder: Path | None) -> Recipe:
        """Return what one of its networks sees, as the library evaluates it; whatever it raises, there is none.

        Parameters
        ----------
        folder
            Where a network and its weights lie, for a library that keeps them so.
        """

    @abstractmethod
    def build(self, name: str, folder: Path | None, *, pretrained: bool) -> nn.Module:
        """Return the whole network, as its weights have it; with the library's own weights if `pretrained`."""

    @abstractmethod
    def encoder(self, network: nn.Module, name: str) -> nn.Module:
        """Return what gives the features of a network, (N, dim)."""


@contextmanager
def named(reference: str) -> Iterator[None]:
    """Turn whatever a library raises into one line that names the extractor; what it logs meanwhile is not shown."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    except (InputError, *NOT_THEIRS):
        raise
    except BaseException as error:
        raise InputError(
            f"{reference}: its library cannot give it ({describe(error)[:300]}); give its weights with --weights"
        ) from None
    finally:
        logging.disable(before)


def folder_of(weights: Path | None) -> Path | None:
    """Return the weights where they are a folder."""
    return weights if weights is not None and weights.is_dir() else None
