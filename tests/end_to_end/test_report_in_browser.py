"""The report in a real browser: controls do what they say, nothing is asked of a network, it works without scripts."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.cli import run
from benchmark.cli.drawing import Stored
from benchmark.metrics.alarms import Alarms
from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.records import AnnotatedEvents
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.statistics.class_wise import class_aucs
from benchmark.tables.line_ups import Contender, find_line_ups
from reports.figures.telling import alarm_rates, video_aucs
from tests.chromium import PATIENCE, needs_chromium, open_browser, playwright
from tests.small_store import TEST_HASH, make_results
from tests.unit.reports.figures.test_figures import project_all
from tests.unit.reports.figures.test_key_frames import write_video
from tests.wide_store import Size, make_wide_results

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    make_results(results)
    videos = tmp_path_factory.mktemp("videos")
    write_video(videos / "Arson_000.avi", 160)
    options = ["--results", str(results), "--tracking", "none", "--videos-from", str(videos)]
    assert run(["report", *options, "--format", "png", "--pdf"]) == 0
    return results / "reports" / "report.html"


@pytest.fixture(scope="module")
def stored(report: Path) -> dict[str, list[ScoredVideos]]:
    """Scores of each method, one a seed."""
    results = Results(report.parents[1])
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    found = {c.label: [store.read_scores(*one) for one in c.seeds] for c in line_up.contenders}
    return {label: [scored for scored in seeds if scored is not None] for label, seeds in found.items()}


@pytest.fixture(scope="module")
def events(report: Path) -> AnnotatedEvents:
    found = RunStore(Results(report.parents[1]).runs).events(TEST_HASH)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def messages() -> list[str]:
    """What the browser complains about, and every address that it asks for besides the file's own."""
    return []


@pytest.fixture
def page(browser: "playwright.Browser", report: Path, messages: list[str]) -> Iterator["playwright.Page"]:
    opened = browser.new_page()
    opened.set_default_timeout(PATIENCE)
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("request", lambda asked: messages.append(asked.url) if not asked.url.startswith("data:") else None)
    opened.goto(report.as_uri())
    opened.wait_for_selector("html[data-ready]", state="attached")
    yield opened
    opened.close()


def view(page: "playwright.Page", name: str) -> "playwright.Locator":
    """A view, drawn."""
    found = page.locator(f".view[data-view={name}]")
    found.scroll_into_view_if_needed()
    for chart in found.locator(".chart").all():
        chart.locator(".main-svg").first.wait_for()
    return found


def redrawn(page: "playwright.Page", chart: "playwright.Locator", act: Callable[[], object]) -> None:
    """Do something, and wait until a chart has been drawn again."""
    before = chart.get_attribute("data-drawn")
    act()
    for _ in range(PATIENCE // 50):
        if chart.get_attribute("data-drawn") != before:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the chart was not drawn again")


def press(page: "playwright.Page", name: str) -> None:
    """Press a chip."""
    chip = page.get_by_role("button", name=name, exact=True, include_hidden=True)  # the box may be closed
    box = page.locator("nav.bar details", has=chip).first
    if box.get_attribute("open") is None:
        box.locator("summary").click()
    box.get_by_role("button", name=name, exact=True).click()


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
    page.evaluate(
        """() => {
        const table = document.createElement("table");
        table.id = "made";
        table.innerHTML = "<thead><tr><th>tested on</th><th>method</th><th>x</th></tr></thead>" +
          "<tbody><tr><th rowspan=3>A</th><th>b</th><td>\u22122.5</td></tr><tr><th>c</th><td>\u2014</td></tr>" +
          "<tr><th>a</th><td><strong><span class=value>\u200710.25</span> \u00b1 1</strong></td></tr></tbody>";
        document.querySelector("main").append(table);
        Tables.makeSortable(table);
        }"""
    )
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
    assert page.locator(".view:visible").count() == 0
    assert page.locator("img:visible").count() == page.locator("img").count() >= 7
    for image in page.locator("img").all():
        box = image.bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert box["height"] > 50
    context.close()


def test_it_is_printed_on_a_few_pages_of_a4(page: "playwright.Page", report: Path) -> None:
    for printed in (page.pdf(prefer_css_page_size=True), report.with_suffix(".pdf").read_bytes()):
        assert printed.startswith(b"%PDF")
        assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 12
        assert {
            (round(float(w)), round(float(h))) for w, h in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
        } == {(595, 842)}


@pytest.mark.slow
def test_three_datasets_are_printed_on_twelve_pages(tmp_path: Path, browser: "playwright.Browser") -> None:
    """As many figures as ``wvad reproduce table4`` leaves, with details; and names with dots, as settings have."""
    results = make_wide_results(tmp_path, 2, [Size(name, 7, 2, 12) for name in ("street", "films", "campus-0.5")], 2)
    stored = Stored(tmp_path, "last")
    for line_up in stored.line_ups:
        (evidence,) = stored.pages(line_up)
        project_all(evidence)
    command = ["report", "--results", str(tmp_path), "--tracking", "none", "--format", "png", "--pdf"]
    assert run(command) == 0
    page, printed = (results.reports / name for name in ("report.html", "report.pdf"))
    assert len(re.findall('<figure class="picture"', page.read_text())) == 3 * 8
    assert len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) <= 12
    opened = browser.new_page()
    opened.goto(page.as_uri())
    opened.wait_for_selector("html[data-ready]", state="attached", timeout=PATIENCE)
    assert opened.locator("nav.bar a[href='#figures-campus-0.5-quick']").is_visible()
    opened.close()


