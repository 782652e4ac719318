"""What a search draws from: the suite's ranges, the recipe's, or the bounds of the settings."""

import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import QUICK, resolve_recipe
from benchmark.plugins.scaffold import write_method
from benchmark.plugins.search_space import TRAINING, named_settings, resolve_space
from benchmark.system.errors import InputError
from benchmark.terms import Benchmark, Profile, Range

PLUGIN = Path(__file__).parents[2] / "plugins" / "mean_mil.py"
METHODS = ["mmil", "rtfm", "dmil", "ctr", "clav", "binary-svm"]
PRESETS = ["mmil@official-code", "mmil@paired-adam", "mmil@paper", "rtfm@official-code", "rtfm@paper"]
BOUNDED = """
from typing import Literal
from pydantic import Field
from benchmark.api import Method, MethodConfig

class Mine(Method):
    class Config(MethodConfig):
        share: float = Field(0.25, gt=0, le=1)
        drop: float = Field(0.5, ge=0, lt=1)
        rate: float = Field(0.1, ge=0.001, le=0.5)
        layers: int = Field(2, ge=1, lt=5)
        width: int = Field(64, ge=1, le=65_536)
        weight: float = Field(1.0, ge=0)
        half: int = Field(1, ge=1, le=65)
        far: int = Field(1, ge=0, le=65)
        scale: float = Field(1.0, gt=0, le=7)
        endless: float = Field(1.0, ge=0, le=float("inf"))
        stepped: float = Field(0.5, ge=0, le=1, multiple_of=0.25)
        single: int = Field(3, ge=3, le=3)
        maybe: float | None = Field(None, ge=0, le=1)
        kind: Literal["a", "b"] = "a"
        on: bool = True
"""


def with_search(folder: Path, search: str) -> Pipeline:
    shutil.copy(PLUGIN, folder / "mean_mil.py")
    (folder / "mean_mil.yaml").write_text(f"method: mean_mil\nsearch:\n{search}")
    return find_pipeline(f"{folder / 'mean_mil.py'}:MeanMIL")


def bounded(folder: Path, search: str = "") -> Pipeline:
    (folder / "mine.py").write_text(BOUNDED)
    (folder / "mine.yaml").write_text(f"method: mine\nsearch: {search or '{}'}")
    return find_pipeline(f"{folder / 'mine.py'}:Mine")


def ends(range_: Range) -> tuple[Any, Any, bool]:
    return range_.low, range_.high, range_.log


def test_every_training_is_searched_in_the_same_ranges_and_steps_in_quick_alone() -> None:
    pipeline = find_pipeline(f"{PLUGIN}:MeanMIL")
    paper, quick = resolve_space(pipeline, "paper"), resolve_space(pipeline, "quick")
    assert ends(paper["training.learning_rate"]) == (1e-5, 1e-2, True)
    assert ends(paper["training.weight_decay"]) == (1e-6, 1e-2, True)
    assert "training.steps" not in paper
    assert quick["training.steps"].choices == (50, 100, 200)


def test_a_method_without_search_is_searched_between_the_bounds_of_its_settings(tmp_path: Path) -> None:
    space = resolve_space(bounded(tmp_path), "paper")
    config = {name: ends(range_) for name, range_ in space.items() if name.startswith("config.")}
    assert config == {
        "config.share": (0.01, 1.0, True),  # 0 itself is not allowed
        "config.drop": (0.0, 0.99, False),
        "config.rate": (0.001, 0.5, True),
        "config.layers": (1, 4, False),
        "config.half": (1, 65, False),
        "config.scale": (0.07, 7.0, True),  # a hundredth of the width inside, whatever the width
    }
    assert isinstance(space["config.layers"].high, int)
    assert isinstance(space["config.drop"].low, float)
    assert {(space[name].source, space[name].note) for name in config} == {
        ("estimate", "From the bounds of the setting.")
    }


def test_bounds_count_until_the_recipe_names_a_setting_of_the_config(tmp_path: Path) -> None:
    def config(search: str) -> set[str]:
        return {name for name in resolve_space(bounded(tmp_path, search), "paper") if name.startswith("config.")}

    assert "config.share" in config("{segments: {choices: [8, 16], source: paper}, weight_decay: null}")
    assert config("{drop: {low: 0.1, high: 0.5, source: paper}}") == {"config.drop"}
    assert config("{drop: null}") == set()


