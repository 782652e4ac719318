"""All declared tables in all forms, against golden files: `python -m tests.frozen.make` writes them anew."""

import ast
import json
import re
import unicodedata
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import reports
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.tables.cells import fill_table
from benchmark.tables.declaration import list_paper_tables
from benchmark.tables.paper import footnotes
from benchmark.terms import selection_suffix
from reports.forms.html import to_html
from reports.forms.latex import LATIN, escape, to_latex
from reports.forms.markdown import to_markdown
from reports.forms.terminal import to_terminal
from reports.tables.document import Document, Part
from reports.tables.grid import Grid, GridCell, GridGroup, GridRow
from reports.tables.provenance import to_provenance
from tests.frozen.make_golden import FORMS, GOLDEN, SELECTIONS, render, unpack


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return unpack(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def written(results: Results) -> dict[str, Path]:
    return {path.name: path for path in render(results)}


PAGES = [table + selection_suffix(SELECTIONS.get(table, "last")) for table in list_paper_tables()]
"""Names of the golden files: one of the tables is shown under another selection."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("page", PAGES)
def test_a_declared_table_looks_as_it_did(written: dict[str, Path], page: str, form: str) -> None:
    name = f"{page}.{form}"
    assert written[name].read_text(encoding="utf-8") == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_golden_files_show_every_kind_of_cell() -> None:
    text = "".join((GOLDEN / f"{page}.md").read_text(encoding="utf-8") for page in PAGES)
    for sign in ("—", "†", "(↓", "(n = 2)", "| inside", "| above", "| below", "| no interval", "reported by", "(AP)"):
        assert sign in text


def test_a_table_without_runs_is_rendered_in_all_forms(results: Results, tmp_path: Path) -> None:
    empty = Results(tmp_path)
    for plan in results.plans(None):
        folder = empty.table_folder(plan.folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{plan.table}.plan.json").write_text(plan.model_dump_json())
    for path in render(empty):
        text = path.read_text(encoding="utf-8")
        assert "±" not in re.sub("mean ±", "", text)
        assert {"csv": ",,,0,,,", "tex": r"\textemdash{}"}.get(path.suffix[1:], "—") in text


def test_provenance_names_what_each_cell_is_made_of(results: Results) -> None:
    store = RunStore(results.runs)
    (plan,) = results.plans("table4")
    content = json.loads(to_provenance(fill_table(plan, store, "last"), store))
    assert (content["command"], content["selection"], content["overrides"]) == (plan.command, "last", [])
    assert [d["test_hash"] for d in content["datasets"]] == [f"test part of {d.name}" for d in plan.datasets]
    cell = next(
        c for c in content["cells"] if (c["row"], c["trained_on"], c["tested_on"]) == ("RTFM", "films", "films")
    )
    assert [run["seed"] for run in cell["runs"]] == [0, 1, 2]
    for run in cell["runs"][:2]:
        evaluation = store.evaluation(run["run"], run["evaluation"])
        assert evaluation is not None
        assert run["value"] == evaluation.metrics["ap_frame"]
        assert content["runs"][run["run"]]["seed"] == run["seed"]
    assert cell["runs"][2]["evaluation"] is None
    assert cell["runs"][2]["status"] == "failed"
    assert "loss became nan" in cell["runs"][2]["reason"]
    (environment,) = content["environments"]
    assert environment["torch"] == "2"
    assert environment["runs"] == list(content["runs"])


ODD = ["[x] a*b", "*star", r"\evil{} $x^2$ #1 ~ <b>|\"q\"", "日本 é λ_dist α --x — ± ↓ † …", "+ L_mil & 50%", "a\nb"]


def odd_document() -> Document:
    cell = GridCell("12.3", "± 1.00", "†¹", ("↓3 %",), bold=True)
    rows = tuple(GridRow(name, (cell, GridCell("7.25"))) for name in ODD)
    grid = Grid("", "method_", ("a_b", "x & y"), (GridGroup("(a) gr_oup", rows), GridGroup("[b]", rows)))
    return Document("odd", "wvad x --set 'a\nb'", (Part("odd@+.py", "<odd>", tuple(ODD), grid, tuple(ODD)),))


def test_latex_leaves_no_character_that_it_could_stumble_over() -> None:
    text = to_latex(odd_document())
    lines = text.splitlines()
    head, body = "\n".join(lines[:2]), lines[2:]
    assert "booktabs" in head
    assert r"\label{tab:odd-py}" in body
    assert "U+" not in text.upper()
    assert {character for character in text if not character.isascii()} == set("é日本")
    assert "with a font that has these characters of names: 日本" in head
    for line in body:
        if not line.startswith(("%", r"\begin", r"\multicolumn", r"\caption")):
            assert not re.search(r"(?<!\\)[#%]", line)
            assert not re.match(r"[\[*]", line)
    rows = [line for line in body if line.endswith(r"\\") and not line.startswith(r"\multicolumn")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows[1:]} == {3}
    assert text.count(r"\midrule") == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 50 %", r"a\_b \& 50 \%"),
        ("± ↓ † —", r"$\pm$ $\downarrow$ \dag{} \textemdash{}"),
        ("--holdout", "-{}-holdout"),
        ("λα", r"$\lambda$$\alpha$"),
        ("¹²", r"\textsuperscript{1}\textsuperscript{2}"),
        ("日", "日"),
        ("‡", r"\ddag{}"),
        ("Čšő", r"\v{C}\v{s}\H{o}"),
        ("e\u0301", "é"),
        ("ΩŁ", r"$\Omega$\L{}"),
    ],
)
def test_latex_escapes(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_every_sign_that_we_write_has_a_command_of_latex() -> None:
    """All literals of the code that makes tables, so that a new sign cannot be forgotten."""
    root = Path(reports.__file__).parents[1]
    rooms = (
        "reports",
        "methods",
        "results/paper",
        *(f"benchmark/{room}" for room in ("tables", "metrics", "training")),
    )
    files = [path for room in rooms for path in (root / room).rglob("*.*")]
    texts = [
        node.value
        for file in files
        if file.suffix == ".py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    texts += [file.read_text(encoding="utf-8") for file in files if file.suffix == ".csv"]
    signs = {sign for sign in "".join(texts) if not sign.isascii() and not unicodedata.combining(sign)}
    assert {"‡", "†", "−", "→", "—"} <= signs
    assert {sign for sign in signs if not escape(sign).isascii()} <= LATIN


@pytest.mark.parametrize("table", sorted(GOLDEN.glob("*.tex")), ids=lambda path: path.stem)
def test_no_table_prints_a_code_point(table: Path) -> None:
    text = table.read_text(encoding="utf-8")
    assert "u+" not in text.lower()
    assert text.isascii()


def test_bold_is_bold_on_a_terminal_and_plain_in_a_log() -> None:
    part = odd_document().parts[0]
    shown = {}
    for terminal in (True, False):
        console = Console(file=StringIO(), force_terminal=terminal, color_system="truecolor" if terminal else None)
        console.print(to_terminal(part))
        shown[terminal] = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[1m12.3" in shown[True]
    assert "\x1b" not in shown[False]
    assert "**" not in shown[True] + shown[False]


class Tags(HTMLParser):
    """Checks that tags are closed in order, and keeps what was in the cells."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scopes: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "b", "x")
        if tag == "th":
            self.scopes.append(dict(attrs).get("scope"))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("page", ["odd", *PAGES])
def test_html_is_well_formed_and_stands_alone(page: str) -> None:
    text = to_html(odd_document()) if page == "odd" else (GOLDEN / f"{page}.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert not tags.open
    assert set(tags.scopes) <= {"col", "row", "rowgroup"}
    assert "http" not in text
    assert "@media print" in text


def test_markdown_keeps_its_columns_whatever_a_row_is_called() -> None:
    lines = [line for line in to_markdown(odd_document()).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 2 * (1 + len(ODD))
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}


def test_footnotes_concern_what_they_name() -> None:
    assert len(footnotes("table2", "a1", "ucf-crime")) == 2
    assert len(footnotes("table2", "b4", "ucf-crime")) == 1
    assert footnotes("table4", "Ours", "xd-violence → ucf-crime") == []
    (note,) = footnotes("table4", "Ours", "xd-violence → shanghaitech")
    assert "Below chance" in note
