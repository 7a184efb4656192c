"""Whatever a process calls itself stays text."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from hugescope.report.html import Html, joined, json_block, tag
from tests.unit.wire.made_wire import many


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(markup: str) -> Seen:
    parser = Seen()
    parser.feed(markup)
    parser.close()
    return parser


@many
@given(st.text())
def test_text_and_attributes_never_become_markup(text: str) -> None:
    found = seen(tag("p", text, title=text, data_n=1))
    (only,) = found.tags
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    assert only == ("p", {"title": shown, "data-n": "1"})
    assert found.text == shown


def test_markup_of_ours_stays_markup() -> None:
    assert joined(tag("b", "<"), "<") == "<b>&lt;</b>&lt;"
    assert tag("meta", charset="utf-8", hidden=False, id=None) == '<meta charset="utf-8">'
    assert isinstance(tag("p", Html("<br>"), class_="a", hidden=True), Html)


@many
@given(st.text())
def test_json_in_the_page_never_ends_its_block(text: str) -> None:
    block = json_block("x", json.dumps([text + "</script><!--<script>"]))
    assert "<" not in block[len('<script type="application/json" id="x">') : -len("</script>")]
    body = block.removeprefix('<script type="application/json" id="x">').removesuffix("</script>")
    assert json.loads(body) == [text + "</script><!--<script>"]
