"""Optimizers, clipping and learning rates, against loops over plain numbers."""

import math
from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn

from benchmark.api import AddOn, AddOnConfig, FeatureSpec, Method, MethodConfig
from benchmark.plugins.add_ons import WithAddOns
from benchmark.terms import Schedule, Training
from benchmark.training.optimisation import Optimisation, rate_factor

FEATURES = FeatureSpec(1, {})
START, PULL, TARGET = (2.0, -1.0, 0.0), (3.0, 0.5, 1.0), (1.0, 4.0, 2e-8)
"""The last weight has a gradient of 2e-8 at first: there the epsilon of an optimizer counts."""
RATE, DECAY, STEPS = 0.1, 0.02, 3


class Toy(Method):
    """Two groups of weights, of which the second may learn at another rate; the loss is a parabola in each weight."""

    def __init__(self, factors: Mapping[str, float] | None = None) -> None:
        super().__init__(MethodConfig(), FEATURES)
        self.head = nn.Parameter(torch.tensor(START[:1], dtype=torch.float64))
        self.trunk = nn.Parameter(torch.tensor(START[1:], dtype=torch.float64))
        self._factors = factors or {}

    def rate_factors(self) -> Mapping[str, float]:
        return self._factors

    def loss(self) -> Tensor:
        weights = torch.cat([self.head, self.trunk])
        pull, target = (torch.tensor(values, dtype=torch.float64) for values in (PULL, TARGET))
        return (0.5 * pull * weights.square() - target * weights).sum()


def gradient(weights: Sequence[float]) -> list[float]:
    return [pull * w - target for pull, w, target in zip(PULL, weights, TARGET, strict=True)]


def taken(toy: Toy, settings: Training, passes_of: int = 1, model: Method | None = None) -> list[list[float]]:
    """The weights after each step."""
    optimisation = Optimisation(model or toy, settings, passes_of)
    found = []
    for _ in range(settings.steps):
        optimisation.step(toy.loss())
        found.append([*toy.head.tolist(), *toy.trunk.tolist()])
    return found


Rule = Callable[[int, float, float], float]
"""Step, weight, gradient -> the new weight; keeps what it remembers of a weight."""


def adam(decoupled: bool) -> Rule:
    first, second = 0.0, 0.0

    def rule(step: int, w: float, g: float) -> float:
        nonlocal first, second
        if decoupled:
            w -= RATE * DECAY * w
        else:
            g += DECAY * w
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g
        mean, square = first / (1 - 0.9**step), second / (1 - 0.999**step)
        return w - RATE * mean / (math.sqrt(square) + 1e-8)

    return rule


def adagrad() -> Rule:
    total = 0.0

    def rule(step: int, w: float, g: float) -> float:
        nonlocal total
        g += DECAY * w
        total += g * g
        return w - RATE * g / (math.sqrt(total) + 1e-8)

    return rule


def sgd(momentum: float) -> Rule:
    speed = 0.0

    def rule(step: int, w: float, g: float) -> float:
        nonlocal speed
        speed = momentum * speed + g + DECAY * w
        return w - RATE * speed

    return rule


def rmsprop(momentum: float) -> Rule:
    square = speed = 0.0

    def rule(step: int, w: float, g: float) -> float:
        nonlocal square, speed
        g += DECAY * w
        square = 0.99 * square + 0.01 * g * g
        speed = momentum * speed + g / (math.sqrt(square) + 1e-8)
        return w - RATE * speed

    return rule


@pytest.mark.parametrize(
    ("settings", "make"),
    [
        ({"optimizer": "adam"}, lambda: adam(decoupled=False)),
        ({"optimizer": "adamw"}, lambda: adam(decoupled=True)),
        ({"optimizer": "adagrad"}, adagrad),
        ({"optimizer": "sgd"}, lambda: sgd(0.0)),
        ({"optimizer": "sgd", "momentum": 0.9}, lambda: sgd(0.9)),
        ({"optimizer": "rmsprop"}, lambda: rmsprop(0.0)),
        ({"optimizer": "rmsprop", "momentum": 0.6}, lambda: rmsprop(0.6)),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_an_optimizer_equals_a_plain_loop(settings: dict[str, object], make: Callable[[], Rule]) -> None:
    training = Training.model_validate(
        {"learning_rate": RATE, "weight_decay": DECAY, "steps": STEPS, "clip_norm": None, **settings}
    )
    weights, rules = list(START), [make() for _ in START]
    for step, found in enumerate(taken(Toy(), training), start=1):
        slopes = gradient(weights)
        weights = [rule(step, w, g) for rule, w, g in zip(rules, weights, slopes, strict=True)]
        assert found == pytest.approx(weights, rel=1e-10, abs=1e-15)


@pytest.mark.parametrize("limit", [0.5, 5.0, 1e6])
def test_the_gradient_of_all_weights_together_is_cut_to_a_norm(limit: float) -> None:
    slopes = gradient(START)
    norm = math.sqrt(sum(g * g for g in slopes))
    assert 5 < norm < 1e6
    training = Training(optimizer="sgd", learning_rate=RATE, weight_decay=DECAY, steps=1, clip_norm=limit)
    (found,) = taken(Toy(), training)
    share = min(1.0, limit / (norm + 1e-6))
    # Weight decay is added to what was cut.
    expected = [w - RATE * (share * g + DECAY * w) for w, g in zip(START, slopes, strict=True)]
    assert found == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (
            Schedule(shape="milestones", unit="steps", milestones=(2, 5)),
            {0: 1, 1: 1, 2: 0.1, 4: 0.1, 5: 0.01, 99: 0.01},
        ),
        (
            Schedule(shape="milestones", unit="passes", milestones=(1, 2), factor=0.5),
            {0: 1, 9: 1, 10: 0.5, 19: 0.5, 20: 0.25, 99: 0.25},
        ),
        (Schedule(shape="milestones", unit="steps", warm_up=4), {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 99: 1}),
        (
            Schedule(shape="milestones", unit="passes", milestones=(3,), warm_up=2),
            {0: 0.5, 9: 0.5, 10: 1, 29: 1, 30: 0.1},
        ),
        # Half of a cosine: 1 at the start, 1/2 in the middle, (1 + cos(3 pi / 4)) / 2 at three quarters, 0 at the end.
        (
            Schedule(shape="cosine", unit="steps"),
            {0: 1, 25: 0.8535533905932737, 50: 0.5, 75: 0.14644660940672627, 100: 0},
        ),
        (Schedule(shape="cosine", unit="steps", period=20), {0: 1, 10: 0.5, 15: 0.14644660940672627, 20: 0}),
        (
            Schedule(shape="cosine", unit="passes"),
            {0: 1, 9: 1, 10: 0.9755282581475768, 50: 0.5, 59: 0.5, 95: 0.024471741852423234},
        ),
        (
            Schedule(shape="cosine", unit="passes", period=4),
            {0: 1, 10: 0.8535533905932737, 20: 0.5, 39: 0.14644661, 40: 0},
        ),
        (Schedule(shape="cosine", unit="steps", warm_up=50), {0: 0.02, 24: 0.43224216, 49: 0.51570538, 50: 0.5}),
    ],
)
def test_a_schedule_at_chosen_steps_of_a_hundred_in_passes_of_ten(
    schedule: Schedule, expected: dict[int, float]
) -> None:
    found = {step: rate_factor(schedule, step, passes_of=10, steps=100) for step in expected}
    assert found == pytest.approx(expected, abs=1e-7)


