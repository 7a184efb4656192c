"""Chromium, headless, on pages of a real server and a real agent."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of the machine: none is downloaded.

    Closed after each module: its event loop would stand in the way of tests with one of their own.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def screen(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """A page in either theme that must not complain and must not ask another host for anything."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=request.param
    )
    page: Page = context.new_page()
    screen = Screen(page)
    yield screen
    context.close()
    assert screen.complaints == []
    assert screen.foreign == []
