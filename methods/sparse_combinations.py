"""Sparse combinations of basis vectors that rebuild what is normal (after Lu, Shi and Jia, ICCV 2013), on features."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import Bags, FeatureSpec, MethodConfig, PairBatch
from benchmark.api.fitted import FittedMethod
from methods.parts.layers import unit_vectors
from methods.parts.long_videos import rows_at_once
from methods.parts.padded import own_rows

SEED = 0
"""Of what a fit draws: it depends on the videos alone."""
TOLERANCE = 1e-12
"""Of a variance beside the largest one: below it a direction is rounding, and left out."""


class SparseCombinations(FittedMethod):
    """How much of a snippet no learned combination of basis vectors rebuilds; learned from normal videos alone.

    What is learned is the paper's; what it is learned on is not: the paper has cubes of a video's gradients at places
    of the image, and here are features of whole snippets. `training_step` has one term, the mean error of the normal
    segments by the weights as they are. No fit depends on it.
    """

    title = "Sparse combinations"
    supervision = "normal-only"

    class Config(MethodConfig):
        """Settings of the sparse combinations."""

        components: int = Field(100, ge=1, le=65_536, description="principal components that features are reduced to")
        centred: bool = Field(
            False,
            description="whether the components are those of centred features; projected are features as they are",
        )
        size: int = Field(20, ge=1, le=65_536, description="basis vectors of a combination")
        max_combinations: int = Field(64, ge=1, le=4_096, description="combinations that are learned at most")
        upper_bound: float = Field(
            0.1, gt=0, le=1, description="squared error up to which a combination covers a segment, the paper's lambda"
        )
        columns: int = Field(20_000, ge=1, le=10_000_000, description="segments that are drawn to learn from at most")
        start_rounds: int = Field(
            10,
            ge=0,
            le=1_000,
            description="rounds of k-means to where a combination starts; 0: segments drawn at random",
        )
        rounds: int = Field(
            10, ge=1, le=1_000, description="how often a combination is fitted to what it covers, at most"
        )
        outside: bool = Field(True, description="whether what the components leave out is a part of the score")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        shape = config.max_combinations, config.components, config.size
        self.projection = nn.Parameter(nn.init.orthogonal_(torch.empty(config.components, features.dim)))
        self.bases = nn.Parameter(padded(torch.linalg.qr(torch.randn(shape)).Q, shape))

    def collect(self, bags: Bags) -> Tensor:
        """Return segments of unit length: (videos, crops, T, dim) -> (videos, T, dim)."""
        return unit_vectors(bags.features.mean(1))

    def fit(self, kept: Tensor, labels: Tensor) -> Mapping[str, Tensor]:
        """Return principal components and combinations of all segments of normal videos.

        Parameters
        ----------
        kept
            Segments of unit length, those of zeros are left out: (videos, T, dim).
        labels
            All 0.
        """
        generator = torch.Generator().manual_seed(SEED)
        columns = kept.flatten(0, 1).double()
        columns = columns[columns.any(-1)]
        if len(columns) > self.config.columns:
            columns = columns[torch.randperm(len(columns), generator=generator)[: self.config.columns]]
        around = columns - columns.mean(0) if self.config.centred else columns
        projection = directions(around, self.config.components)
        found = learn_combinations(columns @ projection, self.config, generator)
        bases = [padded(basis, self.bases.shape[1:]) for basis in found]
        return {
            "projection": padded(projection.T, self.projection.shape),
            "bases": padded(torch.stack(bases) if bases else torch.zeros(0, 0, 0), self.bases.shape),
        }

    def errors(self, units: Tensor) -> Tensor:
        """Return the squared error of the combination that rebuilds a vector best: (…, dim) -> (…).

        Source: the paper's test, ||(S (S^T S)^-1 S^T - I) y||^2 with y = P x, and S^T S = I here. With `outside` what P
        leaves out of x adds to it: together ||x - P^T S S^T P x||^2. A zero vector has no error.
        """
        inside = F.linear(units, self.projection)
        found = torch.einsum("...p,kps->...ks", inside, self.bases)
        with torch.no_grad():
            # Where there are fewer combinations, the others are zeros: they rebuild nothing, and no error is larger.
            best = gains(found, self.bases).argmax(-1)
        chosen = F.one_hot(best, len(self.bases))[..., None] * found
        rebuilt = torch.einsum("...ks,kps->...p", chosen, self.bases)
        rest = units - F.linear(rebuilt, self.projection.T) if self.config.outside else inside - rebuilt
        return rest.to(units.dtype).square().sum(-1)

    def score(self, features: Tensor) -> Tensor:
        """Score snippets by their errors: (videos, crops, snippets, dim) -> (videos, snippets), of the crops' mean."""
        rows = max(1, rows_at_once(self.bases[:, 0].numel()) // len(features))
        scores = [self.errors(unit_vectors(part.mean(1))) for part in torch.split(features, rows, dim=2)]
        return torch.cat(scores, dim=1).clamp(0, 1)

    def embed(self, features: Tensor) -> Tensor:
        """Return the principal components: (videos, crops, snippets, dim) -> (videos, snippets, components)."""
        return F.linear(unit_vectors(features.mean(1)), self.projection)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Keep the normal videos of the batch that are new, and return the mean error of its normal segments."""
        self.keep(batch)
        units, lengths = self.collect(batch.normal), batch.normal.lengths
        if lengths is not None:
            units = units[own_rows(lengths.to(units.device), units.shape[1])]
        return {"loss": self.errors(units).mean()}


def gains(found: Tensor, bases: Tensor) -> Tensor:
    """Return by how much each combination lowers a vector's squared error, ||y||^2 - ||y - S c||^2 with c = S^T y.

    Between fits an optimiser moves the bases, so that S^T S is not quite the identity.

    Parameters
    ----------
    found
        c of each combination, shape (…, K, s).
    bases
        S of each combination, shape (K, p, s).

    Returns
    -------
    Tensor
        Shape (…, K).
    """
    rebuilt = torch.einsum("...ks,kst->...kt", found, bases.mT @ bases)
    return (found * (2 * found - rebuilt)).sum(-1)


def directions(rows: Tensor, most: int) -> Tensor:
    """Return the leading right singular vectors of rows, (n, p) -> (p, at most `most`), those of no length left out."""
    variances, vectors = torch.linalg.eigh(rows.T @ rows)
    variances, vectors = variances.flip(0)[:most], vectors.flip(1)[:, :most]
    leading: Tensor = vectors[:, variances > TOLERANCE * variances[0]]
    return leading


def learn_combinations(columns: Tensor, config: SparseCombinations.Config, generator: torch.Generator) -> list[Tensor]:
    """Learn combinations, each on the columns that none before it covers, (n, p) -> each (p, at most `size`).

    Source: the paper's Algorithm 1 as its public code has it, and in place of its steps down a gradient the best
    subspace of the columns that are covered. A column that nothing can cover would keep the code busy for ever; here
    there are `max_combinations` tries. Those that cover most come first.
    """
    found: list[tuple[int, Tensor]] = []
    rest = columns
    for _ in range(config.max_combinations):
        if len(rest) < config.size:
            break
        basis = directions(start_centres(rest, config.size, config.start_rounds, generator), config.size)
        covered = covers(basis, rest, config.upper_bound)
        for _ in range(config.rounds):
            if not covered.any():
                break
            basis, before = directions(rest[covered], config.size), covered
            covered = covers(basis, rest, config.upper_bound)
            if torch.equal(covered, before):
                break
        if covered.any():
            found.append((int(covered.sum()), basis))
            rest = rest[~covered]
    return [basis for _, basis in sorted(found, key=lambda pair: -pair[0])]


def covers(basis: Tensor, rows: Tensor, upper_bound: float) -> Tensor:
    """Return which rows an orthonormal basis rebuilds up to a squared error, (p, s), (n, p) -> (n)."""
    return rows.square().sum(-1) - (rows @ basis).square().sum(-1) <= upper_bound


def start_centres(rows: Tensor, count: int, rounds: int, generator: torch.Generator) -> Tensor:
    """Return centres of k-means that starts from rows drawn at random, (n, p) -> (count, p)."""
    centres = rows[torch.randperm(len(rows), generator=generator)[:count]]
    for _ in range(rounds):
        nearest = (centres.square().sum(-1) - 2 * rows @ centres.T).argmin(-1)
        members = nearest.bincount(minlength=count)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, rows)
        centres = torch.where(members > 0, sums / members.clamp_min(1), centres)
    return centres


def padded(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Fill a tensor up with zeros behind its entries."""
    out = x.new_zeros(shape)
    out[tuple(slice(size) for size in x.shape)] = x
    return out
