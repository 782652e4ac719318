from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.api import AddOn, AddOnConfig, Bags, FeatureSpec, Method, MethodConfig, MethodError, PairBatch
from benchmark.datasets.dataset import Dataset
from benchmark.plugins.add_ons import WithAddOns, assemble
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.training.choices import Choices
from benchmark.training.loop import Trained, build_method, train
from benchmark.training.specification import plan_runs

PLUGINS = Path(__file__).parents[2] / "plugins"
BOTH = find_pipeline(f"{PLUGINS / 'mean_mil.py'}:MeanMIL+{PLUGINS / 'halve.py'}:Halve")
CPU, DIM = torch.device("cpu"), 4
FEATURES = FeatureSpec(DIM, {})


class Witness(Method):
    """Keeps what it is given; its score is the first dimension of the first crop."""

    def __init__(self) -> None:
        super().__init__(MethodConfig(), FEATURES)
        self.seen: PairBatch | None = None

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        self.seen = batch
        return {"loss": (batch.abnormal.features - batch.normal.features).mean()}

    def score(self, features: Tensor) -> Tensor:
        return features[:, 0, :, 0]

    def embed(self, features: Tensor) -> Tensor:
        return features[:, 0]


class Normalise(AddOn):
    """Standardises each dimension over the batch; its running statistics are those of the last batch."""

    def __init__(self) -> None:
        super().__init__(AddOnConfig(), FEATURES)
        self.norm = nn.BatchNorm1d(DIM, momentum=1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.flatten(0, -2)).view_as(x)  # type: ignore[no-any-return]


class Shift(AddOn):
    """Adds one."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 1


class Double(AddOn):
    """Doubles."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


