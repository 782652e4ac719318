import shutil
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import Recipe, read_recipe, resolve_recipe
from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
from benchmark.system.entry_points import list_plugins
from benchmark.system.errors import InputError
from benchmark.terms import Benchmark, Source, Training

PLUGIN = Path(__file__).parents[2] / "plugins" / "mean_mil.py"
HALVE = PLUGIN.with_name("halve.py")
RECIPE = """
method: mean_mil
default:
  config: {hidden: {value: 32, source: paper}}
  training: {steps: {value: 5000, source: official-code}, batch_size: {value: 30, source: paper}}
benchmarks:
  avenue: {training: {batch_size: {value: 1, source: paper}}}
presets:
  large:
    description: A larger one.
    config: {hidden: {value: 64, source: official-code, note: As in the code.}}
    training:
      steps: {value: 9000, source: paper}
      batch_size: {value: 24, source: paper}
      learning_rate: {value: 0.5, source: paper}
  small: {description: A smaller one., training: {steps: {value: 50, source: paper}}}
profiles:
  quick: {training: {learning_rate: {value: 0.01, source: estimate}}}
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    shutil.copy(PLUGIN, tmp_path / "mean_mil.py")
    (tmp_path / "mean_mil.yaml").write_text(RECIPE)
    return find_pipeline(f"{tmp_path / 'mean_mil.py'}:MeanMIL")


def resolved(pipeline: Pipeline, benchmark: str = "other", profile: str = "paper", *overrides: str) -> Recipe:
    return resolve_recipe(pipeline, benchmark, profile, overrides)[0]  # type: ignore[arg-type]


def test_a_method_without_recipe_gets_its_defaults_and_the_suites() -> None:
    recipe = resolved(find_pipeline(f"{PLUGIN}:MeanMIL"))
    assert recipe.values("config") == {"hidden": 16, "spoil": ""}
    assert recipe.training().batch_size == 32
    leaves = recipe.sections["training"].values()
    assert {(leaf.source, leaf.note) for leaf in leaves} == {("estimate", "Default.")}


def test_later_blocks_win_and_every_value_keeps_its_source(pipeline: Pipeline) -> None:
    training = resolved(pipeline, "avenue").sections["training"]
    assert (training["steps"].value, training["steps"].source) == (5000, "official-code")
    assert (training["batch_size"].value, training["batch_size"].source) == (1, "paper")
    assert resolved(pipeline, "ucf-crime").training().batch_size == 30
    assert resolved(pipeline).values("config")["hidden"] == 32


def test_quick_limits_size_but_never_enlarges(pipeline: Pipeline) -> None:
    quick, small = resolved(pipeline, "other", "quick").training(), resolved(pipeline, "avenue", "quick").training()
    assert (quick.steps, quick.batch_size, quick.crops, quick.learning_rate) == (200, 12, 1, 0.01)
    assert small.batch_size == 1


def test_settings_win_over_all_and_may_name_method_and_section(pipeline: Pipeline) -> None:
    for text in ("steps=7", "training.steps=7", "mean_mil.py:MeanMIL.steps=7", "mean_mil.py:MeanMIL.training.steps=7"):
        recipe, used = resolve_recipe(pipeline, "other", "quick", [text])
        assert recipe.training().steps == 7
        assert recipe.sections["training"]["steps"].source == "command line"
        assert used == {text}


def test_settings_of_other_methods_are_left_alone(pipeline: Pipeline) -> None:
    recipe, used = resolve_recipe(pipeline, "other", "quick", ["rtfm.steps=7", "alpha=1"])
    assert used == set()
    assert recipe.training().steps == 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps=many", r"recipe of mean_mil.py:MeanMIL: steps: a number is expected"),
        ("steps=0", r"steps: .*greater than or equal to 1"),
        ("hidden=[", r"--set hidden=\[: the value cannot be read"),
        ("steps", r"--set steps: write KEY=VALUE"),
    ],
)
def test_a_wrong_setting_is_one_line(pipeline: Pipeline, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolved(pipeline, "other", "quick", text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("steps:", "stepz:"),
        ("value: 5000", "value: many"),
        ("hidden:", "hiden:"),
        ("source: paper", "source: hearsay"),
        ("source: paper", "source: suite"),
        ("benchmarks:", "benchmark:"),
        ("avenue:", "avenu:"),
        ("method: mean_mil", "method: rtfm"),
        ("default:", "default:\n  inputs: {motoin: {value: none, source: estimate}}"),
        ("presets:", "preset:"),
        ("value: 24", "value: none of it"),
        ("description: A larger one.", "remark: A larger one."),
    ],
)
def test_what_a_recipe_cannot_say_is_refused(pipeline: Pipeline, tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "mean_mil.yaml").write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(InputError, match="recipe"):
        resolved(pipeline)


@pytest.fixture
def large(pipeline: Pipeline) -> Pipeline:
    return replace(pipeline, preset="large")


def test_a_preset_wins_over_default_and_benchmark(large: Pipeline) -> None:
    recipe = resolved(large, "avenue")
    assert recipe.values("config") == {"hidden": 64, "spoil": ""}
    training = recipe.training()
    assert (training.steps, training.batch_size, training.learning_rate) == (9000, 24, 0.5)
    leaf = recipe.sections["config"]["hidden"]
    assert (leaf.source, leaf.note) == ("official-code", "As in the code.")


def test_a_preset_wins_over_the_profile_quick_limits_over_both_and_settings_over_all(
    pipeline: Pipeline, large: Pipeline
) -> None:
    quick = resolved(large, "avenue", "quick").training()
    assert (quick.steps, quick.batch_size, quick.crops, quick.learning_rate) == (200, 12, 1, 0.5)
    assert resolved(pipeline, "avenue", "quick").training().learning_rate == 0.01
    assert resolved(replace(pipeline, preset="small"), "avenue", "quick").training().steps == 50
    recipe = resolved(large, "avenue", "quick", "steps=7", "hidden=5", "learning_rate=0.3")
    assert (recipe.training().steps, recipe.training().learning_rate) == (7, 0.3)
    assert recipe.values("config")["hidden"] == 5


def test_a_recipe_without_the_preset_says_which_it_has(pipeline: Pipeline) -> None:
    with pytest.raises(InputError, match=r"^method mean_mil has no preset nothing; it has large, small$"):
        resolved(replace(pipeline, preset="nothing"))


def test_a_value_that_the_method_refuses_is_laid_to_its_preset(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "mean_mil.yaml").write_text(RECIPE.replace("value: 64", "value: many"))
    assert resolved(pipeline).values("config")["hidden"] == 32
    with pytest.raises(InputError, match=r"^recipe of mean_mil.py:MeanMIL@large: hidden: a number is expected"):
        resolved(replace(pipeline, preset="large"))


def test_an_add_on_has_a_section_of_its_own() -> None:
    recipe = resolved(find_pipeline("mmil+ica+conv-wide"))
    assert list(recipe.sections) == ["config", "training", "inputs", "ica", "conv-wide"]
    assert recipe.values("ica") == recipe.values("conv-wide") == {"kernel": 3}
    assert recipe.sections["ica"]["kernel"].source == "estimate"
    alone = resolved(find_pipeline("mmil")).sections
    assert alone == {name: section for name, section in recipe.sections.items() if name in alone}


def test_an_add_on_may_bring_a_recipe(tmp_path: Path) -> None:
    shutil.copy(HALVE, tmp_path / "halve.py")
    (tmp_path / "halve.yaml").write_text(
        "method: halve\n"
        "default: {config: {start: {value: 0.25, source: paper}}}\n"
        "benchmarks: {avenue: {config: {start: {value: 2.0, source: official-code}}}}\n"
    )
    pipeline, section = find_pipeline(f"mmil+{tmp_path / 'halve.py'}:Halve"), "halve.py:Halve"
    assert resolved(pipeline).values(section) == {"start": 0.25, "spoil": ""}
    assert resolved(pipeline, "avenue").sections[section]["start"].source == "official-code"
    assert resolved(pipeline, "avenue", "paper", "start=3").values(section)["start"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "kernel=1",
        "ica.kernel=1",
        "mmil.kernel=1",
        "mmil.ica.kernel=1",
        "mmil+ica.kernel=1",
        "mmil+ica.ica.kernel=1",
        "mmil@official-code.kernel=1",
        "mmil@official-code+ica.ica.kernel=1",
    ],
)
def test_a_setting_of_an_add_on_may_name_pipeline_and_section(text: str) -> None:
    pipeline = find_pipeline("mmil@official-code+ica" if "@" in text else "mmil+ica")
    recipe, used = resolve_recipe(pipeline, "ucf-crime", "paper", [text])
    assert used == {text}
    assert (recipe.sections["ica"]["kernel"].value, recipe.sections["ica"]["kernel"].source) == (1, "command line")


@pytest.mark.parametrize("whose", ["", "mmil.", "mmil+halve.py:Halve."])
@pytest.mark.parametrize("section", ["", "halve.py:Halve."])
def test_the_section_of_a_file_is_its_name_with_dots_and_colons(whose: str, section: str) -> None:
    text = f"{whose}{section}start=2"
    recipe, used = resolve_recipe(find_pipeline(f"mmil+{HALVE}:Halve"), "other", "paper", [text])
    assert used == {text}
    assert recipe.values("halve.py:Halve") == {"start": 2, "spoil": ""}


def test_a_key_of_two_sections_needs_the_section() -> None:
    for reference, key, places in (
        ("mmil+ica+conv", "kernel=1", "ica.kernel or conv.kernel"),
        ("ctr+conv", "kernel=1", "conv.kernel or config.kernel"),
        (f"{PLUGIN}:MeanMIL+{HALVE}:Halve", "spoil=x", "halve.py:Halve.spoil or config.spoil"),
    ):
        with pytest.raises(InputError) as caught:
            resolved(find_pipeline(reference), "other", "paper", key)
        assert str(caught.value) == f"--set {key}: several settings are called {key.split('=')[0]}; write {places}"
    recipe = resolved(find_pipeline("mmil+ica+conv"), "other", "paper", "conv.kernel=1")
    assert (recipe.values("ica"), recipe.values("conv")) == ({"kernel": 3}, {"kernel": 1})
    for text in ("config.kernel=5", "ctr.kernel=5"):  # the method's name means its own settings
        recipe = resolved(find_pipeline("ctr+conv"), "other", "paper", text)
        assert (recipe.values("config")["kernel"], recipe.values("conv")["kernel"]) == (5, 3)
    recipe = resolved(find_pipeline("ctr+conv"), "other", "paper", "config.kernel=5", "conv.kernel=1")
    assert (recipe.values("config")["kernel"], recipe.values("conv")["kernel"]) == (5, 1)


@pytest.mark.parametrize(
    ("text", "touched"),
    [
        ("steps=7", {"mmil", "mmil+ica", "mmil@official-code", "rtfm"}),
        ("mmil.steps=7", {"mmil", "mmil+ica", "mmil@official-code"}),
        ("mmil+ica.steps=7", {"mmil+ica"}),
        ("mmil@official-code.steps=7", {"mmil@official-code"}),
        ("rtfm.training.steps=7", {"rtfm"}),
        ("mmil+conv.steps=7", set()),
        ("ica.steps=7", set()),
    ],
)
def test_a_setting_touches_the_pipelines_that_it_names(text: str, touched: set[str]) -> None:
    found = set()
    for name in ("mmil", "mmil+ica", "mmil@official-code", "rtfm"):
        recipe, used = resolve_recipe(find_pipeline(name), "ucf-crime", "paper", [text])
        assert (recipe.training().steps == 7) == (used == {text})
        found |= {name} if used else set()
    assert found == touched


@pytest.mark.parametrize(
    ("text", "message"), [("kernel=2", "kernel: .*1 or 3"), ("ica.kernel=wide", "kernel: "), ("ica.kernel=[", "--set")]
)
def test_a_wrong_setting_of_an_add_on_is_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolved(find_pipeline("mmil+ica"), "other", "paper", text)
    assert str(caught.value).startswith(("add-on ica: kernel: ", "--set ica.kernel=[: the value cannot be read"))


OURS = [
    Pipeline(plugin, preset=preset)
    for plugin in list_plugins(MethodPlugin).values()
    if plugin.distribution == "wvad-bench"
    for preset in (None, *read_recipe(plugin).presets)
]


@pytest.mark.parametrize("profile", ["quick", "paper"])
@pytest.mark.parametrize("published", get_args(Benchmark))
@pytest.mark.parametrize("ours", OURS, ids=lambda pipeline: pipeline.name)
def test_every_value_of_our_recipes_has_a_source_and_every_estimate_a_note(
    ours: Pipeline, published: str, profile: str
) -> None:
    method = ours.method.load()
    free = [
        plugin
        for name, plugin in list_plugins(AddOnPlugin).items()
        if method.takes_add_ons and name not in method.built_in_add_ons
    ]
    recipe = resolved(replace(ours, add_ons=tuple(free)), published, profile)
    assert len(recipe.sections) == 3 + len(free)
    assert set(recipe.sections["config"]) == set(ours.method.load().Config.model_fields)
    for section, leaves in recipe.sections.items():
        for key, leaf in leaves.items():
            assert leaf.source in get_args(Source), f"{section}.{key}"
            assert leaf.source != "estimate" or leaf.note.endswith("."), f"{section}.{key}"
            young = section == "training" and key in Training.added_later  # a recipe names those that it changes
            if profile == "paper" and section != "inputs" and not young:
                assert leaf.note != "Default.", f"{section}.{key} is in no recipe"


def test_a_preset_may_differ_by_benchmark() -> None:
    for where, steps in {"ucf-crime": 1250, "shanghaitech": 250, "xd-violence": 3200}.items():
        assert resolved(find_pipeline("rtfm@paper"), where).training().steps == steps


@pytest.mark.parametrize(("preset", "default"), [("rtfm@official-code", "rtfm"), ("mmil@paper", "mmil")])
@pytest.mark.parametrize("where", ["ucf-crime", "xd-violence", "shanghaitech", "avenue"])
def test_a_preset_that_is_the_default_by_name_has_its_values_and_sources(preset: str, default: str, where: str) -> None:
    assert resolved(find_pipeline(preset), where) == resolved(find_pipeline(default), where)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("mmil", ("paired", "adagrad", 0.001, "snippets")),
        ("mmil@official-code", ("all-pairs", "adagrad", 0.01, "segments")),
        ("mmil@paired-adam", ("paired", "adam", 0.0001, "none")),
    ],
)
@pytest.mark.parametrize("where", ["ucf-crime", "xd-violence", "shanghaitech", "avenue"])
def test_mmil_is_trained_as_the_paper_the_code_or_later_ports(
    reference: str, expected: tuple[object, ...], where: str
) -> None:
    recipe = resolved(find_pipeline(reference), where)
    training = recipe.training()
    found = (recipe.values("config")["hinge"], training.optimizer, training.learning_rate, training.unit_features)
    assert found == expected