def test_a_pass_that_is_not_finished_counts_for_the_end_of_a_cosine() -> None:
    # 25 steps in passes of 10 are three passes, the last of half its length.
    schedule = Schedule(shape="cosine", unit="passes")
    found = [rate_factor(schedule, step, passes_of=10, steps=25) for step in (0, 10, 20, 24)]
    assert found == pytest.approx([1, 0.75, 0.25, 0.25])
    assert rate_factor(schedule, 0, passes_of=100, steps=25) == 1  # not even one


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (Schedule(shape="milestones", unit="steps", milestones=(1, 3), factor=0.5), [1, 0.5, 0.5, 0.25, 0.25, 0.25]),
        (Schedule(shape="milestones", unit="passes", milestones=(1, 2), factor=0.1), [1, 1, 0.1, 0.1, 0.01, 0.01]),
        (Schedule(shape="cosine", unit="steps", warm_up=2), [0.5, 0.9330127, 0.75, 0.5, 0.25, 0.0669873]),
    ],
)
def test_steps_are_taken_at_the_rate_of_the_schedule(schedule: Schedule, factors: list[float]) -> None:
    training = Training(optimizer="sgd", learning_rate=RATE, weight_decay=0, steps=6, schedule=schedule)
    weights = list(START)
    for factor, found in zip(factors, taken(Toy(), training, passes_of=2), strict=True):
        weights = [w - factor * RATE * g for w, g in zip(weights, gradient(weights), strict=True)]
        assert found == pytest.approx(weights, rel=1e-6)


class Unchanged(AddOn):
    """Gives features as they are; its own weight has no part in the loss."""

    def __init__(self) -> None:
        super().__init__(AddOnConfig(), FEATURES)
        self.idle = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize("behind_an_add_on", [False, True])
@pytest.mark.parametrize("schedule", [None, Schedule(shape="milestones", unit="steps", milestones=(1,), factor=0.1)])
def test_some_weights_learn_at_half_the_rate(behind_an_add_on: bool, schedule: Schedule | None) -> None:
    toy = Toy({"trunk": 0.5})
    model = WithAddOns(toy, [Unchanged()]) if behind_an_add_on else toy
    training = Training(optimizer="sgd", learning_rate=RATE, weight_decay=DECAY, steps=3, schedule=schedule)
    weights = list(START)
    for step, found in enumerate(taken(toy, training, model=model)):
        rate = RATE * (0.1 if schedule and step else 1)
        weights = [
            w - factor * rate * (g + DECAY * w)
            for factor, w, g in zip((1, 0.5, 0.5), weights, gradient(weights), strict=True)
        ]
        assert found == pytest.approx(weights, rel=1e-10)


def test_the_first_factor_that_fits_a_name_counts() -> None:
    settings = Training(optimizer="sgd", learning_rate=1, weight_decay=0, steps=1)
    optimizer = Optimisation(Toy({"t": 0.5, "trunk": 3, "": 2}), settings).optimizer
    assert {group["lr"]: len(group["params"]) for group in optimizer.param_groups} == {0.5: 1, 2: 1}


def test_settings_as_they_were_give_the_bits_that_they_gave() -> None:
    toy = Toy().float()
    plain = torch.optim.Adam(toy.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    expected = []
    for _ in range(5):
        plain.zero_grad()
        toy.loss().backward()  # type: ignore[no-untyped-call]
        plain.step()
        expected.append([*toy.head.tolist(), *toy.trunk.tolist()])
    assert taken(Toy().float(), Training(learning_rate=RATE, weight_decay=DECAY, steps=5)) == expected
