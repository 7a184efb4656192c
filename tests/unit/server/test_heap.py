"""What was freed goes back to the system."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from hugescope_server import heap


async def test_memory_is_given_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    padding: list[int] = []
    twice = asyncio.Event()
    loop = asyncio.get_running_loop()

    def trim(pad: int) -> int:
        padding.append(pad)
        if len(padding) == 2:
            loop.call_soon_threadsafe(twice.set)
        return 1

    monkeypatch.setattr(heap, "EVERY_S", 0.001)
    monkeypatch.setattr(heap, "trimmer", lambda: trim)
    giving = asyncio.create_task(heap.give_back())
    await twice.wait()
    giving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await giving
    assert padding[:2] == [0, 0]


async def test_a_c_library_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "trimmer", lambda: None)
    await heap.give_back()


def test_this_machines_c_library_has_it() -> None:
    trim = heap.trimmer()
    if trim is None:
        pytest.skip("no glibc")
    assert trim(0) in (0, 1)
