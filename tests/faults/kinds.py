"""The faults: each does its harm, waits, and has mended what can be mended when it returns."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tests.faults.stand import Stand, lasting, suspend
from tests.proxy import Proxy

Fault = Callable[[Stand, random.Random, float], Awaitable[None]]
"""What is harmed, and for how long at most, in seconds."""

MOST_DELAY_S: Final = 0.4


async def kill_agent(at: Stand, rng: random.Random, longest_s: float) -> None:
    """SIGKILL, and started again."""
    at.kill_agent()
    await asyncio.sleep(lasting(rng, longest_s))
    at.start_agent()


async def kill_server(at: Stand, rng: random.Random, longest_s: float) -> None:
    """SIGKILL, and started again on the same port with the same state directory."""
    at.kill_server()
    await asyncio.sleep(lasting(rng, longest_s))
    await at.start_server()


async def lost_disk(at: Stand, rng: random.Random, longest_s: float) -> None:
    """SIGKILL, and the state directory is gone with all tokens: agent and viewer are refused until
    an operator gives them new ones. The agent runs on; its token file gets another content.
    """
    at.kill_server()
    at.lose_state()
    await at.start_server()
    await asyncio.sleep(lasting(rng, longest_s / 2))
    await at.give_new_tokens()


async def stop_agent(at: Stand, rng: random.Random, longest_s: float) -> None:
    """SIGSTOP, and SIGCONT."""
    await suspend(at.agent, lasting(rng, longest_s))


async def stop_server(at: Stand, rng: random.Random, longest_s: float) -> None:
    """SIGSTOP, and SIGCONT."""
    await suspend(at.server, lasting(rng, longest_s))


async def cut(at: Stand, rng: random.Random, longest_s: float) -> None:
    """Reset, and refused for a while."""
    await _cut(at.link, rng, longest_s)


async def half_open(at: Stand, rng: random.Random, longest_s: float) -> None:
    """Reset at the agent's end; the server hears nothing of it."""
    at.link.half_open()


async def stall(at: Stand, rng: random.Random, longest_s: float) -> None:
    """Open, and nothing passes for a while."""
    await _stall(at.link, rng, longest_s)


async def delay(at: Stand, rng: random.Random, longest_s: float) -> None:
    """All is late for a while."""
    at.link.delay_s = rng.uniform(0.01, MOST_DELAY_S)
    await asyncio.sleep(lasting(rng, longest_s))
    at.link.delay_s = 0.0


async def viewer_cut(at: Stand, rng: random.Random, longest_s: float) -> None:
    """The viewers' network is cut."""
    await _cut(at.view, rng, longest_s)


async def viewer_half_open(at: Stand, rng: random.Random, longest_s: float) -> None:
    """Reset at the viewers' end; the server hears nothing of it."""
    at.view.half_open()


async def viewer_stall(at: Stand, rng: random.Random, longest_s: float) -> None:
    """The viewers' network passes nothing for a while."""
    await _stall(at.view, rng, longest_s)


async def _cut(network: Proxy, rng: random.Random, longest_s: float) -> None:
    network.close()
    await asyncio.sleep(lasting(rng, longest_s))
    network.reopen()


async def _stall(network: Proxy, rng: random.Random, longest_s: float) -> None:
    network.stall()
    await asyncio.sleep(lasting(rng, longest_s))
    network.flow()


KINDS: Final[dict[str, Fault]] = {
    fault.__name__: fault
    for fault in (
        *(kill_agent, kill_server, lost_disk, stop_agent, stop_server),
        *(cut, half_open, stall, delay, viewer_cut, viewer_half_open, viewer_stall),
    )
}

_SAME_PROCESS: Final = ({"kill_server", "lost_disk", "stop_server"}, {"kill_agent", "stop_agent"})
_SAME_NETWORK: Final = ({"cut", "stall"}, {"viewer_cut", "viewer_stall"})


def drawn(rng: random.Random, count: int, of: Sequence[str]) -> list[tuple[str, ...]]:
    """So many rounds of one fault or, every third, of two at once: each kind once first.

    The two of a pair do not undo each other.
    """
    first = rng.sample(of, len(of))
    rounds: list[tuple[str, ...]] = [(kind,) for kind in first[:count]]
    while len(rounds) < count:
        one = rng.choice(of)
        others = [kind for kind in of if kind != one and not _undo_each_other(one, kind)]
        pair = bool(others) and rng.random() < 1 / 3
        rounds.append((one, rng.choice(others)) if pair else (one,))
    return rounds


def _undo_each_other(one: str, other: str) -> bool:
    return any({one, other} <= same for same in (*_SAME_PROCESS, *_SAME_NETWORK))


async def inflict(kinds: tuple[str, ...], at: Stand, rng: random.Random, longest_s: float) -> None:
    """All of one round, the second beginning while the first may last."""

    async def later(kind: str, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        await KINDS[kind](at, rng, longest_s)

    waits = [0.0, *(lasting(rng, longest_s / 2) for _ in kinds[1:])]
    await asyncio.gather(*(later(kind, wait) for kind, wait in zip(kinds, waits, strict=True)))
