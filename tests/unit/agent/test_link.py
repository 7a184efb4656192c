"""The agent's link: hello, frames, refusals, questions, and when it gives up."""

from __future__ import annotations

import asyncio
import random
from typing import cast

import pytest
from tenacity import RetryCallState
from websockets.exceptions import InvalidURI

from hugescope_agent import link as link_module
from hugescope_agent.errors import AgentError, BadCapture
from hugescope_agent.link import AgentLink, Attempts, LinkOptions
from hugescope_agent.sample import Sample
from hugescope_wire.frames import FrameKind
from hugescope_wire.messages import PageQuery, Refusal
from tests.unit.agent.made_server_end import (
    LOST,
    REFUSAL,
    WELCOME,
    FakeLooker,
    FakeSocket,
    Run,
    Server,
    delta,
    run,
)
from tests.unit.server.made_report import page as made_page

__all__ = ["run"]


async def test_a_token_that_was_replaced_meanwhile_is_shown_at_the_next_connection(
    run: Run,
) -> None:
    """A server that lost its tokens is given new ones; its agents must not have to start anew."""
    by_now = iter([None, "second", None])
    sockets = [ConnectionResetError(), ConnectionResetError(), FakeSocket([WELCOME])]
    server, _ = await run(sockets, FakeLooker(), newer_token=by_now.__next__)
    assert [shown["Authorization"] for shown in server.shown] == [
        "Bearer first",
        "Bearer second",
        "Bearer first",
    ]


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
    longest = [min(2 * 2**number, 10.0) for number in range(40)]
    for bound in longest:
        assert bound / 2 <= attempts(state) <= bound
    attempts.reset()
    assert 1 <= attempts(state) <= 2
