"""What a report tells of the host: findings, pools and their accounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hugescope.report.figures import (
    COUNTERS,
    DASHES,
    Figure,
    composition,
    counter_at,
    pool_over_time,
    smallest_page,
)
from hugescope.report.gather import Gathered, Point
from hugescope.report.html import Html, joined, tag
from hugescope.report.palette import paint_of, state_paint
from hugescope.report.tables import fold, number, section, table
from hugescope.report.words import NOTHING, clock, duration, integer, plural, size
from hugescope_wire.account import PoolAccount
from hugescope_wire.cells import CellState
from hugescope_wire.findings import SEVERITIES, CellLink, Finding
from hugescope_wire.report import HostReport
from hugescope_wire.snapshot import Pool, Snapshot

MARKS: Final = {"critical": "✖", "warning": "▲", "notice": "◆", "info": "●"}
_MOST_LINKS: Final = 8
_ROWS: Final = 20
"""Of a chart as a table."""

_PARTS: Final[tuple[tuple[str, str, Callable[[PoolAccount], int | None]], ...]] = (
    ("total", "total", lambda one: one.total),
    ("mapped", "mapped", lambda one: one.mapped),
    ("fd", "kept by an open fd", lambda one: one.held.fd),
    ("hugetlbfs", "in a hugetlbfs file", lambda one: one.held.hugetlbfs),
    ("sysv", "detached SysV segment", lambda one: one.held.sysv),
    ("mapping", "mapped file, no page table", lambda one: one.held.mapping),
    ("poisoned", "poisoned", lambda one: one.poisoned),
    ("unplaced", "kept or unattributed", lambda one: one.unplaced),
    ("unattributed", "unattributed", lambda one: one.unattributed),
    ("free", "free", lambda one: one.free),
    ("reserved", "reserved", lambda one: one.reserved),
    ("available", "free, not reserved", lambda one: one.available),
    ("surplus", "surplus", lambda one: one.surplus),
    ("overcommit", "overcommit limit", lambda one: one.overcommit),
)


def findings_section(gathered: Gathered) -> Html:
    """Findings, the most severe first, each with its reason and what to do."""
    report = gathered.snapshot.report
    if report is None:
        words = "Of this moment nothing was found, for no report was made yet."
        return section("Findings", tag("p", words, class_="muted"), name="findings")
    found = [
        one for level in reversed(SEVERITIES) for one in report.findings if one.severity == level
    ]
    if gathered.pids is not None:
        found = [one for one in found if not one.pids or not gathered.pids.isdisjoint(one.pids)]
    when = f"as of {clock(report.taken_at)}, for the whole host"
    if gathered.pids is not None:
        of = f"{integer(len(found))} of {integer(len(report.findings))}"
        when = f"as of {clock(report.taken_at)}; {of}, about these processes or about none"
    if not found:
        return section("Findings", tag("p", "No findings."), beside=when, name="findings")
    return section(
        "Findings",
        *(_finding(one, gathered.snapshot) for one in found),
        beside=when,
        name="findings",
    )


def _finding(one: Finding, snapshot: Snapshot) -> Html:
    parts: list[str] = [
        tag(
            "p",
            tag(
                "span",
                f"{MARKS[one.severity]} {one.severity}",
                class_=f"severity severity-{one.severity}",
            ),
            " ",
            tag("b", one.what),
        ),
        tag("p", one.why),
        tag("p", one.advice),
    ]
    if one.command is not None:
        parts.append(tag("pre", one.command))
    if one.links:
        words = [_link_words(link, snapshot) for link in one.links[:_MOST_LINKS]]
        more = len(one.links) - len(words)
        tail = f"; and {plural(more, 'place')} more" if more else ""
        parts.append(tag("p", "where: ", "; ".join(words) + tail, class_="muted"))
    if one.evidence:
        rows = [[item.name, item.value, item.source or ""] for item in one.evidence]
        parts.append(fold("evidence", table("evidence", ("what", "value", "read from"), rows)))
    return tag("article", *parts, class_="finding", data_code=one.code, data_finding=one.key)


def _link_words(link: CellLink, snapshot: Snapshot) -> str:
    comm = next((p.comm for p in snapshot.processes if p.pid == link.pid), None) or "pid"
    last = link.first + link.count - 1
    cells = {0: "the mapping", 1: f"cell {integer(link.first)}"}.get(
        link.count, f"cells {integer(link.first)}–{integer(last)}"
    )
    return f"{cells} of {comm} {link.pid} at 0x{link.start:x}"


def time_section(gathered: Gathered, first_figure: int) -> tuple[Html, list[Figure]]:
    """How it went: the composition, and every pool that held a page."""
    if len(gathered.points) < 2:
        words = tag("p", "The range is one moment: nothing is told over time.", class_="muted")
        return section("Over time", words, name="time"), []
    figures = [composition(gathered)]
    legend, twin = _state_legend(gathered), _states_table(gathered)
    charts = [_chart("Composition", "memory of the mappings by state", first_figure, legend, twin)]
    sizes = sorted({pool.page_size for point in gathered.points for pool in point.pools})
    empty = [at for at in sizes if not _ever_used(gathered, at)]
    for page_size in sizes:
        if page_size in empty:
            continue
        charts.append(
            _chart(
                f"Pool of {size(page_size)} pages",
                "of the host, in pages",
                first_figure + len(figures),
                _counter_legend(),
                _counters_table(gathered, page_size),
            )
        )
        figures.append(pool_over_time(gathered, page_size))
    notes = [f"Pools without a page all the time: {', '.join(map(size, empty))}."] if empty else []
    span = gathered.until_s - gathered.since_s
    beside = f"{duration(span)}, {plural(len(gathered.points), 'point')} of " + plural(
        gathered.frames, "frame"
    )
    made = section(
        "Over time",
        tag("div", *charts, class_="charts"),
        *(tag("p", note, class_="note") for note in notes),
        beside=beside,
        name="time",
    )
    return made, figures


def _ever_used(gathered: Gathered, page_size: int) -> bool:
    return any(
        getattr(pool, counter)
        for point in gathered.points
        for pool in point.pools
        if pool.page_size == page_size
        for counter in COUNTERS
    )


def _chart(title: str, more: str, figure: int, legend: Html, twin: Html) -> Html:
    caption = tag("figcaption", tag("b", title), " ", tag("span", more, class_="muted"))
    plot = tag("div", class_="plot", data_figure=figure)
    # The table says the same to those who see no plot.
    box = tag("div", plot, class_="plot-box", aria_hidden="true")
    return tag("figure", caption, legend, box, fold("as a table", twin), class_="chart")


def _some(points: Sequence[Point]) -> list[Point]:
    """Evenly spread, the first and the last among them."""
    last = len(points) - 1
    steps = min(last, _ROWS)
    return [points[round(at * last / steps)] for at in range(steps + 1)]


def _states_table(gathered: Gathered) -> Html:
    states = [s for s in CellState if any(point.states[s] for point in gathered.points)]
    rows = [
        [clock(point.at_s)[11:-4], *(size(int(point.states[state])) for state in states)]
        for point in _some(gathered.points)
    ]
    head = ("UTC", *(state.label for state in states))
    return table("composition over time", head, rows, right=range(1, len(head)))


def _counters_table(gathered: Gathered, page_size: int) -> Html:
    rows = []
    for point in _some(gathered.points):
        counts = [counter_at(point, page_size, counter) for counter in COUNTERS]
        words = ["unknown" if count is None else integer(count) for count in counts]
        rows.append([clock(point.at_s)[11:-4], *words])
    label = f"pool of {size(page_size)} pages over time"
    return table(label, ("UTC", *COUNTERS), rows, right=range(1, 5))


def _state_legend(gathered: Gathered) -> Html:
    page_size = smallest_page(gathered)
    group = "gib" if page_size >= 1 << 30 else "mib"
    lines = []
    for state in CellState:
        if any(point.states[state] for point in gathered.points):
            paint = state_paint(state)
            pattern = paint_of(paint, page_size).pattern
            swatch = tag("span", class_=f"swatch swatch-{pattern} paint-{group}-{paint}")
            lines.append(tag("li", swatch, " ", state.label))
    return tag("ul", *lines, class_="legend")


def _counter_legend() -> Html:
    lines = [
        tag("li", tag("span", class_=f"dash dash-{DASHES[at]} series-{at}"), " ", counter)
        for at, counter in enumerate(COUNTERS)
    ]
    return tag("ul", *lines, class_="legend")


def pools_section(gathered: Gathered) -> Html:
    """The counters of every pool, and the accounts of where their pages are."""
    pools = gathered.snapshot.pools
    head = ("pool", "node", *COUNTERS)
    made = table("pools, in pages", head, [_pool_row(pool) for pool in pools], right=(2, 3, 4, 5))
    report = gathered.snapshot.report
    parts = [made] if pools else [tag("p", "This kernel has no pools of huge pages.")]
    parts += _accounts(report) if report is not None else []
    return section("Pools", *parts, beside="in pages", name="pools")


def pool_key(pool: Pool | PoolAccount) -> str:
    """By which a pool's numbers are found in the page."""
    return f"{pool.page_size}.{'host' if pool.node is None else pool.node}"


