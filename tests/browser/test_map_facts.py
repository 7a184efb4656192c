"""What a map says beside its picture: each field of the drawer, what changed, which theme."""

import re

import pytest
from playwright.sync_api import Locator

from tests.browser.made import MadeServer, open_map
from tests.browser.made_agent import HOST, RAM, STARTS, TERA, VM, WIDE
from tests.browser.screen import COLOR, Screen

pytestmark = pytest.mark.browser
ONE_PAGE = True

_FACTS = """all => Object.fromEntries(all.map(one =>
    [one.dataset.fact, one.querySelector('dd').innerText]))"""

# A flash ends in a frame after the one that began it: who looks in each frame sees it.
_WATCH = f"""cell => {{
    const colorOf = {COLOR};
    window.seen = new Set();
    const look = () => {{
        const color = colorOf(cell);
        if (color) window.seen.add(color.join());
        requestAnimationFrame(look);
    }};
    look();
}}"""


def facts_are(screen: Screen, wanted: dict[str, str]) -> None:
    """Return once the drawer says all of this."""
    found = screen.page.get_by_test_id("page").locator("[data-fact]")
    screen.comes_to(
        lambda: dict(found.evaluate_all(_FACTS)),
        lambda facts: wanted.items() <= facts.items(),
        f"{wanted}",
    )


def test_the_drawer_of_a_cell_has_every_field(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?cells=700"))
    screen.shows("page-state", "mapped in full by one 2 MiB entry")
    facts_are(
        screen,
        {
            "address": "0x7f0063800000–0x7f0063a00000",
            "offset": "0x57800000",
            "guest": "0x57800000 of pc.ram (inferred)",
            "guest-physical": "0x57800000 (inferred)",
            "entry": "284 of table 1",
            "mapped": "2 MiB of 2 MiB",
            "mapcount": "2",
            "mappers": "2",
            "node": "0",
            "flags": "exclusive",
        },
    )
    screen.shows("page-counts", "mapcount (kernel)", "mappers", "processes")
    # Beyond the memory below 4 GiB, and on the other node.
    screen.open(made.map_of(VM, RAM, "?cells=1200"))
    facts_are(
        screen,
        {"guest": "0x96000000 of pc.ram (inferred)", "guest-physical": "0x116000000 (inferred)"},
    )
    screen.open(made.map_of(VM, RAM, "?cells=900"))
    facts_are(screen, {"node": "1", "mapcount": "1"})
    # Of what is not there nothing is made up.
    screen.open(made.map_of(VM, RAM, "?cells=3999"))
    unknown = "unknown (no page here)"
    facts_are(screen, {"mapped": "0 B of 2 MiB", "mapcount": unknown, "node": unknown})


def test_the_drawer_names_who_maps_a_cell_with_a_link(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?cells=700"))
    screen.shows("mapped-by", "build-7", "100", "shared")
    link = screen.seen("mapped-by").get_by_role("link")
    way = f"#/host/{HOST}/pid/{VM}/map/{STARTS[RAM]:x}?cells=700"
    screen.comes_to(lambda: link.get_attribute("href"), way.__eq__, "its link")


def test_the_drawer_of_many_cells_sums_them(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?cells=590-609"))
    facts_are(
        screen,
        {"counts": "mapped 20", "mapped": "40 MiB of 40 MiB", "mapcount": "2", "mappers": "2"},
    )
    screen.open(made.map_of(WIDE, TERA, "?level=pud&cells=0-511"))
    facts_are(screen, {"counts": "hole 512", "mapcount": "unknown (no page here)"})
    # Zoomed in, and so coarse that more are drawn as one: what is summed is said.
    screen.open(made.map_of(WIDE, TERA, "?x=0-512&y=4-8&cells=0-524287"))
    some = re.compile(r"cells 0 to 524,287.*sums of what is loaded: cells \d", re.I | re.S)
    screen.shows("page", some)
    screen.open(made.map_of(WIDE, TERA, "?cells=3-900"))
    screen.shows("page", re.compile(r"cells 3 to 900.*loaded: cells 0 to \d+", re.I | re.S))


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_change_lights_up_unless_less_motion_is_wished_for(
    screen: Screen, made: MadeServer, motion: str
) -> None:
    cell = 3600
    screen.page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
    try:
        open_map(screen, made.map_of(VM, RAM))
        hole = screen.painted(cell)
        screen.page.evaluate(_WATCH, cell)
        made.put(RAM, cell, "mapped")
        screen.matches(f"h.mapping.keyOf({cell})", "mapped")
        mapped = screen.painted(cell)
        screen.settle()
        still = {",".join(map(str, color)) for color in (hole, mapped)}
        between = set(screen.page.evaluate("[...window.seen]")) - still
        assert bool(between) == (motion != "reduce")
    finally:
        screen.page.emulate_media(reduced_motion="no-preference")
        made.put(RAM, cell, "hole")


def theme_is(screen: Screen, theme: str) -> None:
    screen.matches("document.documentElement.dataset.theme", theme)


def option(screen: Screen, theme: str) -> Locator:
    """A choice among the themes."""
    return screen.seen("theme").get_by_label(theme, exact=True)


def test_the_theme_is_chosen_and_remembered(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM))
    theme_is(screen, "light")
    light = screen.painted(700)
    screen.seen("theme").get_by_text("dark", exact=True).click()
    theme_is(screen, "dark")
    screen.comes_to(lambda: screen.painted(700), lambda color: color != light, "a dark map")
    screen.page.reload()
    theme_is(screen, "dark")
    option(screen, "dark").focus()
    screen.page.keyboard.press("ArrowLeft")
    theme_is(screen, "light")
    screen.page.keyboard.press("ArrowLeft")
    screen.comes_to(option(screen, "system").is_checked, bool, "the system's theme")
    screen.page.emulate_media(color_scheme="dark")
    theme_is(screen, "dark")
    screen.page.emulate_media(color_scheme="light")
    theme_is(screen, "light")


def test_the_map_can_be_passed_over(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM))
    screen.seen("skip-to-extents").focus()
    screen.page.keyboard.press("Enter")
    screen.address("panel=extents")
    screen.shows("extent-table", "poisoned", "migrating")
    focused = "document.activeElement?.closest('[data-testid]')?.dataset.testid"
    screen.matches(focused, "extents")
