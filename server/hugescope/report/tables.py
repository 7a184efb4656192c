"""Tables and facts; each number also stands in the page as it is: `data-key`, `data-n`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hugescope.report.html import Html, joined, tag
from hugescope.report.words import NOTHING, UNKNOWN, integer, size


def number(key: str, value: int | None, *, bytes_: bool = False, none: str = UNKNOWN) -> Html:
    """A number for people, with the exact one beside it; null is said in words, never as 0."""
    if value is None:
        return tag("span", none, class_="unknown", data_key=key, data_n="null")
    return tag(
        "span",
        size(value) if bytes_ else integer(value),
        data_key=key,
        data_n=value,
        title=f"{integer(value)} bytes" if bytes_ and value >= 1024 else None,
    )


def table(
    label: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Iterable[int] = (),
    *,
    wide: bool = False,
) -> Html:
    """A table that scrolls by itself where it is too wide; columns in `right` are flush right.

    `wide`: it is not squeezed into a narrow window.
    """
    flush = frozenset(right)
    classes = ["number" if at in flush else None for at in range(len(head))]
    body = [
        tag(
            "tr",
            *(
                tag("th", cell, scope="row", class_=classes[at])
                if at == 0
                else tag("td", cell, class_=classes[at])
                for at, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    titles = [tag("th", one, scope="col", class_=classes[at]) for at, one in enumerate(head)]
    made = tag(
        "table",
        tag("thead", tag("tr", *titles)),
        tag("tbody", *body),
        class_="wide" if wide else None,
    )
    return tag("div", made, class_="table-box", tabindex=0, role="group", aria_label=label)


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Names and values side by side."""
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", value or NOTHING)) for name, value in pairs),
        class_="facts facts-line",
    )


def section(title: str, *children: str, beside: str = "", name: str | None = None) -> Html:
    """A part of the page under a heading."""
    heading = joined(title, " ", tag("span", beside, class_="beside")) if beside else title
    return tag("section", tag("h2", heading), *children, id=name)


def fold(summary: str, *children: str, is_open: bool = False) -> Html:
    """What unfolds."""
    return tag("details", tag("summary", summary), *children, open=is_open)
