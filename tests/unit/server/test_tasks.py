import asyncio
import logging

import pytest

from hugescope_server import tasks


async def test_failure_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise LookupError("broken")

    with caplog.at_level(logging.ERROR):
        task = tasks.start("a task", fail())
        await asyncio.wait((task,))
    assert "'a task' failed" in caplog.text
    assert "LookupError: broken" in caplog.text
    assert "in fail" in caplog.text
    assert not tasks._running


async def test_result_and_cancelling_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def answer() -> int:
        return 42

    assert await tasks.start("answer", answer()) == 42
    sleeper = tasks.start("sleeper", asyncio.sleep(1000))
    sleeper.cancel()
    await asyncio.wait((sleeper,))
    assert caplog.text == ""
