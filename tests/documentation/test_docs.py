"""What the documentation says exists: files, commands, options, make targets, settings, and the example method."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import typer

from benchmark.api import Method
from benchmark.cli import run, whole_command
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.scenes import SCENES
from benchmark.datasets.scenes.build import FEATURE_SET
from benchmark.extraction.recipe import PARTS
from benchmark.extraction.recipes import RECIPES
from benchmark.plugins.about import About
from benchmark.plugins.contract import examine, find_subject
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import read_about, resolve_recipe
from benchmark.plugins.registry import MethodPlugin
from benchmark.plugins.scaffold import render
from benchmark.plugins.search_space import resolve_space
from benchmark.system.entry_points import list_plugins
from benchmark.tables.paper import PAPER_FEATURE_SETS
from benchmark.terms import ResizeFilter, Schedule, SegmentRule, Training
from tests.documentation import extractor_tables, method_index

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
METHODS = ROOT / "docs" / "methods"
GUIDE = ROOT / "docs" / "writing-a-method.md"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def shell_commands(program: str) -> Iterator[tuple[Path, str]]:
    """Commands of a program in the shell blocks of all pages, without settings of the environment before them."""
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words.pop(0)
                if words and words[0] == program:
                    yield page, shlex.join(words[1:])


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that the words begin with, and the words that are left."""
    command, words = whole_command(), list(words)
    while isinstance(command, typer.core.TyperGroup):
        assert words, "no command is named"
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command = command.commands[words.pop(0)]
    return command, words