def _pool_row(pool: Pool) -> list[str]:
    return [
        size(pool.page_size),
        "all" if pool.node is None else str(pool.node),
        *(
            number(f"pool.{pool_key(pool)}.{name}", getattr(pool, name), none=NOTHING)
            for name in COUNTERS
        ),
    ]


def _accounts(report: HostReport) -> list[Html]:
    sizes = sorted({one.page_size for one in report.accounts}, reverse=True)
    parts: list[Html] = []
    for page_size in sizes:
        accounts = [one for one in report.accounts if one.page_size == page_size]
        accounts.sort(key=lambda one: -1 if one.node is None else one.node)
        if any(one.total or one.overcommit or one.torn for one in accounts):
            parts.append(_account(accounts, page_size, report))
    if not parts:
        return []
    when = f"Where the pages are, as of {clock(report.taken_at)}"
    return [tag("h3", when), tag("div", *parts, class_="accounts")]


def _account(accounts: list[PoolAccount], page_size: int, report: HostReport) -> Html:
    head = (
        f"{size(page_size)} pages",
        *("host" if one.node is None else f"node {one.node}" for one in accounts),
    )
    rows = []
    for key, label, of in _PARTS:
        if key == "unplaced" and all(of(one) is None for one in accounts):
            continue
        rows.append([label, *(_account_cell(one, key, of(one)) for one in accounts)])
    notes = [f"{note}." for one in accounts for note in one.notes]
    notes += [_torn(one) for one in accounts if one.torn][:1]
    holdings = [one for one in report.holdings if one.page_size == page_size]
    if holdings:
        listed = [
            f"{one.file.name or one.file.kind}: {plural(one.pages, 'page')} ({one.by})"
            + (" (inferred)" if one.inferred else "")
            for one in holdings[:_MOST_LINKS]
        ]
        more = len(holdings) - len(listed)
        notes.append(
            "Kept without page tables: "
            + "; ".join(listed)
            + (f"; and {integer(more)} more" if more else "")
            + "."
        )
    made = table(f"account of {size(page_size)} pages", head, rows, right=range(1, len(head)))
    return tag("section", made, *(tag("p", note, class_="note") for note in notes))


def _account_cell(account: PoolAccount, key: str, value: int | None) -> Html:
    shown = number(f"account.{pool_key(account)}.{key}", value)
    return joined("up to ", shown) if key == "mapped" and account.guessed else shown


def _torn(account: PoolAccount) -> str:
    moved = plural(account.torn, "page")
    return f"Torn by {moved}: they moved while the look was taken."