def test_chips_choose_methods_for_tables_figures_and_lists(page: "playwright.Page") -> None:
    chart = view(page, "curves").locator(".chart").first
    named = "(e) => e.data.filter((trace) => trace.mode === 'lines').map((trace) => trace.name.split(' ').pop())"
    assert chart.evaluate(named) == ["CLAV+CoMo", "RTFM"]
    redrawn(page, chart, lambda: press(page, "RTFM"))
    assert chart.evaluate(named) == ["CLAV+CoMo"]
    assert page.locator("nav.bar .count").first.inner_text() == "1 of 2"
    assert page.locator("#ranking tbody tr:visible th").all_inner_texts() == ["CLAV+CoMo"]
    assert page.locator("#cameras-quick-table1-table1 tbody tr:visible > th").all_inner_texts() == ["CLAV+CoMo"]
    assert page.locator(".view[data-view=classes] tbody tr:visible th").all_inner_texts() == ["CLAV+CoMo"]
    redrawn(page, chart, lambda: press(page, "RTFM"))
    assert page.locator("#ranking tbody tr:visible").count() == 2


def test_chips_choose_datasets(page: "playwright.Page") -> None:
    press(page, "cameras-quick")
    assert page.locator("section[data-dataset]:visible").count() == 0
    assert page.locator("#ranking td[data-dataset]:visible").count() == 0
    press(page, "cameras-quick")
    assert page.locator("section[data-dataset]:visible").count() == 2


def test_the_threshold_gives_what_the_stored_scores_give(
    page: "playwright.Page", stored: dict[str, list[ScoredVideos]], events: AnnotatedEvents
) -> None:
    curves = view(page, "curves")
    slider = curves.get_by_role("slider", name="Threshold")
    redrawn(page, curves.locator(".chart").last, lambda: slider.fill("200"))
    for cells in [row.locator("th, td").all_inner_texts() for row in curves.locator("tbody tr").all()]:
        scored = stored[cells[0]][0]
        threshold = scored.scores.min() + 200 / 255 * (scored.scores.max() - scored.scores.min())
        above = scored.scores >= threshold
        rate, met = Alarms.find(scored, events.intervals, events.fps).at(threshold)
        assert float(cells[1]) == pytest.approx(threshold, rel=0.01)
        assert float(cells[2]) == pytest.approx(100 * scored.positive[above].sum() / scored.positive.sum(), abs=0.06)
        assert float(cells[3]) == pytest.approx(100 * scored.negative[above].sum() / scored.negative.sum(), abs=0.06)
        assert float(cells[5]) == pytest.approx(rate, abs=0.06)
        assert float(cells[6]) == pytest.approx(100 * met, abs=0.06)


