"""The agent's end of the link: looks at the host in a steady beat and sends what it saw, whatever
happens to the server.

One task looks, for as long as the agent runs, and never stops in the middle of a look: what a look
found is told once, so a look that is thrown away would be missing for ever. Another connects, sends
what `outbox.py` has, and connects again after any loss. A slow server slows the beat: the next look
waits until the last one was sent, and no queue grows.

While the server is away the looks go on, for ten seconds in the same beat and then once a second,
and fill the ring of the outbox; when nothing can go on from there any more they stop. Before a
first server answered nothing is read from the kernel at all.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_base
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from hugescope_agent.errors import AgentError, AskError
from hugescope_agent.outbox import Outbox
from hugescope_agent.sample import Sample
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, encode_frame
from hugescope_wire.host import PROTOCOL_VERSION, HostFrame
from hugescope_wire.messages import (
    AGENT_PATH,
    TO_AGENT,
    AgentHello,
    AgentWelcome,
    PageAnswer,
    PageQuery,
    Refusal,
    Taken,
    parse,
)
from hugescope_wire.page import PageDetail

log = logging.getLogger(__name__)
_socket_log = logging.getLogger(f"{__name__}.socket")
_socket_log.setLevel(logging.INFO)
"""Never below: it would log the headers, with the token."""
T = TypeVar("T")

_ANSWER_S: Final = 10.0
"""A server that takes a connection but does not answer, or stops reading, is given up after this.
"""

_REPLACED: Final = "replaced"
_NOT_LOGGED_IN: Final = 401
_LEAST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 10.0
"""Viewers are to see the host as it is within 15 s of the end of whatever kept the link away."""

_CUT_S: Final = 10.0
"""A link that comes back so soon has missed nothing, not even a migration's order."""

_AWAY_PERIOD_S: Final = 1.0
_VERSION_REFUSED: Final = 1008
_PING_S: Final = 5.0
_MAX_ANSWER_BYTES: Final = 1 << 16
_LOST: Final = (OSError, ConnectionClosed, InvalidHandshake, WireError, TimeoutError)


