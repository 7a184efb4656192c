"""What a viewer sees: maps with offsets, in plain sight that addresses are hidden, and links that
work.
"""

import re
from urllib.parse import quote

import pytest

from hugescope_server.auth.principal import Role
from hugescope_server.veil.places import UNIT_BYTES
from tests import access
from tests.browser.conftest import BOTH_THEMES
from tests.browser.made import MadeServer
from tests.browser.made_agent import FEW, HOST, LARGE, MIB2, RAM, SMALL, STARTS, VM
from tests.browser.screen import Screen
from tests.browser.test_login import go

pytestmark = pytest.mark.browser

LARGE_PLACE = 8 * UNIT_BYTES
"""A page table of 1 GiB pages spans eight units."""

TRUE = re.compile(
    "|".join(rf"(?<![0-9a-f.]){start >> 24:x}[0-9a-f]{{6}}\b" for start in STARTS.values())
)


def map_of(made: MadeServer, pid: int, start: int, query: str = "") -> str:
    """Where a viewer finds a map."""
    return f"{made.base}/#/host/{HOST}/pid/{pid}/map/{start:x}{query}"


def enter(screen: Screen, made: MadeServer, place: str) -> None:
    """Log in as a viewer, by a one-time URL that leads there."""
    code = access.store().new_code(Role.VIEWER)
    to = quote("#" + place.partition("#")[2], safe="/")
    go(screen, f"{made.base}/login#code={code}&to={to}")
    screen.page.wait_for_url(re.compile(re.escape(place)))
    screen.page.wait_for_load_state()


def shows_no_address(screen: Screen) -> None:
    """Nothing on the screen, in a tooltip or in a link, has a part of a true address."""
    assert not TRUE.search(screen.page.content())


@BOTH_THEMES
def test_the_overview_says_that_addresses_are_hidden(screen: Screen, made: MadeServer) -> None:
    place = f"{made.base}/#/host/{HOST}"
    enter(screen, made, place)
    screen.shows("limits", "addresses", "role viewer", "64 GiB", "operator")
    screen.shows(screen.page.locator("main"), f"0x{UNIT_BYTES:x}", f"0x{LARGE_PLACE:x}")
    shows_no_address(screen)
    link = screen.page.locator(f"a[href$='/pid/{SMALL}/map/{UNIT_BYTES:x}']").first
    screen.follow(link, f"/pid/{SMALL}/map/{UNIT_BYTES:x}")
    screen.cells([1, 0] * 32)
    shows_no_address(screen)


def test_the_map_its_drawer_and_one_page(screen: Screen, made: MadeServer) -> None:
    place = map_of(made, SMALL, UNIT_BYTES)
    enter(screen, made, place)
    screen.cells([1, 0] * 32)
    screen.point_at(3)
    screen.shows("tooltip", "3 of table 0", f"0x{UNIT_BYTES + 3 * MIB2:x}")
    screen.click_cell(2)
    screen.shows("page", "cell 2", f"0x{UNIT_BYTES + 2 * MIB2:x}")
    screen.shows("hidden", "addresses: the role viewer does not see where memory lies")
    screen.shows("page-counts", re.compile(r"processes\s+1"))
    screen.shows("page", "qemu")
    shows_no_address(screen)
    made.put(FEW, 2, "hole")
    screen.shows("page", "hole: nothing is mapped")
    made.put(FEW, 2, "mapped")
    screen.shows("page", "mapped in full")


@pytest.mark.parametrize(
    ("start", "query", "seen"),
    [
        (UNIT_BYTES, "?cells=2222", "cell 2,222"),
        (UNIT_BYTES, "?level=pud&cells=1024-1535", "page table 2: cells 1,024 to 1,535 (512)"),
        (LARGE_PLACE, "?cells=1", "cell 1"),
    ],
)
def test_a_deep_link_is_there_again_after_a_reload(
    screen: Screen, made: MadeServer, start: int, query: str, seen: str
) -> None:
    enter(screen, made, map_of(made, VM, start, query))
    for _ in range(2):
        screen.known("h.mapping.complete")
        screen.shows("page", seen)
        shows_no_address(screen)
        screen.page.reload()


def test_inside_a_split_page_and_the_list_of_extents(screen: Screen, made: MadeServer) -> None:
    enter(screen, made, map_of(made, VM, UNIT_BYTES, "?cells=2050&level=pte"))
    screen.shows("parts-heading", "Inside cell 2,050", f"0x{UNIT_BYTES + 2050 * MIB2:x}")
    shows_no_address(screen)
    place = map_of(made, VM, UNIT_BYTES, "?panel=extents&by=split")
    go(screen, place)
    screen.shows("extent-table", "2000–2099", f"0x{UNIT_BYTES + 2000 * MIB2:x}")
    shows_no_address(screen)


def test_a_true_address_leads_a_viewer_nowhere(screen: Screen, made: MadeServer) -> None:
    enter(screen, made, map_of(made, VM, UNIT_BYTES))
    screen.known("h.mapping.complete")
    for mapping in (RAM, LARGE):
        go(screen, made.map_of(VM, mapping))
        screen.shows(screen.page.locator("main"), re.compile(r"not|no such", re.IGNORECASE))
        screen.lacks("heatmap-canvas")
