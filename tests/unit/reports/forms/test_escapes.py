"""What comes from outside stays text in every form."""

import io
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cli.common import Screen
from reports.forms import csv, html, latex, markdown

ANY = st.text(st.characters(codec="utf-8"), max_size=60)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def _tags(text: str) -> list[str]:
    parser = _Tags()
    parser.feed(text)
    parser.close()
    return parser.tags


@given(ANY)
def test_no_text_begins_a_tag(text: str) -> None:
    for hostile in (text, f"<script>{text}</script>", f"<img src=x onerror='{text}'>"):
        assert _tags(html.escape(hostile)) == []
        assert _tags(markdown.escape(hostile)) == []


@pytest.mark.parametrize("text", ["[a](javascript:x)", "![a](http://b/c.png)"])
def test_no_text_is_a_link_or_a_picture_of_markdown(text: str) -> None:
    assert "](" not in markdown.escape(text)


@given(ANY)
def test_no_form_has_a_command_to_a_terminal(text: str) -> None:
    for form in (html.escape, markdown.escape, latex.escape, lambda t: csv.to_csv(pd.DataFrame({"a": [t]}))):
        assert not {c for c in form(text) if ord(c) < 32 or c in "\x7f\u202e"} - {"\n"}


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "=1+1", "@SUM(A1)", "+cmd|x!A", "-2+3+cmd|' /C calc'!A0", " =1"]
)
def test_a_formula_is_marked_as_text_in_csv(text: str) -> None:
    frame = pd.read_csv(io.StringIO(csv.to_csv(pd.DataFrame({"row": [text], "mean": [0.5]}))))
    assert frame["row"][0] == f"'{text}"
    assert frame["mean"][0] == 0.5


@pytest.mark.parametrize("text", ["+ L_dist", "RTFM", "− 3", "-"])
def test_what_is_no_formula_stays_in_csv(text: str) -> None:
    assert pd.read_csv(io.StringIO(csv.to_csv(pd.DataFrame({"row": [text]}))))["row"][0] == text


@given(ANY)
def test_nothing_printed_acts_on_the_terminal(text: str) -> None:
    screen = Screen(None)
    with screen.capture() as printed:
        screen.print(f"{text} :warning: [red]", soft_wrap=True)
    shown = printed.get()
    assert "\x1b" not in shown
    assert not {c for c in shown if ord(c) < 32 or c in "\x7f\u202e"} - {"\n"}
    assert ":warning: [red]" in shown