def test_the_heat_map_has_the_aucs_of_the_classes(
    page: "playwright.Page", stored: dict[str, list[ScoredVideos]]
) -> None:
    classes = view(page, "classes")
    for definition in ("auc_class_vs_normal", "auc_class"):
        classes.get_by_role("combobox").select_option(definition)
        names = [re.sub(r" \(\d+\).*", "", text) for text in classes.locator("thead th").all_inner_texts()][1:]
        for row in classes.locator("tbody tr").all():
            expected = {
                a.name: a for a in class_aucs(stored[row.locator("th").inner_text()]) if a.definition == definition
            }
            for name, cell in zip(names, row.locator("td").all(), strict=True):
                assert float(cell.inner_text().split(",")[0]) == pytest.approx(100 * expected[name].mean, abs=0.051)


def test_the_browser_shows_every_video_and_turns_by_keyboard(
    page: "playwright.Page", stored: dict[str, list[ScoredVideos]]
) -> None:
    scores = view(page, "scores")
    some = next(iter(stored.values()))[0]
    names = some.names
    aucs = sum(video_aucs(dict(zip(_labelled(stored), stored.values(), strict=True))).values()) / 2
    listed = scores.locator("li button").evaluate_all("all => all.map((one) => one.firstChild.textContent)")
    defined = [video for video in range(len(names)) if some.labels[video]]
    assert listed[: len(defined)] == [names[video] for video in sorted(defined, key=lambda video: aucs[video])]
    assert sorted(listed) == sorted(names)
    chart = scores.locator(".chart").first
    first = scores.locator("h4").inner_text()
    redrawn(page, chart, lambda: scores.locator(".browser").press("ArrowRight"))
    assert scores.locator("h4").inner_text() != first
    assert scores.locator("h4").inner_text().startswith(f"{listed[1]}:")
    assert scores.locator("li button[aria-current]").inner_text().startswith(listed[1])
    for label, seeds in stored.items():
        scored, low = seeds[0], seeds[0].scores.min()
        mine = scored.scores[scored.video == names.index(listed[1])]
        shown = chart.evaluate(
            "(e, label) => e.data.find((t) => t.mode === 'lines' && t.name.endsWith(label)).y", label
        )
        scaled = (mine - low) / (scored.scores.max() - low)
        assert shown[:-1] == pytest.approx(scaled, abs=0.5 / 255 + 1e-9)
    redrawn(page, chart, lambda: scores.locator(".browser").press("ArrowLeft"))
    assert scores.locator("h4").inner_text() == first


def test_key_frames_stand_above_the_stretches_that_they_are_of(page: "playwright.Page") -> None:
    scores = view(page, "scores")
    chart, frames = scores.locator(".chart").first, scores.locator(".frames img")
    for name, there in (("Arson_000", True), ("Arson_001", False), ("Arson_000", True)):
        redrawn(page, chart, scores.locator("li button", has_text=name).click)
        assert frames.is_visible() == there
    assert frames.get_attribute("alt") == "Evenly spaced frames of Arson_000"
    assert frames.evaluate("image => image.complete && image.naturalWidth / image.naturalHeight") > 5
    axis = chart.evaluate("e => [e.getBoundingClientRect().left + e._fullLayout._size.l, e._fullLayout._size.w]")
    assert frames.evaluate("e => [e.getBoundingClientRect().left, e.clientWidth]") == pytest.approx(axis, abs=2)


def _labelled(stored: dict[str, list[ScoredVideos]]) -> list[Contender]:
    return [Contender(label, "", "", "", ()) for label in stored]


def test_videos_are_searched_and_ordered(page: "playwright.Page", stored: dict[str, list[ScoredVideos]]) -> None:
    scores = view(page, "scores")
    rates = sum(alarm_rates(dict(zip(_labelled(stored), stored.values(), strict=True))).values()) / 2
    some = next(iter(stored.values()))[0]
    scores.get_by_label("Order").select_option("alarms")
    listed = scores.locator("li button").evaluate_all("all => all.map((one) => one.firstChild.textContent)")
    normal = [video for video in range(len(some.names)) if not some.labels[video]]
    assert listed[: len(normal)] == [some.names[video] for video in sorted(normal, key=lambda video: -rates[video])]
    scores.get_by_label("Search test videos").fill("arson")
    assert scores.locator("li").count() == 4
    scores.get_by_label("Search test videos").fill("nowhere")
    assert scores.locator("li").count() == 0


