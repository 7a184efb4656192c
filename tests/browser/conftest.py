"""Chromium, headless, on pages of a real server and a real agent."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.made import MadeServer, made_server
from tests.browser.screen import Screen

# Without these a fresh profile talks to its maker's hosts at every start.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# For what depends on colours; everything else is the same in either.
BOTH_THEMES = pytest.mark.parametrize("screen", ["light", "dark"], indirect=True)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser of the machine: none is downloaded.

    Closed after this directory: its event loop would stand in the way of tests with one of their
    own.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def made() -> Iterator[MadeServer]:
    """A server whose host stands still until a test moves it; one for all tests of a module."""
    with made_server() as server:
        yield server


@pytest.fixture
def screen(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """A page that must not complain and must not ask another host for anything.

    Light; in both themes where a test is marked with `BOTH_THEMES`. One for all tests of a module
    that sets `ONE_PAGE`: they open what they need, and a page of their own takes longer than they.
    """
    if getattr(request.module, "ONE_PAGE", False):
        yield request.getfixturevalue("only_screen")
        return
    theme: Literal["light", "dark"] = getattr(request, "param", "light")
    with quiet_page(chromium, request.config, theme) as screen:
        yield screen


@pytest.fixture(scope="module")
def only_screen(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """The page of a module that has only one."""
    with quiet_page(chromium, request.config, "light") as screen:
        yield screen


@contextmanager
def quiet_page(
    chromium: Browser, config: pytest.Config, theme: Literal["light", "dark"]
) -> Iterator[Screen]:
    """A page until the block ends; then it must have complained of nothing."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=theme)
    screen = page_of(context, config)
    yield screen
    context.close()
    assert screen.complaints == []
    assert screen.foreign == []


def page_of(context: BrowserContext, config: pytest.Config) -> Screen:
    """A new page, as slow as `--slow-browser` says: tests must pass at any speed."""
    page = context.new_page()
    times = config.getoption("slow_browser", default=1)
    if times > 1:
        throttle = context.new_cdp_session(page)
        throttle.send("Emulation.setCPUThrottlingRate", {"rate": times})
    return Screen(page)