class Looker(Protocol):
    """What gives samples: the sampler of a live host, or a replay."""

    def full(self) -> Sample:
        """Everything."""

    def tick(self) -> Sample | None:
        """What changed since; None for nothing to say."""

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """What is behind an address; raises AskError where nothing is."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Where to send and how often.

    Attributes:
        server: base URL of the server, ws:// or wss://, without a path.
        host_id: names this host to the server; durable.
        tick_hz: looks a second.
        token: shows the server that this agent may speak for the host; None shows nothing.
        newer_token: asked before each connection; None: `token` is the newest. A server that lost
            its tokens gets new ones, and an agent must not have to be started anew for that.
        tls: how to believe a wss:// server; None: as this machine believes any.
    """

    server: str
    host_id: str
    agent_version: str
    tick_hz: float = 10.0
    token: str | None = field(default=None, repr=False)
    newer_token: Callable[[], str | None] = lambda: None
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def pinned(certificate: str) -> ssl.SSLContext:
    """Believes a server that shows this very certificate, PEM, whatever names it is for.

    Args:
        certificate: one, not a chain: whatever it signed would be believed too.

    Raises:
        ssl.SSLError: that is no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # Without it the certificate would have to be its own root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


class Refused(WireError):
    """The server answered that it does not take this agent; trying again may help later."""


class Replaced(Exception):
    """Another agent of the same host connected: coming back would start a game without end."""


@dataclass(slots=True)
class AgentLink:
    """Sends one host's samples to one server, for ever.

    Attributes:
        epoch: random, of this run of the agent.
        boot_id: of the host's kernel, where it is known.
        outbox: what the server may not have.
    """

    looker: Looker
    options: LinkOptions
    epoch: str = field(default_factory=lambda: secrets.token_hex(8))
    boot_id: str | None = None
    outbox: Outbox = field(default_factory=Outbox)
    _attempts: Attempts = field(default_factory=lambda: Attempts())
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="sampler")
    )
    _may_look: asyncio.Event = field(default_factory=asyncio.Event)
    _looked: asyncio.Event = field(default_factory=asyncio.Event)
    _linked: bool = False
    _lost_at_s: float = 0.0

    async def run(self) -> None:
        """Connect, send, and connect again after any loss; ends only by cancellation.

        Raises:
            AgentError: the server's URL is none, or another agent took this one's name.
        """
        looks = asyncio.create_task(self._keep_looking(), name="agent-looks")
        link = asyncio.create_task(self._keep_connected(), name="agent-connection")
        try:
            await _first_of(looks, link)
        except Replaced:
            raise AgentError(
                f"--host-id {self.options.host_id}: another agent of that name took over at "
                f"{self.options.server}; give one of the two another --host-id"
            ) from None
        except InvalidURI as error:
            raise AgentError(f"--server {self.options.server}: {error}") from None
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _keep_looking(self) -> None:
        """Look when it is time and there is a use for it."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            await self._may_look.wait()
            if not self.outbox.needs_full:
                await asyncio.sleep(due_s - loop.time())
            # A link may have come or gone meanwhile.
            if not self._may_look.is_set():
                continue
            await self._look()
            # A beat that was missed is not made up for: the next look shows it all anyway.
            due_s = max(due_s + self._period_s(loop.time()), loop.time())

    async def _look(self) -> None:
        full = self.outbox.needs_full
        sample = await self._off_loop(self.looker.full if full else self.looker.tick)
        if sample is None:
            return
        kind = FrameKind.FULL if isinstance(sample.about, HostFrame) else FrameKind.DELTA
        frame = encode_frame(kind, self.outbox.seq + 1, sample.about, sample.blocks)
        now_s = asyncio.get_running_loop().time()
        self.outbox.add(frame, now_s, full=kind is FrameKind.FULL)
        self._looked.set()
        if self._linked or not self.outbox.resumable:
            self._may_look.clear()

    def _period_s(self, now_s: float) -> float:
        period_s = 1 / self.options.tick_hz
        if self._linked or now_s - self._lost_at_s < _CUT_S:
            return period_s
        return max(period_s, _AWAY_PERIOD_S)

    async def _keep_connected(self) -> None:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_LOST), wait=self._attempts, before_sleep=_say_lost
        )
        await retrying(self._connect_and_send)

    async def _connect_and_send(self) -> None:
        async with connect(
            self.options.server.rstrip("/") + AGENT_PATH,
            compression=None,
            proxy=None,
            logger=_socket_log,
            additional_headers=_shown(self.options.newer_token() or self.options.token),
            **_tls(self.options.tls),
            max_size=_MAX_ANSWER_BYTES,
            open_timeout=_ANSWER_S,
            ping_interval=_PING_S,
            ping_timeout=_ANSWER_S,
            close_timeout=1,
        ) as socket_:
            _limit_unacknowledged(socket_)
            welcome = await self._greet(socket_)
            listener = asyncio.create_task(self._listen(socket_), name="agent-listener")
            sender = asyncio.create_task(self._send_samples(socket_, welcome), name="agent-sender")
            try:
                await _first_of(listener, sender)
            finally:
                self._unlink()
        raise ConnectionResetError("the server closed the link")

    async def _greet(self, socket_: ClientConnection) -> AgentWelcome:
        hello = AgentHello(
            protocol=PROTOCOL_VERSION,
            agent_version=self.options.agent_version,
            host_id=self.options.host_id,
            epoch=self.epoch,
            answers=[PageQuery.model_fields["type"].default],
            boot_id=self.boot_id,
            keeps=True,
            resume=self.outbox.hello(asyncio.get_running_loop().time()),
        )
        async with asyncio.timeout(_ANSWER_S):
            await socket_.send(hello.model_dump_json())
            welcome = _unless_refused(await socket_.recv())
        if not isinstance(welcome, AgentWelcome):
            raise WireError("bad_message", f"the server greets with {welcome.type}")
        if welcome.protocol != PROTOCOL_VERSION:
            why = (
                f"the server speaks protocol {welcome.protocol}, this agent {PROTOCOL_VERSION}: "
                "run the same version of hugescope on both"
            )
            await socket_.close(_VERSION_REFUSED, why)
            raise Refused("unsupported_protocol", why)
        return welcome

    async def _send_samples(self, socket_: ClientConnection, welcome: AgentWelcome) -> None:
        """Send what the outbox has, and let the next look begin whenever nothing is left."""
        goes_on = self.outbox.welcomed(welcome.seq, tells_taken=welcome.tells_taken)
        self._linked = True
        self._may_look.clear()
        how = "the server has what came before" if goes_on else "from a full frame on"
        log.info("connected to %s: %s", self.options.server, how)
        # What was waited for, a full frame or what is in the ring, says nothing of the server yet.
        beats = 0
        while True:
            self._looked.clear()
            while (frame := self.outbox.take_unsent()) is not None:
                async with asyncio.timeout(_ANSWER_S):
                    await socket_.send(frame)
            if beats > 1:
                # Only now: a server that refuses the first frames must not be asked in a hurry.
                self._attempts.reset()
            beats += 1
            self._may_look.set()
            await self._looked.wait()

    def _unlink(self) -> None:
        """The link is gone: look on if some server may go on from what is kept."""
        if not self._linked:
            return
        self._linked = False
        self._lost_at_s = asyncio.get_running_loop().time()
        self.outbox.lost()
        if self.outbox.resumable:
            self._may_look.set()
        else:
            self._may_look.clear()

    async def _listen(self, socket_: ClientConnection) -> None:
        """The server refuses, or asks, one question after another; ends with the connection."""
        async for message in socket_:
            asked = _unless_refused(message)
            if isinstance(asked, Taken):
                self.outbox.taken(asked.seq)
            elif isinstance(asked, PageQuery):
                answer = await self._off_loop(partial(_answer, self.looker, asked))
                async with asyncio.timeout(_ANSWER_S):
                    await socket_.send(answer.model_dump_json())

    async def _off_loop(self, look: Callable[[], T]) -> T:
        """Look in the sampler's one thread, so that pings are answered meanwhile.

        Raises:
            AgentError: the host's files failed, which no other connection would mend.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, look)
        except _LOST as error:
            raise AgentError(f"cannot look at this host: {error}") from error


class Attempts(wait_base):
    """Jittered waits between 1 and 10 s that double, and start over once a server took frames."""

    def __init__(self) -> None:
        self._failed = 0

    def reset(self) -> None:
        """A server answered."""
        self._failed = 0

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds until the next try."""
        longest_s = min(2 * _LEAST_WAIT_S * 2**self._failed, _LONGEST_WAIT_S)
        self._failed = min(self._failed + 1, 16)
        return random.uniform(longest_s / 2, longest_s)  # noqa: S311 - spreads load, hides nothing


