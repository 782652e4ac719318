import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import read_recipe, resolve_recipe
from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
from benchmark.runs.run_spec import AddOnSpec, RunSpec
from benchmark.system.entry_points import list_plugins
from benchmark.system.errors import InputError
from benchmark.terms import Training
from benchmark.training.specification import find_pipeline_of

PLUGINS = Path(__file__).parents[2] / "plugins"
MEAN_MIL, HALVE = f"{PLUGINS / 'mean_mil.py'}:MeanMIL", f"{PLUGINS / 'halve.py'}:Halve"
METHODS, ADD_ONS = list_plugins(MethodPlugin), list_plugins(AddOnPlugin)


def parts(pipeline: Pipeline) -> tuple[str, str | None, list[str]]:
    return pipeline.method.name, pipeline.preset, [add_on.name for add_on in pipeline.add_ons]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("mmil", ("mmil", None, [])),
        ("mmil@official-code", ("mmil", "official-code", [])),
        ("mmil+ica", ("mmil", None, ["ica"])),
        ("mmil+conv-wide+ica", ("mmil", None, ["conv-wide", "ica"])),
        ("mmil@official-code+ica+conv", ("mmil", "official-code", ["ica", "conv"])),
        (MEAN_MIL, ("mean_mil.py:MeanMIL", None, [])),
        (f"{MEAN_MIL}@mine_2.0", ("mean_mil.py:MeanMIL", "mine_2.0", [])),
        (f"mmil+{HALVE}", ("mmil", None, ["halve.py:Halve"])),
        (f"{MEAN_MIL}@mine+{HALVE}+ica", ("mean_mil.py:MeanMIL", "mine", ["halve.py:Halve", "ica"])),
    ],
)
def test_every_form_is_understood(reference: str, expected: tuple[str, str | None, list[str]]) -> None:
    assert parts(find_pipeline(reference)) == expected


@pytest.mark.parametrize("folder", ["a+b", "a@b", "a@b+c@d", "a+b/c+d"])
@pytest.mark.parametrize("name", ["mine.py", "m+i@ne.py"])
def test_plus_and_at_signs_in_the_path_of_a_file_are_its_own(folder: str, name: str, tmp_path: Path) -> None:
    path, add_on = tmp_path / folder / name, tmp_path / folder / f"on+{name}"
    path.parent.mkdir(parents=True)
    shutil.copy(PLUGINS / "mean_mil.py", path)
    shutil.copy(PLUGINS / "halve.py", add_on)
    pipeline = find_pipeline(f"{path}:MeanMIL@p+{add_on}:Halve+ica")
    assert parts(pipeline) == (f"{name}:MeanMIL", "p", [f"on+{name}:Halve", "ica"])
    assert pipeline.method.module == str(path)
    assert parts(find_pipeline(f"{path}:MeanMIL")) == (f"{name}:MeanMIL", None, [])