class Shorten(AddOn):
    """Loses a snippet."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., 1:, :]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def draw_batch() -> PairBatch:
    def half(seed: int) -> Bags:
        ids = tuple(f"video-{seed}-{i}" for i in range(3))
        return Bags(seed + draw(3, 2, 5, DIM, seed=seed), draw(3, 5, seed=seed), draw(3, 5, 7, seed=seed), ids)

    return PairBatch(half(0), half(1))


def simple(*kinds: type[AddOn]) -> WithAddOns:
    return WithAddOns(Witness(), [kind(AddOnConfig(), FEATURES) for kind in kinds])


def test_both_halves_pass_the_add_ons_in_one_batch() -> None:
    batch, add_on, witness = draw_batch(), Normalise(), Witness()
    WithAddOns(witness, [add_on]).training_step(batch)
    both = torch.cat([batch.normal.features, batch.abnormal.features]).double()
    rows = both.flatten(0, -2)
    torch.testing.assert_close(add_on.norm.running_mean, rows.mean(0).float())
    torch.testing.assert_close(add_on.norm.running_var, rows.var(0).float())
    expected = ((both - rows.mean(0)) / (rows.var(0, unbiased=False) + add_on.norm.eps).sqrt()).float()
    assert witness.seen is not None
    torch.testing.assert_close(witness.seen.normal.features, expected[:3])
    torch.testing.assert_close(witness.seen.abnormal.features, expected[3:])


def test_pseudo_labels_and_names_reach_the_method_as_they_are() -> None:
    batch, model = draw_batch(), simple(Shift)
    model.training_step(batch)
    seen = model.method.seen
    for given, found in ((batch.normal, seen.normal), (batch.abnormal, seen.abnormal)):
        assert found.motion is given.motion
        assert found.objects is given.objects
        assert found.video_ids == given.video_ids
        assert torch.equal(found.features, given.features + 1)


def test_the_batch_itself_is_left_as_it_was() -> None:
    batch = draw_batch()
    simple(Shift, Double).training_step(batch)
    assert torch.equal(batch.normal.features, draw_batch().normal.features)
    assert torch.equal(batch.abnormal.features, draw_batch().abnormal.features)


def test_loss_terms_are_the_methods_own() -> None:
    batch = draw_batch()
    terms = simple(Double).training_step(batch)
    assert terms["loss"].item() == pytest.approx(2 * Witness().training_step(batch)["loss"].item())
    assert set(terms) == {"loss"}


def test_add_ons_act_in_their_order_on_scores_and_embeddings() -> None:
    x = draw(2, 3, 5, DIM)
    for model, expected in ((simple(Shift, Double), 2 * (x + 1)), (simple(Double, Shift), 2 * x + 1)):
        torch.testing.assert_close(model.score(x), expected[:, 0, :, 0])
        torch.testing.assert_close(model.embed(x), expected[:, 0])


def test_a_method_without_embedding_has_none_behind_an_add_on() -> None:
    model = WithAddOns(Method(MethodConfig(), FEATURES), [Shift(AddOnConfig(), FEATURES)])
    with pytest.raises(TypeError, match="Method defines no embed"):
        model.embed(draw(1, 1, 5, DIM))


@pytest.mark.parametrize("kinds", [(Shorten,), (Shift, Shorten), (Shorten, Shift)])
def test_another_shape_is_an_error_that_names_the_add_on_and_the_shapes(kinds: tuple[type[AddOn], ...]) -> None:
    model = simple(*kinds)
    with pytest.raises(MethodError, match=r"^add-on Shorten turned shape \(2, 3, 5, 4\) into \(2, 3, 4, 4\)$"):
        model.score(draw(2, 3, 5, DIM))
    with pytest.raises(MethodError, match=r"^add-on Shorten turned shape \(6, 2, 5, 4\) into \(6, 2, 4, 4\)$"):
        model.training_step(draw_batch())


def test_a_method_without_add_ons_is_itself() -> None:
    method, _ = find_pipeline("mmil").load()
    assert type(assemble(method, method.Config(), [], FEATURES)) is method


@pytest.fixture
def dataset(tiny_scenes: Path) -> Dataset:
    return Dataset(tiny_scenes / "scenes-ucf-crime")


def build(pipeline: Pipeline, dataset: Dataset, seed: int) -> Method:
    options = Choices(seeds=seed + 1, settings=("motion=none", "objects=none"))
    return build_method(plan_runs(pipeline, dataset, options)[0][seed], pipeline, FeatureSpec(dataset.manifest.dim, {}))


@pytest.mark.parametrize("name", ["mmil", "rtfm", "ctr", "dmil"])
@pytest.mark.parametrize("add_ons", ["ica", "conv+conv-wide"])
@pytest.mark.parametrize("seed", [0, 2])
def test_a_method_starts_with_the_weights_that_it_has_without_add_ons(
    name: str, add_ons: str, seed: int, dataset: Dataset
) -> None:
    alone = build(find_pipeline(name), dataset, seed).state_dict()
    behind = build(find_pipeline(f"{name}+{add_ons}"), dataset, seed).state_dict()
    assert all(torch.equal(value, behind.pop(f"method.{key}")) for key, value in alone.items())
    assert behind
    assert all(key.startswith("add_ons.") for key in behind)


def test_the_seed_decides_the_initial_weights_of_an_add_on(dataset: Dataset) -> None:
    pipeline, name = find_pipeline("mmil+ica"), "add_ons.0.layer.expand.weight"
    first, again, other = (build(pipeline, dataset, seed).state_dict()[name] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def run(dataset: Dataset, *overrides: str, pipeline: Pipeline = BOTH) -> Trained:
    torch.set_num_threads(1)
    options = Choices(seeds=1, settings=("steps=6", "looks=2", "segments=8", *overrides))
    (spec,), used = plan_runs(pipeline, dataset, options)
    assert used == set(options.settings)
    return train(spec, pipeline, dataset, CPU, lambda step, loss: None)


def test_an_add_on_is_trained_with_the_method(dataset: Dataset) -> None:
    trained = run(dataset, "start=0.25", "weight_decay=0")
    weights = trained.weights[6]
    assert set(weights) == {
        "add_ons.0.scale",
        *(f"method.net.{i}.{kind}" for i in (0, 3) for kind in ("weight", "bias")),
    }
    moved = (weights["add_ons.0.scale"] - 0.25).abs()
    assert moved.gt(0).float().mean() > 0.9
    assert moved.max() < 0.1
    assert trained.parameters == 256 * 16 + 16 + 16 + 1 + 256


def test_same_seed_same_bits_with_an_add_on(dataset: Dataset) -> None:
    first, again, other = run(dataset), run(dataset), run(dataset, "start=0.6")
    assert all(torch.equal(value, again.weights[6][name]) for name, value in first.weights[6].items())
    np.testing.assert_array_equal(first.losses["loss"], again.losses["loss"])
    assert not np.array_equal(first.losses["loss"], other.losses["loss"])


def test_an_add_on_that_does_nothing_leaves_the_training_as_it_is(dataset: Dataset) -> None:
    # The first loss: afterwards the add-on has learned something.
    alone, behind = run(dataset, pipeline=Pipeline(BOTH.method)), run(dataset, "start=1")
    assert behind.losses["loss"][0] == alone.losses["loss"][0]


def test_an_add_on_that_breaks_its_contract_fails_the_run_with_the_reason(dataset: Dataset) -> None:
    with pytest.raises(MethodError, match=r"add-on Halve turned shape \(12, 1, 8, 256\) into \(12, 1, 8, 255\)"):
        run(dataset, "halve.py:Halve.spoil=shape")
