"""A server and a host made up in memory, for tests of the agent's link: no socket, no waiting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tenacity import RetryCallState
from websockets.exceptions import ConnectionClosedError

from hugescope_agent import link as link_module
from hugescope_agent.errors import AskError
from hugescope_agent.link import AgentLink, Attempts, LinkOptions
from hugescope_agent.sample import Sample
from hugescope_wire.frames import Frame, decode_frame
from hugescope_wire.messages import AgentWelcome, PageAnswer, Refusal
from hugescope_wire.page import PageDetail
from tests.unit.server.made_report import page as made_page
from tests.unit.wire.made_wire import host_delta, host_frame

WELCOME = AgentWelcome(protocol=1, server_version="9").model_dump_json()
REFUSAL = Refusal(code="bad_token", message="who are you").model_dump_json()
LOST = ConnectionClosedError(None, None)


class Done(Exception):
    """Ends a test's link from inside."""


@dataclass
class FakeLooker:
    """A full sample, then deltas; None where `ticks` says so; an error where there is one."""

    ticks: list[Sample | Exception | None] = field(default_factory=list)
    fulls: int = 0
    pages: list[tuple[int, int, int | None]] = field(default_factory=list)

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        self.pages.append((pid, address, part))
        if pid != 7:
            raise AskError("no_such_process", "there is none")
        return made_page()

    def full(self) -> Sample:
        self.fulls += 1
        return Sample(host_frame([]), [])

    def tick(self) -> Sample | None:
        answer = self.ticks.pop(0) if self.ticks else Done()
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class FakeSocket:
    """One connection: `answers` are received in order, an error among them is raised."""

    answers: list[Any]
    fail_after: int = 1 << 30
    sent: list[Any] = field(default_factory=list)
    greeted: asyncio.Event = field(default_factory=asyncio.Event)
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    closed: tuple[int, str] | None = None

    def break_off(self) -> None:
        self.broken.set()

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    @property
    def transport(self) -> asyncio.Transport:
        return asyncio.Transport()

    async def send(self, message: str | bytes) -> None:
        if len(self.sent) >= self.fail_after:
            raise LOST
        self.sent.append(message)
        self.greeted.set()

    async def recv(self) -> str | bytes:
        if not self.answers:
            await self.broken.wait()
            raise LOST
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast("str | bytes", answer)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            yield await self.recv()

    @property
    def hello(self) -> dict[str, Any]:
        answer = json.loads(self.sent[0])
        assert isinstance(answer, dict)
        return answer

    @property
    def frames(self) -> list[Frame]:
        return [decode_frame(message) for message in self.sent[1:] if isinstance(message, bytes)]

    @property
    def pages(self) -> list[PageAnswer]:
        texts = (message for message in self.sent[1:] if isinstance(message, str))
        return [PageAnswer.model_validate_json(text) for text in texts]


class NoWait(Attempts):
    """Says what it would wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def __call__(self, retry_state: RetryCallState) -> float:
        self.waits.append(super().__call__(retry_state))
        return 0.0


@dataclass
class Server:
    """Gives one socket a connection, in order; an error in its place refuses the connection."""

    sockets: list[FakeSocket | Exception]
    asked: list[str] = field(default_factory=list)
    shown: list[Any] = field(default_factory=list)
    used: list[FakeSocket] = field(default_factory=list)

    def __call__(self, uri: str, **given: object) -> Any:
        @asynccontextmanager
        async def connection() -> AsyncIterator[FakeSocket]:
            self.asked.append(uri)
            self.shown.append(given["additional_headers"])
            one = self.sockets.pop(0) if self.sockets else Done()
            if isinstance(one, Exception):
                raise one
            self.used.append(one)
            yield one

        return connection()


Run = Callable[..., Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a link against sockets until something ends it; gives server and waits."""

    async def start(
        sockets: list[FakeSocket | Exception],
        looker: FakeLooker,
        ends: type[Exception] | tuple[type[Exception], ...] = Done,
        server_url: str = "ws://127.0.0.1:1",
        newer_token: Callable[[], str | None] = lambda: None,
    ) -> tuple[Server, NoWait]:
        server, attempts = Server(sockets), NoWait()
        monkeypatch.setattr(link_module, "connect", server)
        options = LinkOptions(
            server_url, "box", "0.1", tick_hz=1e6, token="first", newer_token=newer_token
        )
        made = AgentLink(looker, options, epoch="e1", boot_id="b1", _attempts=attempts)
        with pytest.raises(ends):
            await made.run()
        return server, attempts

    return start


def delta() -> Sample:
    return Sample(host_delta(), [])
