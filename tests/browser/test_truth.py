"""What the screen shows of each cell is what `hugescope snapshot --json` says of it.

Read from the page's own arrays, and from the pixels of the map: each cell has the colour that the
legend's swatch of its class has. Here classes are worked out from the snapshot alone.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.browser.live import Live, up
from tests.browser.pixels import shows_colors
from tests.browser.screen import Screen
from tests.kernel import cases, snapshot_command
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.puppets import puppet
from tests.kernel.snapshot_command import Shown
from tests.trees.conftest import unpack

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

PAGE = 4096
UNKNOWN_COUNT = 0xFFFF
UNKNOWN_NODE = 0xFF
SEVERAL_NODES = 0xFE
STATES = ["hole", "mapped", "full", "split", "partial", "marker", "poisoned", "migrating", "small"]
FLAGS = {"exclusive": 1, "write_protected": 2, "shared_table": 4, "inferred": 8}
NO_PAGE = ("hole", "marker")
DANGER = ("poisoned", "migrating")
TREES = [
    "hgm-v2-stage2",
    "hgm-v2-stage3",
    "hgm-v2-stage4",
    "stock-6.12-stage1",
    "stock-6.12-stage3",
]

_COLUMNS = """(() => {
    const {complete, view, columns} = h.mapping;
    if (!complete || view.shift) return null;
    const {state, mappedPages, mapcount, mappers, node, flags} = columns;
    return [...state].map((one, at) =>
        [one, mappedPages[at], mapcount[at], mappers[at], node[at], flags[at]]);
})()"""

_GROUPS = """(() => {
    const {complete, view, columns} = h.mapping;
    if (!complete || !view.shift) return null;
    const {counts, mappedPages, writeProtected, sharedTable, inferred} = columns;
    const {mapcount, mappers, node} = columns;
    const all = [mappedPages, ...counts, writeProtected, sharedTable, inferred];
    all.push(mapcount, mappers, node);
    return [view.shift, [...mappedPages].map((_, at) => all.map(one => one[at]))];
})()"""

_LEGEND = (
    """all => Object.fromEntries(all.map(one => [one.dataset.key, Number(one.dataset.count)]))"""
)


class Place(NamedTuple):
    """A mapping: where the page shows it, and its cells as the snapshot has them."""

    pid: int
    start: int
    page_size: int
    cells: list[Shown]


def places(*arguments: str, pids: tuple[int, ...] | None = None) -> list[Place]:
    """Every mapping that a snapshot shows, or those of these processes."""
    shown = snapshot_command.snapshot(*arguments)
    return [
        Place(process["pid"], start, mapping["page_size"], snapshot_command.cells(mapping))
        for process in shown["processes"]
        if pids is None or process["pid"] in pids
        for start, mapping in snapshot_command.mappings(shown, process["pid"]).items()
    ]


def columns(cell: Shown) -> list[int]:
    """A cell as the page's arrays hold it."""
    return [
        STATES.index(cell.state),
        cell.mapped_bytes // PAGE,
        UNKNOWN_COUNT if cell.mapcount is None else cell.mapcount,
        UNKNOWN_COUNT if cell.mappers is None else cell.mappers,
        UNKNOWN_NODE if cell.node is None else cell.node,
        sum(FLAGS[flag] for flag in cell.flags),
    ]


def class_of(cell: Shown, mode: str) -> str:
    """The line of the legend that a cell belongs to."""
    if cell.state in DANGER:
        return cell.state
    if mode == "state":
        flagged = cell.state not in (*NO_PAGE, "partial")
        if flagged and "write_protected" in cell.flags:
            return "write-protected"
        return "shared-table" if flagged and "shared_table" in cell.flags else cell.state
    if cell.state in NO_PAGE:
        return "no-page"
    if mode == "node":
        return "unknown" if cell.node is None else f"node-{cell.node}"
    count = cell.mapcount if mode == "mapcount" else cell.mappers
    if count is None:
        return "unknown"
    # Beyond four, classes end at powers of two: 5 to 8, 9 to 16.
    return f"count-{count if count <= 4 else (1 << (count - 1).bit_length() - 1) + 1}"


def legend_of(cells: list[Shown], mode: str) -> dict[str, int]:
    """Each line of the legend with its number; by state, what a flag colours is counted twice."""
    counts = Counter(class_of(cell, mode) for cell in cells)
    if mode == "state":
        flagged = {key: counts[key] for key in ("write-protected", "shared-table") if counts[key]}
        counts = Counter(cell.state for cell in cells) | Counter(flagged)
    return dict(counts)


def check_mapping(screen: Screen, live: Live, place: Place) -> None:
    """Arrays of one mapping; then legend and pixels in each colour mode and theme."""
    base = f"{live.base}/#/host/{live.host_id}/pid/{place.pid}/map/{place.start:x}"
    screen.open(base)
    screen.matches(_COLUMNS, [columns(cell) for cell in place.cells])
    for mode in ("state", "mapcount", "mappers", "node"):
        screen.page.evaluate("url => { location.href = url; }", f"{base}?color={mode}")
        wanted = legend_of(place.cells, mode)
        screen.comes_to(lambda: legend(screen), lambda it: it == wanted, f"{mode}: {wanted}")  # noqa: B023
        for theme in ("dark", "light"):
            screen.page.emulate_media(color_scheme=theme)
            screen.matches("document.documentElement.dataset.theme", theme)
            check_colors(screen, place, mode)