def test_a_new_method_is_searched_in_its_share_and_dropout(tmp_path: Path) -> None:
    path, _ = write_method("mine", tmp_path)
    space = resolve_space(find_pipeline(f"{path}:Mine"), "paper")
    assert ends(space["config.share"]) == (0.01, 1.0, True)
    assert ends(space["config.dropout"]) == (0.0, 0.8, False)
    assert set(space) == {"training.learning_rate", "training.weight_decay", "config.share", "config.dropout"}


def test_settings_of_add_ons_are_neither_searched_nor_mistaken_for_the_method_s(tmp_path: Path) -> None:
    (tmp_path / "add.py").write_text(
        "from pydantic import Field\nfrom benchmark.api import AddOn, AddOnConfig\n\n"
        "class Add(AddOn):\n    class Config(AddOnConfig):\n        drop: float = Field(0.5, ge=0, le=1)\n"
    )
    bare = bounded(tmp_path, "{drop: {low: 0.1, high: 0.5, source: paper}}")
    behind = find_pipeline(f"{bare.reference}+{tmp_path / 'add.py'}:Add")
    assert resolve_space(behind, "paper") == resolve_space(bare, "paper")


def test_a_recipe_s_search_comes_over_the_suite_s_and_null_takes_a_setting_out(tmp_path: Path) -> None:
    search = (
        "  learning_rate: {low: 0.001, high: 0.1, log: true, source: paper}\n"
        "  weight_decay: null\n"
        "  config.hidden: {choices: [8, 16], source: estimate, note: Around 16.}\n"
    )
    space = resolve_space(with_search(tmp_path, search), "quick")
    assert list(space) == ["training.learning_rate", "training.steps", "config.hidden"]
    assert ends(space["training.learning_rate"]) == (0.001, 0.1, True)
    assert space["config.hidden"].choices == (8, 16)


def test_training_settings_come_first(tmp_path: Path) -> None:
    search = "  hidden: {low: 8, high: 16, source: paper}\n  segments: {choices: [16, 32], source: paper}\n"
    assert list(resolve_space(with_search(tmp_path, search), "paper")) == [
        "training.learning_rate",
        "training.weight_decay",
        "training.segments",
        "config.hidden",
    ]


def test_ends_are_of_the_kind_of_the_setting(tmp_path: Path) -> None:
    search = "{scale: {low: 1, high: 7, source: paper}, layers: {low: 1.0, high: 3.0, source: paper}}"
    space = resolve_space(bounded(tmp_path, search), "paper")
    kinds = {name: (type(range_.low), type(range_.high)) for name, range_ in space.items()}
    assert kinds["config.scale"] == (float, float)  # not seven whole numbers
    assert kinds["config.layers"] == (int, int)


def test_no_recipe_lengthens_a_quick_training(tmp_path: Path) -> None:
    search = "  steps: {choices: [5000, 15000], source: paper}\n  batch_size: {choices: [32, 64], source: paper}\n"
    pipeline = with_search(tmp_path, search)
    paper, quick = resolve_space(pipeline, "paper"), resolve_space(pipeline, "quick")
    assert paper["training.steps"].choices == (5000, 15000)
    assert paper["training.batch_size"].choices == (32, 64)
    assert max(quick["training.steps"].choices) == QUICK["steps"]
    assert "training.batch_size" not in quick
    assert "training.steps" not in resolve_space(with_search(tmp_path, "  steps: null\n"), "quick")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hiddn: null", "mean_mil.yaml: search: hiddn: the method has no such setting; did you mean hidden?"),
        ("training.hidden: null", "search: training.hidden: the method has no such setting; did you mean hidden?"),
        ("zz: null", "search: zz: the method has no such setting; `wvad methods mean_mil.py:MeanMIL` lists them"),
        ("hidden: null\n  config.hidden: null", "search: config.hidden: config.hidden is named twice; leave one"),
        ("hidden: {choices: [8, x], source: paper}", 'search: hidden: "x" cannot be set: hidden: a number is expected'),
        ("hidden: {low: 8, high: 9.5, source: paper}", "search: hidden: 9.5 cannot be set: hidden: .*valid integer"),
        ("spoil: {low: 0, high: 1, source: paper}", "search: spoil: 0 cannot be set: spoil: .*valid string"),
        (
            "segments: {choices: [0, 8], source: paper}",
            "search: segments: 0 cannot be set: .*greater than or equal",
        ),
        ("learning_rate: {low: 0, high: 1, source: paper}", "search: learning_rate: 0 cannot be set: .*greater than 0"),
        ("hidden: {low: 2, high: 1, source: paper}", "not a recipe: .*write low and high, the lower one first"),
        ("hidden: {low: 0, high: 1, log: true, source: paper}", "not a recipe: .*log needs a low above 0"),
        ("hidden: {choices: [1], source: paper}", "not a recipe: .*two or more different values"),
        ("hidden: {choices: [1, 1], source: paper}", "not a recipe: .*two or more different values"),
        ("hidden: {choices: [1, 2], low: 1, source: paper}", "not a recipe: .*choices stand alone"),
        ("hidden: {low: 1, high: .inf, source: paper}", "not a recipe"),
        ("hidden: {low: 1, high: 2}", "not a recipe: .*source"),
    ],
)
def test_a_search_that_is_none_is_refused_by_the_file(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}/.*{message.replace('?', '.')}"):
        resolve_space(with_search(tmp_path, f"  {line}\n"), "quick")


