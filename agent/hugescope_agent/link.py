"""The agent's end of the link: looks at the host in a steady beat and sends what it saw, whatever
happens to the server.

Each connection begins with a full frame, so nothing that was lost can be missed. While the server
is away nothing is read from the kernel at all. A slow server slows the beat: the next look waits
until the last one was sent, and no queue grows.
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
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 15.0
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
        tls: how to believe a wss:// server; None: as this machine believes any.
    """

    server: str
    host_id: str
    agent_version: str
    tick_hz: float = 10.0
    token: str | None = field(default=None, repr=False)
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
    """Sends one host's samples to one server, for ever."""

    looker: Looker
    options: LinkOptions
    epoch: str = field(default_factory=lambda: secrets.token_hex(8))
    _seq: int = 0
    _attempts: Attempts = field(default_factory=lambda: Attempts())
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="sampler")
    )

    async def run(self) -> None:
        """Connect, send, and connect again after any loss; ends only by cancellation.

        Raises:
            AgentError: the server's URL is none, or another agent took this one's name.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_LOST), wait=self._attempts, before_sleep=_say_lost
        )
        try:
            await retrying(self._connect_and_send)
        except Replaced:
            raise AgentError(
                f"--host-id {self.options.host_id}: another agent of that name took over at "
                f"{self.options.server}; give one of the two another --host-id"
            ) from None
        except InvalidURI as error:
            raise AgentError(f"--server {self.options.server}: {error}") from None
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _connect_and_send(self) -> None:
        async with connect(
            self.options.server.rstrip("/") + AGENT_PATH,
            compression=None,
            proxy=None,
            logger=_socket_log,
            additional_headers=_shown(self.options.token),
            **_tls(self.options.tls),
            max_size=_MAX_ANSWER_BYTES,
            open_timeout=_ANSWER_S,
            ping_interval=_PING_S,
            ping_timeout=_ANSWER_S,
            close_timeout=1,
        ) as socket_:
            _limit_unacknowledged(socket_)
            await self._greet(socket_)
            log.info("connected to %s", self.options.server)
            listener = asyncio.create_task(self._listen(socket_), name="agent-listener")
            sender = asyncio.create_task(self._send_samples(socket_), name="agent-sender")
            try:
                done, _ = await asyncio.wait(
                    (listener, sender), return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
            finally:
                listener.cancel()
                sender.cancel()
                await asyncio.gather(listener, sender, return_exceptions=True)

    async def _greet(self, socket_: ClientConnection) -> None:
        hello = AgentHello(
            protocol=PROTOCOL_VERSION,
            agent_version=self.options.agent_version,
            host_id=self.options.host_id,
            epoch=self.epoch,
            answers=[PageQuery.model_fields["type"].default],
        )
        async with asyncio.timeout(_ANSWER_S):
            await socket_.send(hello.model_dump_json())
            _unless_refused(await socket_.recv())

    async def _send_samples(self, socket_: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        period_s = 1 / self.options.tick_hz
        await self._send(socket_, await self._off_loop(self.looker.full))
        due_s = loop.time() + period_s
        while True:
            await asyncio.sleep(due_s - loop.time())
            sample = await self._off_loop(self.looker.tick)
            if sample is not None:
                await self._send(socket_, sample)
                # Only now: a server that refuses every full frame must not be asked in a hurry.
                self._attempts.reset()
            # A beat that was missed is not made up for: the next look shows it all anyway.
            due_s = max(due_s + period_s, loop.time())

    async def _send(self, socket_: ClientConnection, sample: Sample) -> None:
        self._seq += 1
        kind = FrameKind.FULL if isinstance(sample.about, HostFrame) else FrameKind.DELTA
        frame = encode_frame(kind, self._seq, sample.about, sample.blocks)
        async with asyncio.timeout(_ANSWER_S):
            await socket_.send(frame)

    async def _listen(self, socket_: ClientConnection) -> None:
        """The server refuses, or asks, one question after another; ends with the connection."""
        async for message in socket_:
            asked = _unless_refused(message)
            if isinstance(asked, PageQuery):
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
    """Jittered waits that double from half a second up to 15 s, and start over once a server
    answered.
    """

    def __init__(self) -> None:
        self._failed = 0

    def reset(self) -> None:
        """A server answered."""
        self._failed = 0

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds until the next try."""
        longest_s = min(_FIRST_WAIT_S * 2**self._failed, _LONGEST_WAIT_S)
        self._failed = min(self._failed + 1, 16)
        return random.uniform(longest_s / 2, longest_s)  # noqa: S311 - spreads load, hides nothing


def _unless_refused(message: str | bytes) -> AgentWelcome | PageQuery:
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