def legend(screen: Screen) -> dict[str, int]:
    """Each line of the legend with its number, as they are now."""
    lines = screen.page.get_by_test_id("legend").locator("[data-key]")
    return dict(lines.evaluate_all(_LEGEND))


def check_colors(screen: Screen, place: Place, mode: str) -> None:
    """Pixels of a cell of each class, the first and the last of each, against the legend."""
    asked: dict[int, str] = {}
    for cells in (enumerate(place.cells), reversed(list(enumerate(place.cells)))):
        seen: set[str] = set()
        for at, cell in cells:
            name = class_of(cell, mode)
            # A page mapped in part has as many shades as levels, and the legend one of them.
            if name not in seen and name != "partial":
                seen.add(name)
                asked[at] = name
    shows_colors(screen, asked, mode)


@pytest.fixture(scope="module", params=TREES)
def tree(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Live, list[Place]]]:
    """A captured tree, served; and what the command shows of it."""
    root = unpack(request.param, Path(tmp_path_factory.mktemp(request.param)))
    with up("--root", str(root)) as live:
        yield live, places("--root", str(root))


def test_a_captured_tree(screen: Screen, tree: tuple[Live, list[Place]]) -> None:
    live, shown = tree
    assert shown
    for place in shown:
        check_mapping(screen, live, place)


@pytest.fixture(scope="module")
def mixed() -> Iterator[tuple[Live, list[Place]]]:
    """Holes, pages of one and of many mappers, shared tables, markers, private copies."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(case())
            for case in (cases.forked_private, cases.aliased_memfd, cases.shared_table)
        ]
        made += marked(stack)
        live = stack.enter_context(up())
        yield live, places(pids=tuple(pid for case in made for pid in case.pids))


def marked(stack: ExitStack) -> list[cases.Case]:
    """Write-protected pages and markers, where userfaultfd allows them."""
    try:
        return [stack.enter_context(cases.uffd_marker())]
    except pytest.skip.Exception:
        return []


def test_live_processes(screen: Screen, mixed: tuple[Live, list[Place]]) -> None:
    live, shown = mixed
    assert len(shown) > 6
    for place in shown:
        check_mapping(screen, live, place)


def test_a_mapping_that_begins_in_the_last_entry_of_a_table(screen: Screen) -> None:
    """Its first two cells are neighbours, at the two ends of two rows."""
    with extra_pages(MIB2, 3), puppet() as process, up() as live:
        process.do("memfd", 0, 519, "last entry", False)
        process.do("touch", 0, [513, 514, 516])
        process.do("cut", 0, 511)
        (place,) = places(pids=(process.pid,))
        assert len(place.cells) == 8
        check_mapping(screen, live, place)


def group_of(cells: list[Shown]) -> list[int]:
    """Cells that the page shows as one, as its arrays hold that."""
    states = Counter(cell.state for cell in cells)
    flags = Counter(flag for cell in cells for flag in cell.flags)
    nodes = {UNKNOWN_NODE if one.node is None else one.node for one in cells if one.mapped_bytes}
    return [
        sum(cell.mapped_bytes for cell in cells) // PAGE,
        *(states[name] for name in STATES),
        *(flags[name] for name in ("write_protected", "shared_table", "inferred")),
        max((one.mapcount for one in cells if one.mapcount is not None), default=UNKNOWN_COUNT),
        max((one.mappers for one in cells if one.mappers is not None), default=UNKNOWN_COUNT),
        nodes.pop() if len(nodes) == 1 else SEVERAL_NODES if nodes else UNKNOWN_NODE,
    ]


def groups_of(place: Place, shift: int) -> list[list[int]]:
    """All groups of 2**shift entries of a page table, those at the mapping's ends cut short."""
    column = place.start // place.page_size % 512
    groups: dict[int, list[Shown]] = {}
    for at, cell in enumerate(place.cells):
        groups.setdefault(at + column >> shift, []).append(cell)
    return [group_of(cells) for cells in groups.values()]


@pytest.mark.parametrize(("query", "shift", "tables"), [("", 3, 512), ("?level=pud", 9, 4)])
def test_groups_of_cells(screen: Screen, query: str, shift: int, tables: int) -> None:
    """Where there are more cells than pixels, and on the level of page tables."""
    cells = tables * 512
    with extra_pages(MIB2, 8), puppet() as process, up() as live:
        process.do("memfd", 0, cells, "sparse", False)
        process.do("touch", 0, [0, 1, 7, 8, 511, 512, cells - 2, cells - 1])
        (place,) = places(pids=(process.pid,))
        screen.page.set_viewport_size({"width": 390, "height": 844})
        screen.open(live.map_of(process.pid) + query)
        wanted = groups_of(place, shift)
        screen.matches(_GROUPS, [shift, wanted])
