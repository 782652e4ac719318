"""The report's page: complete, self-contained, and a sentence wherever something is missing."""

import base64
import gzip
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmark.runs.records import Failure
from benchmark.runs.store import RunStore
from benchmark.statistics.differences import Difference, Standing
from benchmark.tables.cells import Cell, fill_table
from benchmark.tables.line_ups import Contender, find_line_ups
from benchmark.tables.ranking import Ranked, rank
from benchmark.terms import Trouble
from reports.figures.catalogue import FigureChoices, figures_of_line_up
from reports.figures.evidence import Evidence
from reports.figures.style import Palette, render
from reports.island.line_up import line_up_content
from reports.page.first_screen import headline
from reports.page.html_page import to_page
from reports.page.pictures import PagePicture
from reports.page.report import LineUpSection, Report, make_report
from reports.tables.verdicts import verdicts
from tests.small_store import draw_scores, make_results, spec_of, store_run
from tests.unit.reports.figures.test_figures import frozen_table, project_all

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Checks that elements are closed in order, and keeps what tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        if named.get("id"):
            self.ids.append(str(named["id"]))
        if tag == "a":
            self.links.append(str(named["href"]))
        if tag == "img":
            self.images.append(named)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def report_of(root: Path, **options: object) -> Report:
    results = make_results(root, **options)  # type: ignore[arg-type]
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    evidence = Evidence(line_up, store, Palette.of_plans(results.plans(None)))
    if line_up.contenders:
        project_all(evidence)
    figures = tuple(figures_of_line_up([evidence], FigureChoices())) if line_up.contenders else ()
    tables = [fill_table(plan, store, "last") for plan in results.plans(None)]
    ranked = rank(line_up, store)
    content = line_up_content(line_up, ranked, store) if ranked else None
    left_out = (Contender("MMIL + <ICA>", "table3", "", "", ()),)
    return make_report(tables, [LineUpSection(line_up, figures, left_out, ranked, content)], "last", store)


def page_of(report: Report, *options: str) -> str:
    pictures = {(f.folder, f.stem): PagePicture.of(render(f.draw, ["png"])) for f in report.figures()}
    return to_page(report, pictures, options)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(report_of(tmp_path_factory.mktemp("report")), "--results", "else where")


def test_elements_are_closed_ids_are_unique_and_links_lead_somewhere(page: str) -> None:
    parsed = Page(page)
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)
    assert parsed.links


def test_the_page_needs_nothing_else(page: str) -> None:
    # Namespaces inside of pictures are encoded and name, not fetch.
    assert re.findall(r"(?:src|href|url\()=?[\"']?(https?:|//|file:)", page) == []
    assert "default-src 'none'" in page
    assert all(str(image["src"]).startswith("data:image/") for image in Page(page).images)


def test_every_picture_says_what_it_shows_and_how_to_make_it(page: str) -> None:
    images = Page(page).images
    assert len(images) == 8
    assert all(image["alt"] for image in images)
    for name in ("class-wise", "curves", "events", "scores", "t-sne", "selection", "training"):
        assert f"wvad figure {name} cameras-quick --results &#x27;else where&#x27;</code>" in page
    assert "wvad figure forest cameras-quick/table1 --results" in page


def test_pictures_are_whole(page: str) -> None:
    for image in Page(page).images:
        kind, _, content = str(image["src"]).removeprefix("data:image/").partition(";base64,")
        data = base64.b64decode(content, validate=True)
        if kind == "svg+xml":
            assert ET.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"
        else:
            assert data.startswith(b"\x89PNG")
            assert b"IEND" in data[-12:]


def test_names_are_escaped(page: str) -> None:
    assert "commands below: of table3 MMIL + &lt;ICA&gt;.</p>" in page


def test_the_summary_comes_first_and_says_what_was_compared(page: str) -> None:
    text = page[page.index("<h1 ") : page.index('id="cameras-quick-table1"')]
    assert "2 methods (RTFM, CLAV+CoMo) on 1 dataset (cameras), in 1 table." in text
    assert "6 runs stored, none missing." in text
    assert "Best by the mean: CLAV+CoMo on cameras (AUC " in text
    assert "cameras (AUC): best is CLAV+CoMo (" in page[len(text) :]


def test_where_numbers_come_from_is_said(page: str) -> None:
    text = page[page.index('id="provenance"') :]
    assert "<td>wvad reproduce table1</td>" in text
    assert "<td>i3d</td>" in text
    assert "<td>6</td><td>0</td><td>3</td><td>2</td><td>2</td><td>Linux, processor not recorded, cpu</td>" in text


def test_without_runs_there_are_sentences_and_no_picture(tmp_path: Path) -> None:
    page = page_of(report_of(tmp_path, stored=False))
    parsed = Page(page)
    assert "img" not in parsed.tags
    assert "0 runs stored, 6 missing." in page
    assert re.search(r"No number: run \w+ has not been trained\.", page)
    assert "<b>Differences</b>: none, no two of its rows can be compared." in page


