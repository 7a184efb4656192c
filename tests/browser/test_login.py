"""Logging in and out as people do: the one-time URL, the form, and a session that ends."""

import re

import pytest
from playwright.sync_api import Locator

from hugescope_server.auth.principal import Role
from tests import access
from tests.browser.conftest import BOTH_THEMES
from tests.browser.made import MadeServer
from tests.browser.made_agent import FEW, SMALL
from tests.browser.screen import Screen
from tests.browser.test_accessibility import AXE, RUN_AXE

pytestmark = pytest.mark.browser


@pytest.fixture
def one_time(made: MadeServer) -> tuple[str, str]:
    """A one-time URL to a map, and where that is."""
    place = made.map_of(SMALL, FEW)
    fragment = place.partition("#")[2].replace("#", "%23")
    code = access.store().new_code(Role.OPERATOR)
    return f"{made.base}/login#code={code}&to=%23{fragment}", place


def go(screen: Screen, url: str) -> None:
    """There, as a browser that nobody logged in before."""
    screen.page.goto("about:blank")
    screen.page.goto(url)


def form(screen: Screen) -> Locator:
    """The field of the login page, once the browser was led there."""
    screen.page.wait_for_url(re.compile(r"/login(#.*)?$"))
    field = screen.page.get_by_label("Token or one-time code")
    field.wait_for()
    return field


def arrives(screen: Screen, place: str) -> None:
    """The browser was led there, and what it reads next is of that page."""
    screen.page.wait_for_url(re.compile(re.escape(place)))
    screen.page.wait_for_load_state()


def test_a_one_time_url_leads_to_its_place_once(screen: Screen, one_time: tuple[str, str]) -> None:
    url, place = one_time
    go(screen, url)
    arrives(screen, place)
    screen.seen("heatmap-canvas")
    screen.page.context.clear_cookies()
    go(screen, url)
    screen.shows(screen.page.get_by_role("status"), "not valid")
    assert "code" not in screen.page.url
    assert screen.page.evaluate("document.cookie") == "", "no script reads the session"


def test_a_deep_link_survives_the_form_by_keyboard(screen: Screen, made: MadeServer) -> None:
    place = made.map_of(SMALL, FEW)
    go(screen, place)
    field = form(screen)
    screen.until(lambda: field.evaluate("one => one === document.activeElement"), "the focus")
    screen.page.keyboard.type("wrong")
    screen.page.keyboard.press("Enter")
    screen.shows(screen.page.get_by_role("status"), "not valid")
    field.fill("")
    screen.page.keyboard.type(access.token())
    screen.page.keyboard.press("Enter")
    arrives(screen, place)
    screen.seen("heatmap-canvas")


def test_who_is_revoked_is_led_to_the_login_page_and_back(screen: Screen, made: MadeServer) -> None:
    kept = access.store()
    token, record = kept.create(Role.OPERATOR)
    place = made.map_of(SMALL, FEW)
    go(screen, place)
    form(screen).fill(token)
    screen.page.keyboard.press("Enter")
    arrives(screen, place)
    screen.shows("connection", "live")
    kept.revoke(record.id)
    form(screen).fill(access.token())
    assert "/login#/host/" in screen.page.url
    screen.page.keyboard.press("Enter")
    arrives(screen, place)
    screen.seen("heatmap-canvas")


def test_who_logs_out_is_out(screen: Screen, made: MadeServer) -> None:
    code = access.store().new_code(Role.OPERATOR)
    go(screen, f"{made.base}/login#code={code}")
    screen.page.wait_for_url(re.compile(rf"{made.base}/(#/?)?$"))
    screen.seen(screen.page.get_by_role("link", name="Log out")).click()
    screen.shows(screen.page.get_by_role("status"), "logged out")
    go(screen, made.base)
    form(screen)


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_one_time_url_leads_nowhere_else(screen: Screen, made: MadeServer, to: str) -> None:
    code = access.store().new_code(Role.OPERATOR)
    go(screen, f"{made.base}/login#code={code}&to={to}")
    screen.page.wait_for_url(re.compile(rf"{made.base}/(#/?)?$"))
    screen.page.wait_for_load_state()
    screen.shows("connection", "live")


@BOTH_THEMES
@pytest.mark.parametrize("width", [1280, 390])
def test_the_form_is_for_everyone(screen: Screen, made: MadeServer, width: int) -> None:
    screen.page.set_viewport_size({"width": width, "height": 800})
    go(screen, f"{made.base}/login#code=hsc_used")
    screen.shows(screen.page.get_by_role("status"), "not valid")
    screen.page.evaluate(AXE.read_text())
    assert screen.page.evaluate(RUN_AXE, None) == []
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= width