@every_page
def test_relative_links_lead_to_files(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        path = target.split("#")[0]
        if path and "://" not in path:
            assert (page.parent / path).is_file(), target


@pytest.mark.parametrize(("page", "text"), [pytest.param(*found, id=found[1]) for found in shell_commands("wvad")])
def test_commands_in_shell_blocks_can_be_parsed(page: Path, text: str) -> None:
    command, words = find_command(shlex.split(text))
    # Raises on an unknown option, a wrong value, or a missing argument.
    assert command.make_context("wvad", words).command is command


@every_page
def test_commands_in_sentences_exist(page: Path) -> None:
    for text in re.findall(r"`wvad\s+([a-z][^`]*)`", prose(page)):
        command, words = find_command(text.split())
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, text


@every_page
def test_options_in_sentences_exist(page: Path) -> None:
    group = whole_command()
    leaves, known = [group], set()
    while leaves:
        command = leaves.pop()
        leaves += getattr(command, "commands", {}).values()
        known |= {name for parameter in command.params for name in parameter.opts}
    other_programs = {"--strict", "--check"}
    options = set(re.findall(r"`[^`]*?(--[a-z][a-z-]+)", prose(page)))
    assert options <= known | other_programs


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = re.findall(r"`make (?:[A-Z]+=\S+ )?([a-z][a-z0-9-]*)", text)
    named += [word for _, words in shell_commands("make") for word in shlex.split(words) if "=" not in word]
    assert {"reproduce-table4", "test", "lint", "install", "mlflow-ui"} <= set(named)
    assert set(named) <= targets


@pytest.mark.parametrize("name", list_plugins(MethodPlugin))
def test_every_setting_of_a_method_is_documented(name: str) -> None:
    page = (METHODS / f"{name}.md").read_text(encoding="utf-8")
    for field in list_plugins(MethodPlugin)[name].load().Config.model_fields:
        assert re.search(rf"\b{field}\b", page), field


@pytest.mark.parametrize("name", [plugin.name for plugin in method_index.built_in()])
def test_every_method_has_a_page_of_the_same_five_parts(name: str) -> None:
    page = METHODS / f"{name}.md"
    assert re.findall(r"^## (.+)$", prose(page), re.MULTILINE) == [
        "What it is",
        "Equations",
        "Paper, code, ours",
        "Estimates",
        "Tests and fidelity",
    ]


def test_the_index_of_methods_is_made_of_the_recipes() -> None:
    page = method_index.PAGE.read_text(encoding="utf-8")
    assert page == method_index.with_index(page), "run: python -m tests.documentation.method_index"


def test_the_tables_of_extractors_are_made_of_the_code() -> None:
    page = extractor_tables.PAGE.read_text(encoding="utf-8")
    assert page == extractor_tables.with_tables(page), "run: python -m tests.documentation.extractor_tables"


@pytest.mark.parametrize("name", RECIPES)
def test_every_extractor_has_a_section_with_its_command_and_the_licence_of_its_weights(name: str) -> None:
    page = extractor_tables.PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    assert f"--extractor {name} --weights" in section
    assert f"<!-- recipe of {name} -->" in section
    assert re.search(r"CC\s+BY-NC|Apache-2\.0|\bMIT\b", section)


def test_every_part_of_a_recipe_that_can_be_changed_is_documented() -> None:
    page = (ROOT / "docs" / "extractors.md").read_text(encoding="utf-8")
    changing = page[page.index("## Changing a part") : page.index("## Weights")]
    for part in PARTS:
        assert f"`{part}`" in changing, part
    for word in get_args(ResizeFilter):
        assert f"`{word}`" in changing, word


def test_ids_are_those_of_the_code() -> None:
    scenes = (ROOT / "docs" / "scenes.md").read_text(encoding="utf-8")
    assert FEATURE_SET in scenes
    assert all(name in scenes for name in SCENES)
    data = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert all(name in data for name in PAPER_FEATURE_SETS)


@pytest.fixture
def example(tmp_path: Path) -> Pipeline:
    """The guide's method, recipe and add-on, as a reader would save them."""
    (method, add_on), (recipe, search, head) = blocks(GUIDE, "python"), blocks(GUIDE, "yaml")
    (tmp_path / "mine.py").write_text(method, encoding="utf-8")
    (tmp_path / "scale.py").write_text(add_on, encoding="utf-8")
    rest = "".join(block.removeprefix("method: mine\n") for block in (recipe, search))
    (tmp_path / "mine.yaml").write_text(head + rest, encoding="utf-8")
    return find_pipeline(f"{tmp_path / 'mine.py'}:Mine")


def test_the_example_method_is_the_one_that_the_command_writes() -> None:
    assert blocks(GUIDE, "python")[0] == render("my_method.py", "mine")


def test_the_example_method_keeps_the_contract(example: Pipeline) -> None:
    findings = list(examine(find_subject(example.reference)))
    assert [finding for finding in findings if finding.verdict != "ok"] == []


def test_the_example_recipe_is_taken(example: Pipeline) -> None:
    quick, _ = resolve_recipe(example, "avenue", "quick")
    assert (quick.training().steps, quick.training().segments) == (100, 16)
    paper, _ = resolve_recipe(example, "ucf-crime", "paper")
    assert (paper.training().steps, paper.training().segments) == (2000, 32)


def test_the_example_search_is_taken(example: Pipeline) -> None:
    space = resolve_space(example, "paper")
    assert list(space) == ["training.learning_rate", "training.segments", "config.share", "config.hidden"]
    assert (space["config.share"].low, space["config.share"].high) == (0.05, 0.5)


def test_the_example_head_is_taken_and_every_key_of_a_head_documented(example: Pipeline) -> None:
    about = read_about(example.method)
    assert about is not None
    assert (about.faithfulness, [figure.value for figure in about.published]) == (
        "exact given flow features",
        [80.12, 70.34],
    )
    assert all(f"`{key}`" in GUIDE.read_text(encoding="utf-8") for key in About.model_fields)


@pytest.mark.parametrize(
    "reference", ["{folder}/mine.py:Mine", "{folder}/mine.py:Mine+ica", "mmil+{folder}/scale.py:Scale"]
)
def test_the_examples_are_trained_by_the_documented_commands(
    reference: str, example: Pipeline, tiny_scenes: Path, tmp_path: Path
) -> None:
    options = ["--seeds", "1", "--set", "steps=3", "--tracking", "none", "--executor", "serial"]
    folders = ["--data", str(tiny_scenes), "--results", str(tmp_path / "results")]
    assert run(["train", reference.format(folder=tmp_path), "scenes-avenue", *options, *folders]) == 0


def test_the_examples_for_notebooks_run(tiny_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WVAD_DATA", str(tiny_scenes))
    (example,) = blocks(ROOT / "docs" / "comparing.md", "python")
    exec(compile(example, "comparing.md", "exec"), {"__name__": "example"})
    assert (tmp_path / "results" / "runs").is_dir()


def test_the_example_of_parts_makes_features_that_are_imported_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = [{"name": f"v{i}", "split": ("train", "test")[i // 2], "label": 0} for i in range(4)]
    for folder, shape in (("visual", (2, 5)), ("text", (4,))):
        (tmp_path / folder).mkdir()
        for place, video in enumerate(videos):
            np.save(tmp_path / folder / f"{video['name']}.npy", np.full((3 + place, *shape), place, np.float32))
    monkeypatch.chdir(tmp_path)
    (example,) = blocks(ROOT / "docs" / "data.md", "python")
    exec(compile(example, "data.md", "exec"), {"__name__": "example"})
    (tmp_path / "joined" / "labels.json").write_text(json.dumps({"videos": videos}))
    assert run(["data", "import", "mine", "--features", "joined", "--data", "data"]) == 0
    dataset = Dataset(tmp_path / "data" / "mine")
    assert dataset.manifest.parts == {"visual": 5, "text": 4}
    assert dataset.manifest.feature_set == "i3d-and-captions"
    assert dataset.features(dataset.manifest.split("test")[1]).tolist() == np.full((6, 2, 9), 3).tolist()


def test_every_training_setting_and_rule_is_documented() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    words = [*Training.model_fields, *Schedule.model_fields, *get_args(SegmentRule)]
    words += get_args(Training.model_fields["optimizer"].annotation)
    assert [word for word in words if f"`{word}`" not in page] == []


def test_every_member_of_a_method_is_documented() -> None:
    members = [name for name, member in vars(Method).items() if not name.startswith("_") and name != "device"]
    page = GUIDE.read_text(encoding="utf-8")
    assert [name for name in members if not re.search(rf"`{name}\b", page)] == []
