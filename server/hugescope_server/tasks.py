"""Starting asyncio tasks: each has a name, is kept alive, and leaves a traceback when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)
_running: Final[set[asyncio.Task[Any]]] = set()
"""asyncio itself keeps only weak references to tasks."""


def start(name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run `work` as a task. An exception that it raises is logged, and is still the task's own."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_finished)
    return task


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("task %r failed", task.get_name(), exc_info=error)
