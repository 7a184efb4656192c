"""The agent's link against a server made up in memory: no socket, no waiting."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tenacity import RetryCallState
from websockets.exceptions import ConnectionClosedError, InvalidURI

from hugescope_agent import link as link_module
from hugescope_agent.errors import AgentError, AskError, BadCapture
from hugescope_agent.link import AgentLink, Attempts, LinkOptions
from hugescope_agent.sample import Sample
from hugescope_wire.frames import Frame, FrameKind, decode_frame
from hugescope_wire.messages import AgentWelcome, PageAnswer, PageQuery, Refusal, Taken
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
    used: list[FakeSocket] = field(default_factory=list)

    def __call__(self, uri: str, **_: object) -> Any:
        @asynccontextmanager
        async def connection() -> AsyncIterator[FakeSocket]:
            self.asked.append(uri)
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
    ) -> tuple[Server, NoWait]:
        server, attempts = Server(sockets), NoWait()
        monkeypatch.setattr(link_module, "connect", server)
        options = LinkOptions(server_url, "box", "0.1", tick_hz=1e6)
        made = AgentLink(looker, options, epoch="e1", boot_id="b1", _attempts=attempts)
        with pytest.raises(ends):
            await made.run()
        return server, attempts

    return start


def delta() -> Sample:
    return Sample(host_delta(), [])


async def test_hello_then_a_full_frame_then_deltas(run: Run) -> None:
    socket = FakeSocket([WELCOME])
    server, _ = await run([socket], FakeLooker([delta(), None, delta()]))
    assert server.asked == ["ws://127.0.0.1:1/api/v1/agent"]
    assert socket.hello == {
        "type": "hello",
        "protocol": 1,
        "agent_version": "0.1",
        "host_id": "box",
        "epoch": "e1",
        "answers": ["page_query"],
        "boot_id": "b1",
        "keeps": True,
        "resume": None,
    }
    assert [(frame.kind, frame.seq) for frame in socket.frames] == [
        (FrameKind.FULL, 1),
        (FrameKind.DELTA, 2),
        (FrameKind.DELTA, 3),
    ]


async def test_questions_are_answered_between_frames(run: Run) -> None:
    asked = [PageQuery(query_id=pid, pid=pid, address=0x2000, part=1) for pid in (7, 8)]
    socket = FakeSocket([WELCOME, *(query.model_dump_json() for query in asked)])
    looker = FakeLooker([delta(), *[None] * 50])
    await run([socket], looker)
    assert looker.pages == [(7, 0x2000, 1), (8, 0x2000, 1)]
    found, missing = socket.pages
    assert (found.query_id, found.page) == (7, made_page())
    assert (missing.query_id, missing.page, missing.code) == (8, None, "no_such_process")


async def test_every_connection_to_an_old_server_begins_with_a_full_frame_and_seq_goes_on(
    run: Run,
) -> None:
    sockets = [FakeSocket([WELCOME], fail_after=3), FakeSocket([WELCOME])]
    looker = FakeLooker([delta(), delta(), delta()])
    await run(list(sockets), looker)
    assert looker.fulls == 2
    assert sockets[1].frames[0].kind is FrameKind.FULL
    seqs = [frame.seq for socket in sockets for frame in socket.frames]
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError("no"), TimeoutError(), LOST], ids=["refused", "late", "closed"]
)
async def test_a_server_that_is_away_is_tried_again_and_nothing_is_read(
    run: Run, error: Exception
) -> None:
    looker = FakeLooker()
    server, attempts = await run([error] * 5, looker)
    assert len(server.asked) == 6
    assert looker.fulls == 0
    assert len(attempts.waits) == 5


@pytest.mark.parametrize(
    "answer", [REFUSAL, "{}", b"\xff", "[]", '{"type":"overview"}'], ids=range(5)
)
async def test_a_refusal_or_nonsense_is_tried_again_later(run: Run, answer: str | bytes) -> None:
    looker = FakeLooker()
    server, attempts = await run([FakeSocket([answer]) for _ in range(3)], looker)
    assert len(server.asked) == 4
    assert looker.fulls == 0
    assert attempts.waits[2] > attempts.waits[0] / 2


async def test_a_refusal_in_the_middle_ends_the_connection(run: Run) -> None:
    class Endless(FakeLooker):
        def tick(self) -> Sample | None:
            return None

    server, _ = await run([FakeSocket([WELCOME, REFUSAL])], Endless())
    assert len(server.asked) == 2


async def test_a_server_that_takes_the_greeting_but_refuses_the_frame_is_not_hammered(
    run: Run,
) -> None:
    """Greeting well and failing at once, again and again, must wait longer and longer."""
    sockets = [FakeSocket([WELCOME], fail_after=1) for _ in range(8)]
    _, attempts = await run(list(sockets), FakeLooker())
    assert max(attempts.waits) > 4


async def test_a_bad_tree_or_a_fault_of_ours_ends_the_agent(run: Run) -> None:
    await run([FakeSocket([WELCOME])], FakeLooker([BadCapture("proc/1/maps")]), BadCapture)
    await run([FakeSocket([WELCOME])], FakeLooker([ZeroDivisionError()]), ZeroDivisionError)


async def test_an_error_of_the_host_s_files_is_not_taken_for_a_lost_link(run: Run) -> None:
    """To try the server again and again would hide what is wrong, and where."""
    gone = OSError(19, "No such device", "/sys/devices/system/node/node1/hugepages")
    server, _ = await run([FakeSocket([WELCOME])], FakeLooker([gone]), (OSError, AgentError))
    assert len(server.asked) == 1


async def test_an_agent_that_was_replaced_ends_and_leaves_no_task(run: Run) -> None:
    """Two agents of one name would otherwise take turns for ever."""

    class Endless(FakeLooker):
        def tick(self) -> Sample | None:
            return None

    replaced = Refusal(code="replaced", message="newest wins").model_dump_json()
    await run([FakeSocket([WELCOME, replaced])], Endless(), AgentError)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_server_s_address_that_is_none_ends_the_agent(run: Run) -> None:
    error = InvalidURI("nonsense", "isn't a valid URI")
    await run([error], FakeLooker(), AgentError, "nonsense")


async def test_cancelling_ends_it_in_every_state(monkeypatch: pytest.MonkeyPatch) -> None:
    for answers in ([], [WELCOME]):
        socket = FakeSocket(list(answers))
        monkeypatch.setattr(link_module, "connect", Server([socket]))
        looker = FakeLooker([None] * 10_000)
        made = AgentLink(looker, LinkOptions("ws://x", "box", "0.1", tick_hz=1e6))
        task = asyncio.create_task(made.run())
        await socket.greeted.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_epochs_differ() -> None:
    options = LinkOptions("ws://x", "box", "0.1")
    epochs = {AgentLink(FakeLooker(), options).epoch for _ in range(50)}
    assert len(epochs) == 50


def test_waits_double_with_jitter_up_to_a_bound_and_start_over() -> None:
    random.seed(1)
    attempts, state = Attempts(), cast("RetryCallState", None)
    longest = [min(2 * 2**number, 15.0) for number in range(40)]
    for bound in longest:
        assert bound / 2 <= attempts(state) <= bound
    attempts.reset()
    assert 1 <= attempts(state) <= 2


def welcome(seq: int | None = None, protocol: int = 1) -> str:
    answer = AgentWelcome(protocol=protocol, server_version="9", tells_taken=True, seq=seq)
    return answer.model_dump_json()


def resume(socket: FakeSocket) -> tuple[int, int]:
    told = socket.hello["resume"]
    return told["first_seq"], told["last_seq"]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        # What is awaited is the state of a made-up socket or looker, which sets no event.
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_it_looks_on_while_the_server_is_away_and_goes_on_where_that_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = FakeSocket([welcome()], fail_after=4)
    second = FakeSocket([welcome(2)])
    looker = FakeLooker([delta() for _ in range(8)])

    class Away(Server):
        def __call__(self, uri: str, **more: object) -> Any:
            given = super().__call__

            @asynccontextmanager
            async def connection() -> AsyncIterator[FakeSocket]:
                if self.used:
                    await until(lambda: len(looker.ticks) <= 3)
                async with given(uri, **more) as one:
                    yield one

            return connection()

    monkeypatch.setattr(link_module, "connect", Away([first, second]))
    made = AgentLink(looker, LinkOptions("ws://x", "box", "0.1", tick_hz=1e3), _attempts=NoWait())
    with pytest.raises(Done):
        await made.run()
    assert looker.fulls == 1
    assert [(frame.seq, frame.late) for frame in first.frames] == [(1, 0), (2, 0), (3, 0)]
    first_seq, last_seq = resume(second)
    assert first_seq == 2, "1 was a full frame, which is sent once"
    assert last_seq >= 6
    assert [frame.seq for frame in second.frames] == list(range(3, 3 + len(second.frames)))
    assert [frame.late for frame in second.frames[: last_seq - 2]] == [True] * (last_seq - 2)


async def test_a_server_that_has_nothing_gets_a_full_frame(run: Run) -> None:
    sockets = [FakeSocket([welcome()], fail_after=3), FakeSocket([welcome(None)])]
    looker = FakeLooker([delta() for _ in range(9)])
    await run(list(sockets), looker)
    assert looker.fulls == 2
    kinds = [frame.kind for frame in sockets[1].frames]
    assert kinds[0] is FrameKind.FULL
    assert not sockets[1].frames[0].late


async def test_what_the_server_took_is_not_kept(run: Run) -> None:
    taken = Taken(seq=1).model_dump_json()
    socket = FakeSocket([welcome(), taken], fail_after=5)
    second = FakeSocket([welcome(1)])
    await run([socket, second], FakeLooker([delta() for _ in range(9)]))
    assert resume(second)[0] == 2


async def test_another_version_of_the_server_is_refused_in_words(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    socket = FakeSocket([welcome(protocol=2)])
    looker = FakeLooker()
    await run([socket], looker)
    assert looker.fulls == 0
    assert "the server speaks protocol 2, this agent 1: run the same version" in caplog.text
    assert socket.closed is not None
    assert socket.closed[0] == 1008
    assert "protocol 2" in socket.closed[1]


async def test_a_link_that_the_server_closes_in_good_order_is_made_again(run: Run) -> None:
    class Closing(FakeSocket):
        async def __aiter__(self) -> AsyncIterator[str | bytes]:
            return
            yield ""

    server, _ = await run([Closing([WELCOME])], FakeLooker([None] * 1000))
    assert len(server.asked) == 2


async def test_a_look_that_a_lost_link_interrupts_is_told_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look tells once what it found: to throw it away would lose that for ever."""
    refusal = FakeSocket([welcome()])
    second = FakeSocket([welcome(1)])
    begun, go_on = threading.Event(), threading.Event()

    class Hanging(FakeLooker):
        def tick(self) -> Sample | None:
            if self.fulls and not begun.is_set():
                begun.set()
                assert go_on.wait(10)
                return delta()
            return super().tick()

    monkeypatch.setattr(link_module, "connect", Server([refusal, second]))
    looker = Hanging([delta()])
    made = AgentLink(looker, LinkOptions("ws://x", "box", "0.1", tick_hz=1e3), _attempts=NoWait())
    task = asyncio.create_task(made.run())
    await asyncio.to_thread(begun.wait, 10)
    refusal.break_off()
    await until(lambda: bool(second.sent))
    go_on.set()
    with pytest.raises(Done):
        await task
    assert looker.fulls == 1
    assert [frame.seq for frame in second.frames] == [2, 3]
