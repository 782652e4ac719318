import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.runs.records import RunRecord, evaluation_key
from benchmark.runs.run_spec import AddOnSpec, RunSpec
from benchmark.terms import Schedule, Training

FROZEN = sorted((Path(__file__).parents[2] / "frozen" / "runs").glob("*/record.json"))
"""Records that were written before there were classes, parts, schedules and other segments than means."""
LATER = {
    "unit_features": "segments",
    "segmenting": "index",
    "momentum": 0.9,
    "clip_norm": 1.0,
    "schedule": Schedule(shape="cosine", unit="passes"),
    "mixture": "natural",
}
"""A value for each training setting that came later than runs were stored."""


def spec(**changes: Any) -> RunSpec:
    values: dict[str, Any] = {
        "method": "mmil",
        "version": 1,
        "config": {"hidden": 512, "margin": 1.0},
        "training": Training(steps=200),
        "inputs": {},
        "profile": "quick",
        "holdout": 0.0,
        "train_hash": "ab" * 32,
        "seed": 0,
        "title": "MMIL",
        "dataset": "ucf-crime",
        "benchmark": "ucf-crime",
        "feature_set": "i3d",
    }
    return RunSpec(**{**values, **changes})


def test_key_is_the_hash_of_the_decisive_fields_spelled_out() -> None:
    # Whoever changes this text gives every stored run a new key.
    decisive = (
        '{"config":{"hidden":512,"margin":1.0},"holdout":0.0,"inputs":{},"method":"mmil","numerics":"float32",'
        '"profile":"quick","seed":0,"source":null,"train_hash":"' + "ab" * 32 + '","training":{"batch_size":32,'
        '"crops":null,"learning_rate":0.001,"looks":10,"optimizer":"adam","segments":32,"steps":200,'
        '"weight_decay":0.0005},"version":1}'
    )
    assert spec().key == hashlib.sha256(decisive.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", LATER)
def test_a_setting_that_was_added_is_stored_only_where_it_is_not_at_its_default(name: str) -> None:
    stored = spec().model_dump(mode="json")
    assert name not in stored["training"]
    assert RunSpec.model_validate(stored) == spec()
    changed = spec(training=Training.model_validate({"steps": 200, name: LATER[name]}))
    assert changed.model_dump(mode="json")["training"].keys() == stored["training"].keys() | {name}
    assert RunSpec.model_validate_json(changed.model_dump_json()) == changed
    assert changed.key != spec().key


def test_every_setting_that_was_added_is_tried() -> None:
    assert LATER.keys() == Training.added_later


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: path.parent.name)
def test_a_stored_run_has_the_key_that_it_had(path: Path) -> None:
    record = RunRecord.model_validate_json(path.read_bytes())
    assert record.spec.key == record.key == path.parent.name
    stored = json.loads(path.read_bytes())["spec"]["training"]
    assert record.spec.model_dump(mode="json")["training"] == {**stored, "numerics": "float32"}
    assert (record.classes, record.class_vector_dim, record.parts) == ((), 0, {})


def test_key_survives_storage_and_order() -> None:
    original = spec(config={"margin": 1.0, "hidden": 512})
    assert RunSpec.model_validate_json(original.model_dump_json()).key == original.key == spec().key


@pytest.mark.parametrize("field", ["title", "dataset", "benchmark", "feature_set"])
def test_names_for_people_are_not_in_the_key(field: str) -> None:
    assert spec(**{field: "another"}).key == spec().key


@pytest.mark.parametrize(
    "change",
    [
        {"method": "rtfm"},
        {"version": 2},
        {"source": "cd" * 32},
        {"add_ons": (AddOnSpec(name="ica", version=1, config={"kernel": 3}),)},
        {"config": {"hidden": 512, "margin": 2.0}},
        {"training": Training(steps=201)},
        {"training": Training(steps=200, crops="one-at-random")},
        {"training": Training(steps=200, optimizer="adamw")},
        {"training": Training(steps=200, unit_features="snippets")},
        {"training": Training(steps=200, unit_features="segments")},
        {"inputs": {"motion": "none"}},
        {"trial": True},
        {"fold": 0},
        {"profile": "paper"},
        {"holdout": 0.2},
        {"train_hash": "cd" * 32},
        {"seed": 1},
    ],
)
def test_whatever_decides_the_numbers_is_in_the_key(change: dict[str, Any]) -> None:
    assert spec(**change).key != spec().key


def test_evaluation_key_depends_on_run_selection_and_test_part() -> None:
    keys = {
        evaluation_key(run, selection, test)
        for run in ("a", "b")
        for selection in ("last", "oracle")
        for test in ("x", "y")
    }
    assert len(keys) == 8


def test_whatever_decides_an_add_ons_numbers_and_their_order_is_in_the_key() -> None:
    ica = AddOnSpec(name="ica", version=1, config={"kernel": 3})
    conv = AddOnSpec(name="conv", version=1, config={"kernel": 3})
    changes = [{"name": "x"}, {"version": 2}, {"source": "ab" * 32}, {"config": {"kernel": 1}}]
    stacks = [(ica,), (ica, conv), (conv, ica), *((ica.model_copy(update=change),) for change in changes)]
    assert len({spec(add_ons=stack).key for stack in stacks}) == len(stacks)


def test_folds_are_told_apart_and_share_a_configuration() -> None:
    folds = [spec(trial=True, holdout=0.5, fold=fold) for fold in (0, 1)]
    assert folds[0].key != folds[1].key
    assert folds[0].configuration == folds[1].configuration
    assert [one.instance for one in folds] == ["fold 1", "fold 2"]
    assert spec(seed=3).instance == "seed 3"