async def _first_of(*tasks: asyncio.Task[None]) -> None:
    """Wait until one ends, and end the others; raises what it raised."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _unless_refused(message: str | bytes) -> AgentWelcome | PageQuery | Taken:
    answer = parse(TO_AGENT, message)
    if isinstance(answer, Refusal):
        if answer.code == _REPLACED:
            raise Replaced
        raise Refused(answer.code, answer.message)
    return answer


def _answer(looker: Looker, query: PageQuery) -> PageAnswer:
    """The page asked for, or why there is none; whatever the page is, the link goes on."""
    try:
        page = looker.page(query.pid, query.address, query.part)
    except AskError as error:
        return PageAnswer(query_id=query.query_id, page=None, code=error.code, message=str(error))
    return PageAnswer(query_id=query.query_id, page=page)


def _say_lost(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait_s = state.next_action.sleep if state.next_action else 0.0
    what = f"refused: {error}" if isinstance(error, Refused) else f"no link: {error or 'closed'}"
    if isinstance(error, InvalidStatus) and error.response.status_code == _NOT_LOGGED_IN:
        what = "refused: the server does not know this token; was it revoked, or has it expired?"
    log.warning("%s; next try in %.1f s", what, wait_s)


def _shown(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _tls(context: ssl.SSLContext | None) -> dict[str, Any]:
    """Absent, websockets takes the machine's own authorities for wss://, and nothing for ws://."""
    return {} if context is None else {"ssl": context}


def _limit_unacknowledged(socket_: ClientConnection) -> None:
    """Let TCP itself give up on a peer that does not take what was sent."""
    raw = socket_.transport.get_extra_info("socket")
    if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(_ANSWER_S * 1000))
