"""Every switch of a method or an add-on does something, or is refused in the combination asked for."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from itertools import combinations
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from torch import nn

from benchmark.plugins.contract import Subject
from benchmark.plugins.contract.probes import draw_features, score, train
from benchmark.system.frozen import Settings, first_error
from benchmark.system.process import one_thread
from tests.contract.subjects import subject_of

VIDEOS = 4
LENGTH, LENGTHS = 8, {"bn-svp": 24}
"""Segments of a video; more for a method that parts a video into states, a tenth as many as segments."""
DIM = 16
SNIPPETS = 12
"""Of a scored video: more than the segments of training, and 0.8 of them are no whole number."""
TARGET = "shanghaitech"
"""Benchmark of the scored videos: one for which a paper prints another setting than the default."""
STEPS, MORE_STEPS = 3, {"noise-cleaner": 10}
"""Of a training; more for a method of many stages, so that each has a few."""
EPS = 1e-12
"""Of every norm: that 1e-5 beside a variance is no effect that anybody asked for."""

Change = tuple[str, Any]
Changes = frozenset[Change]
"""What a configuration has in place of its defaults."""
DEFAULT: Changes = frozenset()


@dataclass(frozen=True)
class Part:
    """A method, or the add-on in front of one, whose settings are changed."""

    subject: Subject

    @property
    def config(self) -> Settings:
        return self.subject.add_ons[0][1] if self.subject.add_ons else self.subject.settings()

    def changed(self, changes: Changes) -> Subject:
        config = type(self.config).model_validate({**dict(self.config), **dict(changes)})
        if not self.subject.add_ons:
            return replace(self.subject, config=config)
        return replace(self.subject, add_ons=((self.subject.add_ons[0][0], config),))

    def flips(self) -> Iterator[Change]:
        """Every other value of a choice, and another one of a number."""
        for name, field in type(self.config).model_fields.items():
            for value in other_values(field, getattr(self.config, name)):
                yield name, value

    def surroundings(self) -> list[Change]:
        """What decides whether a switch means something: the choices, and loss weights of 0, which leave parts out."""
        fields = type(self.config).model_fields
        choices = [(name, value) for name, value in self.flips() if is_choice(fields[name])]
        return [*choices, *((name, 0.0) for name in fields if name.endswith("_weight"))]


def is_choice(field: FieldInfo) -> bool:
    return field.annotation is bool or get_origin(field.annotation) is Literal


def other_values(field: FieldInfo, value: Any) -> list[Any]:
    """Other values that a field accepts; none if its kind is not known here."""
    if is_choice(field):
        every = (False, True) if field.annotation is bool else get_args(field.annotation)
        return [other for other in every if other != value]
    union = get_origin(field.annotation) in (Union, UnionType)
    kinds = get_args(field.annotation) if union else (field.annotation,)
    number = next((kind for kind in kinds if kind in (int, float)), None)
    if number is None:
        return []
    near = (1, 0.5, 2) if value is None else (value / 2, value * 2, value + 1)
    accepts = TypeAdapter(Annotated[field.annotation, *field.metadata])
    others = [number(other) for other in near if number(other) != value and is_valid(accepts, number(other))]
    return [*others[:1], *([None] if value is not None and type(None) in kinds else [])]


def is_valid(accepts: TypeAdapter[Any], value: Any) -> bool:
    try:
        accepts.validate_python(value)
    except ValidationError:
        return False
    return True


NAMES = [point.name for point in sorted(entry_points(group="wvad_bench.methods"))]
NAMES += [f"mmil+{point.name}" for point in sorted(entry_points(group="wvad_bench.addons"))]
PARTS = {name: Part(subject_of(name)) for name in NAMES}
ELSEWHERE = {("ssrl", "staged")}
"""Settings that do nothing without patches of the frame, which no features here have: its own tests flip them."""
FLIPS = [(name, *flip) for name, part in PARTS.items() for flip in part.flips() if (name, flip[0]) not in ELSEWHERE]


@pytest.fixture(autouse=True)
def _exactly():
    """In double precision, where rounding is far below any effect; one thread, since others may run beside it."""
    torch.set_default_dtype(torch.float64)
    with one_thread():
        yield
    torch.set_default_dtype(torch.float32)


@cache
def refusal(name: str, changes: Changes) -> str | None:
    """The sentence that refuses a configuration; None if it is accepted."""
    try:
        PARTS[name].changed(changes)
    except ValidationError as error:
        return first_error(error)
    return None


@cache
def numbers_of(name: str, changes: Changes) -> Mapping[str, list[float]]:
    """Loss terms of a few steps, dropout included, and the scores that they lead to."""
    subject = PARTS[name].changed(changes)
    sources = subject.sources()[0]
    method = subject.build(sources, dim=DIM)
    told = getattr(method, "method", method)  # behind add-ons
    told.features = replace(told.features, target=TARGET)
    for module in method.modules():
        if isinstance(module, nn.LayerNorm | nn.BatchNorm1d):
            module.eps = EPS
    shape = {"videos": VIDEOS, "length": LENGTHS.get(name, LENGTH), "crops": subject.method.fewest_crops}
    history = train(method, MORE_STEPS.get(name, STEPS), **shape)
    scores = score(method.eval(), draw_features(2, 1, SNIPPETS, seed=99, dim=DIM))
    curves = {term: [terms[term].item() for terms in history] for term in history[0]}
    return {**curves, "scores": scores.flatten().tolist()}


def differ(one: Mapping[str, list[float]], other: Mapping[str, list[float]]) -> bool:
    """Whether any number does, beyond rounding."""
    if one.keys() != other.keys():
        return True
    pairs = [pair for key in one for pair in zip(one[key], other[key], strict=True)]
    return not all(math.isclose(*pair, rel_tol=1e-6, abs_tol=1e-12) for pair in pairs)


def accepting(name: str, flip: Change, around: Iterable[Changes]) -> list[Changes]:
    """Those of some configurations that exist with and without a flip."""
    others = [changes for changes in around if flip[0] not in dict(changes)]
    return [c for c in others if refusal(name, c) is None and refusal(name, c | {flip}) is None]


def where_it_means_something(name: str, flip: Change) -> list[Changes]:
    """The configurations in which a flip has to do something: numbers may stand unused in all but the nearest ones."""
    around = PARTS[name].surroundings()
    default, alone = [DEFAULT], [frozenset([change]) for change in around]
    is_number = flip not in around
    rings = [default, alone] if is_number else [[*default, *alone]]
    together = [frozenset(pair) for pair in combinations(around, 2) if pair[0][0] != pair[1][0]]
    return next((found for ring in [*rings, together] if (found := accepting(name, flip, ring))), [])


@pytest.mark.parametrize(
    ("name", "switch", "value"), FLIPS, ids=[f"{name} {switch}={value}" for name, switch, value in FLIPS]
)
def test_a_switch_does_something_or_is_refused(name: str, switch: str, value: Any) -> None:
    flip = (switch, value)
    configurations = where_it_means_something(name, flip)
    assert configurations, f"no configuration accepts it: {refusal(name, frozenset([flip]))}"
    silent = [dict(c) for c in configurations if not differ(numbers_of(name, c), numbers_of(name, c | {flip}))]
    assert not silent, f"it changes nothing in these configurations, so refuse it there with a sentence: {silent}"


@pytest.mark.parametrize("name", PARTS)
def test_a_refusal_names_a_setting_that_was_changed(name: str) -> None:
    pairs = [frozenset(pair) for pair in combinations(PARTS[name].surroundings(), 2)]
    refused = {changes: refusal(name, changes) for changes in pairs if len(dict(changes)) == 2}
    vague = [text for changes, text in refused.items() if text and not any(name in text for name in dict(changes))]
    assert not vague


@pytest.mark.parametrize("name", PARTS)
def test_every_setting_can_be_flipped(name: str) -> None:
    flipped = {switch for switch, _ in PARTS[name].flips()}
    assert flipped == set(type(PARTS[name].config).model_fields), "teach other_values this kind of setting"