@given(
    st.sampled_from(
        [(name, preset) for name, plugin in METHODS.items() for preset in (None, *read_recipe(plugin).presets)]
    ),
    st.lists(st.sampled_from(list(ADD_ONS)), unique=True),
)
def test_a_pipeline_is_found_by_its_name(method: tuple[str, str | None], add_ons: list[str]) -> None:
    name, preset = method
    pipeline = Pipeline(METHODS[name], tuple(ADD_ONS[add_on] for add_on in add_ons), preset)
    assert find_pipeline(pipeline.name) == pipeline
    assert parts(find_pipeline(pipeline.method_name)) == (name, preset, [])


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nothing+ica", r"^unknown method nothing; known: .*mmil.*, or path/to/file.py:Class$"),
        ("mmil+nothing", r"^unknown add-on nothing; known: conv, conv-wide, ica, or path/to/file.py:Class$"),
        ("mmil+mmil", r"^unknown add-on mmil;"),
        ("ica", r"^ica is an add-on: name the method that it is put in front of, as METHOD\+ica$"),
        ("./a+b/mine.py:Mine+ica", r"^method ./a\+b/mine.py:Mine: there is no file ./a\+b/mine.py$"),
        ("mmil+", r"^unknown add-on ;"),
        ("mmil@", r"^unknown method mmil@;"),
        ("mmil+ica@paper", r"^unknown add-on ica@paper;"),
        ("mmil+ica+conv+ica", r"^mmil\+ica\+conv\+ica: two add-ons are called ica$"),
        (f"mmil+{HALVE}+{PLUGINS}/./halve.py:Halve", r": two add-ons are called halve.py:Halve$"),
        ("mmil+nowhere/mine.py:Mine", r"^add-on nowhere/mine.py:Mine: there is no file nowhere/mine.py$"),
    ],
)
def test_what_is_not_known_is_one_line(reference: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_pipeline(reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mmil@nothing", r"^method mmil has no preset nothing; it has official-code, paired-adam, paper$"),
        ("clav@nothing", r"^method clav has no preset nothing; it has none$"),
        (f"{MEAN_MIL}@nothing", r"^method mean_mil.py:MeanMIL has no preset nothing; it has none$"),
    ],
)
def test_a_preset_that_the_recipe_does_not_have_is_one_line(reference: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_recipe(find_pipeline(reference), "ucf-crime", "paper")


@pytest.mark.parametrize("add_on", ADD_ONS)
def test_an_add_on_that_the_method_contains_is_refused_with_the_setting_to_use(add_on: str) -> None:
    sentence = (
        f"method clav contains the add-on {add_on}: instead of clav+{add_on}, "
        f"write clav with --set clav.activation={add_on}"
    )
    with pytest.raises(InputError) as caught:
        find_pipeline(f"clav+{add_on}").load()
    assert str(caught.value) == sentence
    recipe, used = resolve_recipe(find_pipeline("clav"), "other", "paper", [f"clav.activation={add_on}"])
    assert recipe.values("config")["activation"] == add_on
    assert used == {f"clav.activation={add_on}"}


def test_a_method_is_no_add_on_and_an_add_on_no_method() -> None:
    for reference, base in ((f"mmil+{MEAN_MIL}", "AddOn"), (HALVE, "Method")):
        with pytest.raises(InputError, match=f"is not a subclass of benchmark.api.{base}$"):
            find_pipeline(reference).load()


@pytest.mark.parametrize(
    ("reference", "settings", "title"),
    [
        ("mmil", {}, "MMIL"),
        ("mmil+ica", {}, "MMIL+ICA"),
        ("mmil@official-code+conv-wide+ica", {}, "MMIL (official-code)+wide conv+ICA"),
        (f"{MEAN_MIL}+{HALVE}", {}, "Mean MIL+Halve"),
        ("clav", {}, "CLAV+CoMo"),
        ("clav", {"relation": "rn"}, "CLAV+RN"),
        ("clav", {"relation": "none"}, "CLAV"),
    ],
)
def test_titles(reference: str, settings: dict[str, str], title: str) -> None:
    pipeline = find_pipeline(reference)
    method, _ = pipeline.load()
    assert pipeline.title(method.Config(**settings)) == title


def spec_of(pipeline: Pipeline) -> RunSpec:
    method, add_ons = pipeline.load()
    return RunSpec(
        method=pipeline.method.name,
        version=method.version,
        source=pipeline.method.source_hash(),
        add_ons=tuple(
            AddOnSpec(name=plugin.name, version=add_on.version, source=plugin.source_hash(), config={})
            for plugin, add_on in zip(pipeline.add_ons, add_ons, strict=True)
        ),
        config={},
        training=Training(),
        inputs={},
        profile="quick",
        holdout=0.0,
        train_hash="0",
        seed=0,
        title="One",
        dataset="mine",
        benchmark="other",
        feature_set="mine",
    )


@pytest.mark.parametrize("reference", ["mmil", "mmil+ica", "mmil+conv+ica", "mean_mil.py:MeanMIL+halve.py:Halve"])
def test_the_pipeline_of_a_stored_run_is_found(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PLUGINS)
    pipeline = find_pipeline(reference)
    assert find_pipeline_of(spec_of(pipeline)) == pipeline
    monkeypatch.chdir("/")
    assert find_pipeline_of(spec_of(pipeline), pipeline.reference) == pipeline


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, r"is of another version of mean_mil.py:MeanMIL; train it again$"),
        ({"source": "ab" * 32}, r"is of another version of mean_mil.py:MeanMIL; train it again$"),
        ({"method": "nothing"}, r"^unknown method nothing;"),
        ({"add_ons": {"version": 99}}, r"is of another version of halve.py:Halve; train it again$"),
        ({"add_ons": {"source": "ab" * 32}}, r"is of another version of halve.py:Halve; train it again$"),
        ({"add_ons": {"source": None}}, r"is of another version of halve.py:Halve; train it again$"),
        ({"add_ons": {"name": "nothing"}}, r"^unknown add-on nothing;"),
    ],
)
def test_a_stored_run_of_another_version_is_refused(
    changes: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PLUGINS)
    spec = spec_of(find_pipeline("mean_mil.py:MeanMIL+halve.py:Halve"))
    if isinstance(changes.get("add_ons"), dict):
        changes = {"add_ons": (spec.add_ons[0].model_copy(update=changes["add_ons"]),)}  # type: ignore[call-overload]
    with pytest.raises(InputError, match=message):
        find_pipeline_of(spec.model_copy(update=changes))


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("RTFM", "rtfm"),
        ("Rtfm", "rtfm"),
        ("Binary SVM", "binary-svm"),
        ("CLAV+CoMo", "clav"),
        ("clav+como+ICA", "clav+ica"),
        ("MMIL+ica", "mmil+ica"),
        ("MMIL (official-code)+ICA", "mmil@official-code+ica"),
        ("CTR (reconstructed)", "ctr"),
    ],
)
def test_a_method_is_found_by_its_title_and_in_any_capitals(reference: str, name: str) -> None:
    assert find_pipeline(reference).name == name
