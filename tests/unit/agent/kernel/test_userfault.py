"""Threads that wait for a userfaultfd, in a directory that stands for a live root."""

from pathlib import Path

import pytest

from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.userfault import (
    Standing,
    Waiter,
    follow,
    parse_switches,
    waiter_record,
    waiters,
)


def thread(
    root: Path, tid: int, wchan: str, state: str = "S", stack: str | None = None, switches: int = 4
) -> None:
    place = root / f"proc/5/task/{tid}"
    place.mkdir(parents=True)
    (place / "wchan").write_text(wchan)
    (place / "status").write_text(
        f"Name:\tx\nState:\t{state} (some)\nvoluntary_ctxt_switches:\t{switches}\n"
        "nonvoluntary_ctxt_switches:\t99\n"
    )
    if stack is not None:
        (place / "stack").write_text(stack)


def live(tmp_path: Path) -> Root:
    return Root(str(tmp_path), live=True)


def test_by_wchan(tmp_path: Path) -> None:
    thread(tmp_path, 5, "futex_do_wait")
    thread(tmp_path, 12, "handle_userfault", switches=7)
    thread(tmp_path, 9, "handle_userfault.isra.0\n", "D")
    thread(tmp_path, 13, "0", "R")
    assert waiters(live(tmp_path), 5) == [Waiter(9, 4), Waiter(12, 7)]


def test_where_wchan_says_nothing_the_stack_does(tmp_path: Path) -> None:
    thread(tmp_path, 5, "0", "S", "[<0>] handle_userfault+0x366/0x840\n")
    thread(tmp_path, 6, "0", "S", "[<0>] do_epoll_wait+0x1/0x2\n")
    assert waiters(live(tmp_path), 5) == [Waiter(5, 4)]


def test_what_is_kept_from_us_is_not_known(tmp_path: Path) -> None:
    """wchan prints 0 for a thread that sleeps and that we may not look at."""
    thread(tmp_path, 5, "handle_userfault")
    thread(tmp_path, 6, "0", "S")
    assert waiters(live(tmp_path), 5) is None


def test_a_process_without_threads_is_not_known(tmp_path: Path) -> None:
    assert waiters(live(tmp_path), 5) is None
    assert waiters(Root(str(tmp_path), live=False), 5) is None


def test_a_thread_that_left(tmp_path: Path) -> None:
    thread(tmp_path, 5, "handle_userfault")
    (tmp_path / "proc/5/task/6").mkdir()
    assert waiters(live(tmp_path), 5) == [Waiter(5, 4)]
    assert waiters(Root(str(tmp_path), live=False), 5) is None


@pytest.mark.parametrize(
    ("status", "count"),
    [
        (b"voluntary_ctxt_switches:\t0\n", 0),
        (b"x\nvoluntary_ctxt_switches:\t81\nnonvoluntary_ctxt_switches:\t3\n", 81),
        (b"nonvoluntary_ctxt_switches:\t3\n", None),
        (b"", None),
    ],
)
def test_switches(status: bytes, count: int | None) -> None:
    assert parse_switches(status) == count


def test_a_wait_keeps_its_beginning() -> None:
    first = follow({}, [Waiter(1, 5), Waiter(2, 5)], 10.0)
    record = waiter_record(7, "vm", first, 10.0)
    assert record is not None
    assert (record.threads, record.stalled_s) == (2, None)
    second = follow(first, [Waiter(1, 5), Waiter(2, 6), Waiter(3, 1)], 12.5)
    assert second == {
        1: Standing(Waiter(1, 5), 10.0),
        2: Standing(Waiter(2, 6), 12.5),
        3: Standing(Waiter(3, 1), 12.5),
    }
    record = waiter_record(7, "vm", second, 12.5)
    assert record is not None
    assert (record.pid, record.comm, record.threads, record.stalled_s) == (7, "vm", 3, 2.5)
    assert waiter_record(7, "vm", follow(second, [], 13.0), 13.0) is None