@pytest.mark.parametrize("section", ["config", "training"])
def test_a_setting_that_the_method_and_its_training_have_is_named_with_its_section(
    section: str, tmp_path: Path
) -> None:
    file = bounded(tmp_path, "{steps: null}").reference
    (tmp_path / "mine.py").write_text(BOUNDED + "        steps: int = 3\n")
    with pytest.raises(
        InputError, match=r"mine.yaml: search: steps: several settings .*; write config.steps or training.steps"
    ):
        resolve_space(find_pipeline(file), "paper")
    (tmp_path / "mine.yaml").write_text(
        f"method: mine\nsearch: {{{section}.steps: {{choices: [2, 3], source: paper}}}}"
    )
    assert resolve_space(find_pipeline(file), "paper")[f"{section}.steps"].choices == (2, 3)


def test_a_range_of_what_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine.yaml: search: on: on is no number; write choices"):
        resolve_space(bounded(tmp_path, "{on: {low: 0, high: 1, source: paper}}"), "paper")
    space = resolve_space(bounded(tmp_path, "{on: {choices: [true, false], source: paper}}"), "paper")
    assert space["config.on"].choices == (True, False)


def test_an_end_that_a_setting_may_not_reach_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"mine.yaml: search: drop: 1 cannot be set: drop: Input should be less than 1"
    ):
        resolve_space(bounded(tmp_path, "{drop: {low: 0, high: 1, source: paper}}"), "paper")


def test_settings_are_named_as_after_set(tmp_path: Path) -> None:
    pipeline = find_pipeline("clav")
    named = named_settings(["clav.alpha=0.3", "training.steps", "learning_rate", "hiden=3"], pipeline)
    assert named == {
        "clav.alpha=0.3": "config.alpha",
        "training.steps": "training.steps",
        "learning_rate": "training.learning_rate",
    }


def test_a_range_keeps_the_kind_of_its_numbers() -> None:
    assert Range(choices=(True, 1, 1.5, "a", None), source="estimate").choices == (True, 1, 1.5, "a", None)
    with pytest.raises(ValidationError):
        Range(low=1.0, source="estimate")


@pytest.mark.parametrize("profile", get_args(Profile))
@pytest.mark.parametrize("name", METHODS + PRESETS)
def test_built_in_ranges_hold_the_recipe_s_own_values_and_all_that_is_drawn_is_accepted(
    name: str, profile: Profile
) -> None:
    pipeline = find_pipeline(name)
    space = resolve_space(pipeline, profile)
    assert ("config.penalty" if name == "binary-svm" else "training.learning_rate") in space
    for benchmark in get_args(Benchmark):
        recipe, _ = resolve_recipe(pipeline, benchmark, profile)
        for setting, range_ in space.items():
            section, _, key = setting.partition(".")
            own = recipe.values(section)[key]
            if range_.choices:
                assert own in range_.choices, (benchmark, setting)
                tried: tuple[Any, ...] = range_.choices
            else:
                assert range_.low is not None
                assert range_.high is not None
                at_least = 0 if setting == "training.weight_decay" else range_.low  # none at all is published
                assert at_least <= own <= range_.high, (benchmark, setting)
                tried = (range_.low, range_.high)
            for value in tried:
                resolve_recipe(pipeline, benchmark, profile, [f"{setting}={value}"])


def test_the_suite_s_ranges_are_those_of_every_method() -> None:
    spaces = [resolve_space(find_pipeline(name), "paper") for name in METHODS if name != "binary-svm"]
    for space in spaces:
        assert {key: space[f"training.{key}"] for key in TRAINING} == dict(TRAINING)


@pytest.mark.parametrize("name", METHODS)
def test_every_range_has_a_note(name: str) -> None:
    for range_ in resolve_space(find_pipeline(name), "quick").values():
        assert range_.source != "estimate" or range_.note.endswith(".")