def test_the_search_leads_to_a_video(page: "playwright.Page") -> None:
    view(page, "scores")
    search = page.get_by_label("Search sections, methods and videos")
    search.fill("Assault_005")
    redrawn(page, page.locator(".view[data-view=scores] .chart").first, lambda: search.press("Enter"))
    assert page.locator(".view[data-view=scores] h4").inner_text().startswith("Assault_005: Assault")
    search.fill("no such thing")
    assert page.locator(".found li").all_inner_texts() == ["nothing is called so"]


def test_tables_are_copied_as_they_are_shown(page: "playwright.Page") -> None:
    table = "document.querySelector('#ranking table')"
    head, *rows = csv.reader(io.StringIO(page.evaluate(f"Tables.asCsv({table})")))
    assert [row[0] for row in rows] == ["CLAV+CoMo", "RTFM"]
    assert head[0].startswith("method")
    latex = page.evaluate(f"Tables.asLatex({table})")
    assert latex.startswith("\\begin{tabular}{lrr}\n\\toprule\nmethod")
    assert "RTFM & 2.0 & " in latex
    page.evaluate(
        "() => { const row = document.querySelector('#ranking tbody th'); row.textContent = 'a_b & 50 % − α'; }"
    )
    assert "a\\_b \\& 50 \\% $-$ $\\alpha$ & 1.0" in page.evaluate(f"Tables.asLatex({table})")


def test_every_control_has_a_name_and_is_reached_by_keyboard(page: "playwright.Page") -> None:
    view(page, "scores")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=region]")].filter((one) =>
        !(one.getAttribute("aria-label") || one.textContent.trim() || (one.labels && one.labels.length))
        || one.tabIndex < 0).map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []


CONTRAST = """() => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.startsWith("rgba")) return colour;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  return [...document.querySelectorAll("p, a, button, td, th, h1, h2, h3, small, label, summary, .count")]
    .filter((one) => one.offsetParent && one.textContent.trim() && !one.classList.contains("heat") && !one.disabled)
    .map((one) => {
      const [a, b] = [light(getComputedStyle(one).color), light(behind(one))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.outerHTML.slice(0, 80)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_by_day_and_by_night(browser: "playwright.Browser", report: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    view(page, "scores")
    assert page.evaluate(CONTRAST) == []
    context.close()


def test_it_is_no_wider_than_a_telephone(browser: "playwright.Browser", report: Path) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    view(page, "scores")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate("Math.max(...[...document.querySelectorAll('caption')].map((one) => one.offsetWidth))") <= 400
    page.close()


def test_the_bar_of_a_telephone_shows_several_sections_and_leaves_the_page_room(
    browser: "playwright.Browser", report: Path
) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.evaluate(
        "document.querySelector('nav.bar > ul > li:nth-child(2) > a').append('-and-a-name-that-is-far-too-long')"
    )
    widths = page.evaluate("[...document.querySelectorAll('nav.bar > ul > li > a')].map((one) => one.offsetWidth)")
    assert max(widths) < 400 / 2.5
    assert page.evaluate("document.querySelector('nav.bar').offsetHeight") < 100
    page.close()


def test_names_on_the_stripes_stand_out_on_a_telephone_by_night(browser: "playwright.Browser", report: Path) -> None:
    context = browser.new_context(color_scheme="dark", viewport={"width": 400, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    names = view(page, "scores").locator(".chart").nth(1).locator(".ytick text")
    fills = names.evaluate_all("all => all.map((one) => getComputedStyle(one).fill)")
    assert set(fills) == {page.evaluate("getComputedStyle(document.body).color")}
    context.close()


def test_a_picture_of_every_section_is_no_blank(page: "playwright.Page") -> None:
    for section in page.query_selector_all("section"):
        section.scroll_into_view_if_needed()
        picture = section.screenshot()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5000
