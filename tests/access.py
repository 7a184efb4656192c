"""The way in for tests: tokens and cookies of the state directory that `tests/conftest.py` sets.

Commands and scripts that a test starts inherit that directory, so that what is made here opens
every server of a test run.
"""

from __future__ import annotations

import os
import time
from functools import cache
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from hugescope_server.auth import session
from hugescope_server.auth.principal import Role
from hugescope_server.auth.records import TokenRecord
from hugescope_server.auth.store import TokenStore


def store() -> TokenStore:
    """The tokens of this test run."""
    return TokenStore(Path(os.environ["HUGESCOPE_STATE_DIR"]))


@cache
def token(role: Role = Role.OPERATOR, host_id: str | None = None) -> str:
    """One of this role, the same each time."""
    return store().create(role, host_id, "of a test")[0]


def bearer(role: Role = Role.OPERATOR, host_id: str | None = None) -> dict[str, str]:
    """The header that shows it."""
    return {"Authorization": f"Bearer {token(role, host_id)}"}


def agent_bearer(host_id: str) -> dict[str, str]:
    """That of an agent of this host."""
    return bearer(Role.AGENT, host_id)


def agent_environment(host_id: str) -> dict[str, str]:
    """For a process that is an agent of this host."""
    return {**os.environ, "HUGESCOPE_TOKEN": token(Role.AGENT, host_id)}


def cookie(url: str, role: Role = Role.OPERATOR) -> tuple[str, str]:
    """Name and value of a logged-in browser's cookie at this server."""
    parts = urlsplit(url)
    opened = _session(role)
    kept = store()
    return session.cookie_name(parts.netloc, parts.scheme == "https"), session.sign(
        opened, kept.session_key()
    )


@cache
def _session(role: Role) -> TokenRecord:
    kept = store()
    parent = kept.find(token(role))
    assert parent is not None
    return kept.open_session(parent, 86_400)


def base_of(line: str) -> str:
    """The server's URL in a line that holds it, or a one-time URL of it."""
    url = next(word for word in line.split() if word.startswith(("http://", "https://")))
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def plain(url: str) -> str:
    """Where a one-time URL leads to, for who is logged in."""
    parts = urlsplit(url)
    asked = parse_qs(parts.fragment)
    return f"{parts.scheme}://{parts.netloc}/{asked.get('to', [''])[0]}"


def opened(url: str, timeout_s: float = 60.0) -> HTTPResponse:
    """The answer of a server to an operator, by urllib."""
    asked = Request(url, headers=bearer())
    answer = urlopen(asked, timeout=timeout_s)
    assert isinstance(answer, HTTPResponse)
    return answer


def cookie_of_playwright(url: str, role: Role = Role.OPERATOR) -> Any:
    """The same, untyped as Playwright leaves it, as Playwright's `add_cookies` takes it."""
    name, value = cookie(url, role)
    return {
        "name": name,
        "value": value,
        "url": base_of(url),
        "expires": time.time() + 86_400,
        "httpOnly": True,
        "sameSite": "Strict",
    }
