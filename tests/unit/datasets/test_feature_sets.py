"""Identities of feature sets: known, stated in a file, or not stated."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.feature_sets import FILE, FeatureSet, presets
from benchmark.datasets.manifest import MANIFEST_VERSION, Manifest, read_manifest
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from benchmark.tables.paper import PAPER_FEATURE_SETS
from benchmark.training.requirements import check_comparable
from tests.unit.importing.small_packs import DIM, specs, write_features, write_pack

STATED = {"id": "mine", "extractor": "Net", "checkpoint": "abc", "dim": DIM, "crops": [1], "normalisation": "none"}


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    write_pack(tmp_path / "pack")
    return tmp_path / "pack"


def _import(pack: Path, name: str = "small", **options: object) -> Manifest:
    request = ImportRequest(name, pack / "features", pack, **options)  # type: ignore[arg-type]
    return import_dataset(request, pack.parent / "data")


def _state(path: Path, **changes: object) -> Path:
    path.write_text(json.dumps(STATED | changes))
    return path


def test_the_papers_feature_sets_are_known() -> None:
    assert set(presets()) >= PAPER_FEATURE_SETS
    assert all(name == preset.id for name, preset in presets().items())


def test_an_identity_is_stated_beside_the_features_or_in_a_file_that_is_named(pack: Path) -> None:
    path = _state(pack.parent / "elsewhere.json")
    assert _import(pack, "a", feature_set=str(path)).identity == FeatureSet.model_validate(STATED)
    path.rename(pack / FILE)
    for name, feature_set in (("b", None), ("c", "mine")):
        manifest = _import(pack, name, feature_set=feature_set)
        assert (manifest.feature_set, manifest.identity) == ("mine", FeatureSet.model_validate(STATED))
        assert any(note.startswith("Feature set mine: Net; abc; every 16 frames") for note in manifest.notes)
    other = _import(pack, "d", feature_set="another")
    assert (other.feature_set, other.identity) == ("another", FeatureSet.model_validate(STATED | {"id": "another"}))
    (pack / FILE).unlink()
    other = _import(pack, "e", feature_set="another-one")
    assert (other.feature_set, other.identity) == ("another-one", None)
    assert any(f"are not stated; a {FILE} beside" in note for note in other.notes)


def test_what_contradicts_a_known_set_is_a_warning_and_what_fits_one_a_hint(pack: Path) -> None:
    notes = _import(pack, "a", feature_set="rtfm-i3d-r50-10crop").notes
    assert any(note.startswith("WARNING: rtfm-i3d-r50-10crop has 2048 dimensions and 10 crops") for note in notes)
    for path in (pack / "features").rglob("*.npy"):
        np.save(path, np.zeros((len(np.load(path)), 1024), np.float16).repeat(10, 0).reshape(-1, 10, 1024))
    assert any("If they are one of rocng-i3d-inception" in note for note in _import(pack, "b").notes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not a JSON file"),
        ('{"id": "mine"}', "identity at extractor"),
        (json.dumps(STATED | {"id": ""}), "identity at id"),
        (json.dumps(STATED | {"layers": 3}), "identity at layers"),
        (json.dumps(STATED | {"stride": 0}), "identity at stride"),
        ("[" * 100_000, "not a JSON file"),
    ],
)
def test_a_file_that_states_no_identity_is_named(pack: Path, text: str, reason: str) -> None:
    (pack / FILE).write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        _import(pack)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"absent\.json: cannot be read"):
        _import(pack, feature_set=str(pack / "absent.json"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"extractor": "Other"}, "extractor is 'Other' and 'Net'"),
        ({"checkpoint": "def"}, "checkpoint"),
        ({"normalisation": "unit length"}, "normalisation"),
    ],
)
def test_two_sets_of_one_id_that_state_different_things_do_not_meet(
    pack: Path, change: dict[str, object], reason: str
) -> None:
    _state(pack / FILE)
    _import(pack, "a")
    _state(pack / FILE, **change)
    with pytest.raises(InputError, match=f"datasets b and a both say feature set mine, but {reason}"):
        _import(pack, "b")
    _state(pack / FILE, crops=[1, 5])  # the number of crops may differ
    _import(pack, "b")
    manifest = json.loads((pack.parent / "data" / "b" / "manifest.json").read_text())
    manifest["identity"] |= change
    (pack.parent / "data" / "b" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=f"datasets b and a both say feature set mine, but {reason}"):
        check_comparable([Dataset(pack.parent / "data" / name) for name in ("a", "b")])


def test_norms_and_content_are_stored_and_norms_of_another_size_are_said(pack: Path) -> None:
    first = _import(pack, "a", feature_set="mine")
    dataset = Dataset(pack.parent / "data" / "a")
    norms = [np.linalg.norm(dataset.features(v)[:, 0].astype(np.float64), axis=1).mean() for v in first.videos]
    assert first.norms == pytest.approx((min(norms), np.median(norms), max(norms)), rel=1e-4)
    assert _import(pack, "b", feature_set="mine").content == first.content
    assert not any("WARNING" in note for note in first.notes)
    for path in (pack / "features").rglob("*.npy"):
        np.save(path, np.load(path).astype(np.float32) / 10)
    third = _import(pack, "c", feature_set="mine")
    assert third.content != first.content
    assert sum("one of the two may be normalised otherwise" in note for note in third.notes) == 2
    assert not any("WARNING" in note for note in _import(pack, "d", feature_set="other").notes)


def test_content_is_that_of_the_features_alone(pack: Path) -> None:
    first = _import(pack, "a")
    (pack / "motion").mkdir()
    for spec in specs("ucf"):
        np.save(pack / "motion" / f"{spec.name}.npy", np.zeros(spec.rows))
    assert _import(pack, "b").content == first.content
    write_features(pack / "features", specs("ucf"), "plain-3d")
    assert _import(pack, "c").content == first.content


def test_a_manifest_of_version_1_is_read_and_written_anew_when_changed(pack: Path) -> None:
    manifest = _import(pack)
    path = pack.parent / "data" / "small" / "manifest.json"
    old = json.loads(path.read_text())
    for name in ("identity", "content", "norms"):
        del old[name]
    path.write_text(json.dumps(old | {"version": 1}))
    read = read_manifest(path.parent)
    assert read == manifest.model_copy(update={"identity": None, "content": "", "norms": None})
    assert read.version == MANIFEST_VERSION
    assert (read.train_hash(), read.test_hash()) == (manifest.train_hash(), manifest.test_hash())