def test_what_did_not_succeed_is_listed_with_status_and_reason(tmp_path: Path) -> None:
    store = RunStore(make_results(tmp_path, stored=False).runs)
    ends: list[tuple[Trouble, str]] = [("timeout", "took longer than 60 s"), ("failed", "loss became <nan>")]
    for seed, (status, reason) in enumerate(ends):
        spec = spec_of("rtfm", seed)
        store.write_failure(Failure(key=spec.key, spec=spec, status=status, reason=reason, traceback="", failed="2026"))
    (plan,) = make_results(tmp_path, stored=False).plans(None)
    page = page_of(make_report([fill_table(plan, store, "last")], [], "last", store))
    assert "2 runs did not succeed (1 failed, 1 timeout); the reasons are under Provenance." in page
    assert "<td>failed</td><td>loss became &lt;nan&gt;</td>" in page
    assert "<td>timeout</td><td>took longer than 60 s</td>" in page
    assert f"run {spec_of('rtfm', 0).key} timeout: took longer than 60 s" in page


def test_an_oracle_is_said_to_be_one(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    store = RunStore(results.runs)
    tables = [fill_table(plan, store, "oracle") for plan in results.plans(None)]
    assert "ORACLE selection" in " ".join(make_report(tables, [], "oracle", store).summary())


def test_a_verdict_names_the_best_and_what_is_like_it(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    (plan,) = results.plans(None)
    table = fill_table(plan, RunStore(results.runs), "last")
    rtfm, clav = (table.cell(row.label, "cameras", "cameras") for row in plan.rows)
    assert rtfm.summary is not None
    assert clav.summary is not None
    best = f"cameras (AUC): best is CLAV+CoMo ({100 * clav.summary.mean:.1f})"
    alike = f", not distinguishable from RTFM ({100 * rtfm.summary.mean:.1f})."
    ends = {"indistinguishable": alike, "worse": ", distinguishable from the other."}
    assert rtfm.standing is not None
    assert list(verdicts(table)) == [best + ends[rtfm.standing]]


def test_a_verdict_across_datasets_counts_columns() -> None:
    table = frozen_table()

    def compared(cell: Cell) -> Cell:
        """Better by 10 points on films, worse on cameras where trained there, no verdict elsewhere."""
        gap, p = (-0.05, 0.01) if (cell.train, cell.test) == ("cameras", "cameras") else (0.1, 0.04)
        p = p if cell.test == "films" or gap < 0 else 0.06
        named = {"one": "CLAV+CoMo", "other": "RTFM", "covers_seeds": True}
        made = Difference(gap=gap, ci_low=gap, ci_high=gap, p=p, video_variance=0, seed_variance=0, **named)
        return Cell(**{**cell.__dict__, "difference": made}) if cell.row == "CLAV+CoMo" else cell

    changed = type(table)(**{**table.__dict__, "cells": tuple(map(compared, table.cells))})
    assert list(verdicts(changed)) == [
        "CLAV+CoMo against RTFM, in 9 columns: better on cameras → films (+10.00), films (+10.00), "
        "tracks → films (+10.00); worse on cameras (−5.00); not distinguishable on the other 5."
    ]


def test_a_verdict_without_comparison_gives_the_numbers() -> None:
    lines = list(verdicts(frozen_table()))
    assert "cameras → cameras (AUC): RTFM (84.5), CLAV+CoMo (86.5, n = 2)." in lines


def test_a_row_that_cannot_be_compared_is_no_worse_row(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    store = RunStore(results.runs)
    (plan,) = results.plans(None)
    third = plan.rows[0].model_copy(update={"label": "MMIL", "method": "mmil"})
    spec = spec_of("mmil", 0)
    store_run(store, spec, draw_scores(77, 1.0))
    (evaluation,) = store.evaluations(spec.key)
    scores = store.folder(spec.key) / "evaluations" / f"{evaluation.key}.npz"
    scores.write_bytes(bytes(scores.stat().st_size))  # damaged, as reading them alone shows
    wide = plan.model_copy(update={"rows": (*plan.rows, third.model_copy(update={"runs": {"cameras": (spec.key,)}}))})
    (line,) = verdicts(fill_table(wide, store, "last"))
    assert re.search(
        r"distinguishable from .*; not compared, for lack of stored scores: MMIL \(\d+\.\d, n = 1\)\.$", line
    )


def test_one_seed_is_said_to_be_taken_as_given(tmp_path: Path) -> None:
    results = make_results(tmp_path, seeds=1)
    (plan,) = results.plans(None)
    (line,) = verdicts(fill_table(plan, RunStore(results.runs), "last"))
    assert line.endswith("; with one seed, which is taken as given.")


def test_a_selection_that_no_run_has_is_named(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    (plan,) = results.plans(None)
    (line,) = verdicts(fill_table(plan, RunStore(results.runs), "validation"))
    assert re.fullmatch(r"No number: run \w+ has no validation selection: it needs --holdout\.", line)


def test_the_page_runs_no_script_but_its_own_and_plotly(page: str) -> None:
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    (packed,) = re.findall('<script type="application/gzip" id="plotly">(.*?)</script>', page)
    plotly = gzip.decompress(base64.b64decode(packed)).decode()
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, plotly)]
    assert f"script-src 'sha256-{digests[0]}' 'sha256-{digests[1]}'\"" in page
    assert "unsafe-eval" not in page


def test_the_numbers_of_each_dataset_travel_with_the_page(page: str) -> None:
    (packed,) = re.findall('<script type="application/gzip" id="numbers">(.*?)</script>', page)
    (content,) = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert [method["label"] for method in content["methods"]] == ["CLAV+CoMo", "RTFM"]


def test_the_first_screen_ranks_all_methods_with_their_intervals(page: str) -> None:
    text = page[page.index('id="ranking"') : page.index('id="figures-cameras-quick"')]
    rows = re.findall(r'<tr data-method="(.*?)">.*?<td>([\d.]+)</td>', text, re.DOTALL)
    assert rows == [("CLAV+CoMo", "1.0"), ("RTFM", "2.0")]
    assert len(re.findall(r'<svg class="interval"', text)) == 2
    for mean, low, high in re.findall(r'"value">([\d.]+)</span>.*?<small>\[([\d.]+), ([\d.]+)\]</small>', text):
        assert float(low) <= float(mean) <= float(high)


def ranked(section: LineUpSection, name: str, *standings: tuple[str, float, Standing]) -> LineUpSection:
    contender, dataset = section.line_up.contenders[0], section.line_up.dataset.model_copy(update={"name": name})
    places = tuple(
        Ranked(replace(contender, label=label), mean, mean - 0.1, mean + 0.1, True, standing)
        for label, mean, standing in standings
    )
    return replace(section, line_up=replace(section.line_up, name=f"{name}-quick", dataset=dataset), ranked=places)


def test_a_page_of_a_large_store_says_what_it_leaves_out(tmp_path: Path) -> None:
    report = report_of(tmp_path)
    (section,) = report.line_ups
    others = tuple(replace(section.left_out[0], label=f"variant {number}") for number in range(103))
    large = replace(report, line_ups=(replace(section, left_out=others, unranked=103),))
    said = "2 of 105 methods are ranked: those with the highest means"
    assert page_of(large).count(said) == 2
    assert "variant 99 and 3 more methods, named in their tables" in page_of(large)
    assert "are ranked: those" not in page_of(report)


def test_the_verdict_is_two_sentences(tmp_path: Path) -> None:
    (section,) = report_of(tmp_path).line_ups
    one = ranked(section, "one", ("A", 0.8, "best"), ("B", 0.7, "indistinguishable"), ("C", 0.5, "worse"))
    two = ranked(section, "two", ("C", 0.9, "best"), ("B", 0.8, "indistinguishable"), ("A", 0.5, "worse"))
    three = ranked(section, "three", ("C", 0.9, "best"), ("B", 0.8, "worse"), ("A", 0.5, "worse"))
    assert headline([one]) == [
        "Best by the mean: A on one (AUC 80.0).",
        "1 method of the other 2 cannot be told from it.",
    ]
    assert headline([one, two]) == [
        "Best by the mean: A on one (AUC 80.0) and C on two (AUC 90.0).",
        "On all 2 datasets the best, or not distinguishable from it: B.",
    ]
    assert headline([one, two, three])[1] == (
        "No method is the best, or not distinguishable from it, on all 3 datasets; B and C on 2."
    )
    assert headline([one, replace(one, line_up=replace(one.line_up, name="one-paper"))])[0] == (
        "Best by the mean: A on one-quick (AUC 80.0) and A on one-paper (AUC 80.0)."
    )
    assert headline([ranked(section, "one", ("A", 0.8, "best"))])[1] == "There is nothing to compare it with."
    assert headline([]) == []


def test_a_page_without_room_leaves_details_out_first_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_of(tmp_path)
    whole = page_of(report)
    assert "left out, to keep" not in whole
    monkeypatch.setattr("reports.page.html_page.MOST_BYTES", len(whole.encode()) - 20_000)
    page = page_of(report)
    assert len(page.encode()) <= len(whole.encode()) - 20_000
    left_out = re.findall('<p class="absence" id="(.*?)".*?left out, to keep', page)
    assert left_out
    assert {name.removeprefix("cameras-quick-") for name in left_out} <= {"events", "t-sne", "selection", "training"}
    assert len(Page(page).images) == 8 - len(left_out)
    monkeypatch.setattr("reports.page.html_page.MOST_BYTES", 0)
    assert Page(page_of(report)).images == []
