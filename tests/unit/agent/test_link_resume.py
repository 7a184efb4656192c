"""The agent's link goes on where it was: what it keeps meanwhile, and what it sends then."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hugescope_agent import link as link_module
from hugescope_agent.link import AgentLink, LinkOptions
from hugescope_agent.sample import Sample
from hugescope_wire.frames import FrameKind
from hugescope_wire.messages import AgentWelcome, Taken
from tests.unit.agent.made_server_end import (
    WELCOME,
    Done,
    FakeLooker,
    FakeSocket,
    NoWait,
    Run,
    Server,
    delta,
    run,
)

__all__ = ["run"]


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
