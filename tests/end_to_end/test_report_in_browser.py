"""The report in a real browser: it opens, stays by itself, sorts, prints, and works without scripts."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.cli import run
from tests.small_store import make_results

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Without a sandbox because continuous integration runs as root; the rest keeps the browser from calling home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH; apt-get install chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make install")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    make_results(results)
    assert run(["report", "--results", str(results), "--tracking", "none", "--format", "png"]) == 0
    return results / "reports" / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def messages() -> list[str]:
    """What the browser complains about, and every address that it asks for besides the file's own."""
    return []


@pytest.fixture
def page(browser: "playwright.Browser", report: Path, messages: list[str]) -> Iterator["playwright.Page"]:
    opened = browser.new_page()
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("request", lambda asked: messages.append(asked.url) if not asked.url.startswith("data:") else None)
    opened.goto(report.as_uri())
    yield opened
    opened.close()


def column(page: "playwright.Page", table: str, place: int) -> list[str]:
    return [cell.inner_text().strip() for cell in page.query_selector_all(f"{table} tbody tr > :nth-child({place})")]


def test_it_opens_without_a_complaint_and_asks_for_nothing_else(
    page: "playwright.Page", report: Path, messages: list[str]
) -> None:
    for section in page.query_selector_all("section"):
        section.scroll_into_view_if_needed()
    page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 100)")
    assert page.evaluate("document.images.length") > 5
    assert messages == [report.as_uri()]


def test_tables_sort_by_number_both_ways(page: "playwright.Page") -> None:
    table = "#cameras-quick-table1-table1 table"
    assert column(page, table, 1) == ["RTFM", "CLAV+CoMo"]
    button = page.locator(f"{table} thead th:nth-child(2) button")
    values = [float(text.split()[0]) for text in column(page, table, 2)]
    button.click()
    assert [float(text.split()[0]) for text in column(page, table, 2)] == sorted(values)
    assert page.locator(f"{table} th[aria-sort=ascending]").count() == 1
    button.click()
    assert [float(text.split()[0]) for text in column(page, table, 2)] == sorted(values, reverse=True)
    page.locator(f"{table} thead th:nth-child(1) button").click()
    assert column(page, table, 1) == ["CLAV+CoMo", "RTFM"]
    assert page.locator("[aria-sort]").count() == 1


def test_groups_keep_their_titles_when_sorted(page: "playwright.Page") -> None:
    """A heading that spans rows stays in front, titles of groups on top, empty cells at the end."""
    script = page.evaluate(
        """() => {
        const table = document.createElement("table");
        table.id = "made";
        table.innerHTML = "<thead><tr><th>tested on</th><th>method</th><th>x</th></tr></thead>" +
          "<tbody><tr><th rowspan=3>A</th><th>b</th><td>\u22122.5</td></tr><tr><th>c</th><td>\u2014</td></tr>" +
          "<tr><th>a</th><td><strong><span class=value>\u200710.25</span> \u00b1 1</strong></td></tr></tbody>";
        document.body.append(table);
        return document.querySelector("script").textContent;
        }"""
    )
    page.evaluate("{" + script.replace('querySelectorAll("table")', 'querySelectorAll("#made")') + "}")
    button = page.locator("#made thead th:nth-child(3) button")
    button.click()
    rows = page.locator("#made tbody tr").all_inner_texts()
    assert [row.split()[0] for row in rows] == ["A", "a", "c"]
    assert "−2.5" in rows[0]
    button.click()
    rows = page.locator("#made tbody tr").all_inner_texts()
    assert "10.25" in rows[0]
    assert rows[0].startswith("A")
    assert rows[2].startswith("c")
    assert page.locator("#made thead th:nth-child(1) button").count() == 0


def test_a_script_that_was_slipped_in_is_not_run(page: "playwright.Page") -> None:
    page.evaluate(
        """() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken'";
        document.body.append(script);
        }"""
    )
    assert page.title() == "wvad-bench report"


def test_without_scripts_everything_is_there(browser: "playwright.Browser", report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("th button").count() == 0
    assert page.locator("table").count() >= 4
    for image in page.locator("img").all():
        box = image.bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert box["height"] > 50
    context.close()


def test_it_prints(page: "playwright.Page") -> None:
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_picture_of_every_section_is_no_blank(page: "playwright.Page") -> None:
    for section in page.query_selector_all("section"):
        section.scroll_into_view_if_needed()
        picture = section.screenshot()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5000
