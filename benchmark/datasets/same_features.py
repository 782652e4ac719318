"""Which datasets share a feature space: what must hold between those that say they do."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.datasets.feature_sets import FeatureSet
from benchmark.datasets.manifest import Manifest
from benchmark.system.errors import InputError

# Norms of one extractor's features differ less between datasets; those of a normalised set differ by far more.
_NORM_RATIO = 3.0


def check_identity(name: str, feature_set: str, identity: FeatureSet | None, others: Sequence[Manifest]) -> None:
    """Refuse a dataset whose features' identity contradicts that of another one under the same id.

    Raises
    ------
    InputError
        If one does; the message names the dataset and what differs.
    """
    for other in others:
        if other.feature_set != feature_set or identity is None or other.identity is None:
            continue
        if found := identity.contradiction(other.identity):
            raise InputError(
                f"datasets {name} and {other.name} both say feature set {feature_set}, but {found}; "
                "give one of them another id with --feature-set"
            )


def with_norm_notes(manifest: Manifest, others: Sequence[Manifest]) -> Manifest:
    """Return the manifest with a warning for norms of zero, and for each dataset of its set whose norms differ."""
    notes = []
    if manifest.norms is not None and manifest.norms[1] == 0:
        notes.append("WARNING: most features are zero throughout; extract them again.")
    for other in others:
        if other.feature_set != manifest.feature_set or manifest.norms is None or other.norms is None:
            continue
        ours, theirs = manifest.norms[1], other.norms[1]
        if max(ours, theirs) > _NORM_RATIO * min(ours, theirs) > 0:
            notes.append(
                f"WARNING: the features have norm {ours:.4g} here and {theirs:.4g} in {other.name}, which says the "
                f"same feature set {manifest.feature_set}: one of the two may be normalised otherwise."
            )
    return manifest.model_copy(update={"notes": (*manifest.notes, *notes)})
