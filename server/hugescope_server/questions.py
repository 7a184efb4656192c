"""Questions to one agent: asked on its socket, answered by id, in any order.

No I/O of its own: `send` is the socket's, and `routes/agent.py` hands over what comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final

from hugescope_wire.errors import WireError
from hugescope_wire.messages import PAGE_ANSWER, PageAnswer, PageQuery, parse

MAX_OPEN: Final = 64
"""Questions to one agent at once; each costs it a look at one page."""


class Questions:
    """The questions that wait for one agent's answer.

    Args:
        send: writes one text message to the agent.
        deadline_s: how long an answer may take.
    """

    def __init__(self, send: Callable[[str], Awaitable[None]], deadline_s: float) -> None:
        self._send = send
        self._deadline_s = deadline_s
        self._numbers = count(1)
        self._open: dict[int, asyncio.Future[PageAnswer]] = {}

    async def page(self, pid: int, address: int, part: int | None) -> PageAnswer:
        """Ask for the page behind an address.

        Raises:
            WireError: `too_many_questions`, `agent_left`, or `no_answer` in time.
        """
        if len(self._open) >= MAX_OPEN:
            raise WireError("too_many_questions", f"{MAX_OPEN} questions wait for this agent")
        number = next(self._numbers)
        query = PageQuery(query_id=number, pid=pid, address=address, part=part)
        answer: asyncio.Future[PageAnswer] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._send(query.model_dump_json())
                return await answer
        except TimeoutError:
            raise WireError("no_answer", f"no answer in {self._deadline_s:g} s") from None
        finally:
            self._open.pop(number, None)

    def take(self, text: str) -> None:
        """An agent's answer; one that nobody waits for any more is dropped.

        Raises:
            WireError: `bad_message`, naming the field.
        """
        answer = parse(PAGE_ANSWER, text)
        waiting = self._open.get(answer.query_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def close(self) -> None:
        """The agent left: nobody will answer."""
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_exception(WireError("agent_left", "the agent left before it answered"))
