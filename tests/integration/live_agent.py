"""A real agent's link, with a host that is made up behind it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from tenacity import RetryCallState

from hugescope_agent.errors import AskError
from hugescope_agent.link import AgentLink, Attempts, LinkOptions
from hugescope_agent.outbox import Outbox
from hugescope_agent.sample import Sample
from hugescope_server.auth.principal import Role
from hugescope_wire.frames import split_frame
from hugescope_wire.page import PageDetail
from tests import access
from tests.unit.server.made_host import MadeHost

CELLS = 2000


class Soon(Attempts):
    """Tries again soon: what is tested is not how long an agent waits."""

    def __call__(self, retry_state: RetryCallState) -> float:
        super().__call__(retry_state)
        return 0.02


class Looker:
    """Looks at a made-up host that changes in every look until it is `still`.

    Attributes:
        wrong_s: by how much the host's wall clock is wrong.
    """

    def __init__(self, seed: int, cells: int = CELLS) -> None:
        self.host = MadeHost(random.Random(seed))
        self.host.add(7, cells)
        self.still = False
        self.looks = 0
        self.wrong_s = 0.0

    def full(self) -> Sample:
        return self._sample(self.host.full())

    def tick(self) -> Sample | None:
        if self.still:
            return None
        self.looks += 1
        count = len(self.host.cells[1])
        index = [self.host.rng.randrange(count) for _ in range(20)]
        return self._sample(self.host.change_cells(1, index))

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        raise AskError("no_such_process", "it is made up")

    def _sample(self, frame: bytes) -> Sample:
        raw = split_frame(frame)
        taken_at = datetime.fromtimestamp(time.time() + self.wrong_s, UTC)
        moved = {"taken_at": taken_at, "monotonic_s": time.monotonic()}
        return Sample(raw.meta.model_copy(update=moved), list(raw.blocks))


@contextlib.asynccontextmanager
async def running_agent(
    url: str, looker: Looker, outbox: Outbox | None = None, host_id: str = "h1"
) -> AsyncIterator[AgentLink]:
    """An agent's whole end of the link; its epoch is the host's."""
    token = access.token(Role.AGENT, host_id)
    options = LinkOptions(url.replace("http", "ws", 1), host_id, "1.2", tick_hz=50, token=token)
    link = AgentLink(
        looker,
        options,
        epoch=looker.host.epoch,
        boot_id="boot",
        outbox=outbox or Outbox(),
        _attempts=Soon(),
    )
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
