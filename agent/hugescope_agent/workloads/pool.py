"""Huge pages from the host's pool, for a while: taken, or added where they are missing.

All arithmetic is relative to what is there. The pool's size is changed by writing the number of
*persistent* pages (``nr_hugepages`` minus ``surplus_hugepages``); the kernel turns surplus pages
into persistent ones before it allocates new ones, so growing by N free pages while S are surplus
raises the persistent count by N + S, and giving back lowers it by exactly that. Pages in use at
that moment become surplus and leave the pool when they are freed (``mm/hugetlb.c``,
``set_max_huge_pages``); other programs often mistake surplus pages for persistent ones, so giving
back waits a little for free ones.

A guardian process (:mod:`hugescope_agent.workloads.guardian`) does both the adding and the giving
back, so that no moment exists at which pages were added and nobody is left who knows. It gives
back when a pipe closes that only the owner of the lease holds open: on release, on any exit of
the owner, on SIGKILL. What it cannot survive is SIGKILL to itself.
"""

import contextlib
import errno
import fcntl
import json
import os
import subprocess
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hugescope_agent.workloads.child import module_argv, module_environment
from hugescope_agent.workloads.errors import PoolNotReturned, PoolUnavailable
from hugescope_agent.workloads.sizes import size_text

SYSFS = Path("/sys")
GROW_STEP_BYTES = 1 << 30  # between two steps the guardian looks whether its owner still lives
RETRY_PAUSE_S = 0.05
FREE_ONLY_ATTEMPTS = 60  # 3 s: a dying process of many GiB frees its pages within that
GIVE_BACK_ATTEMPTS = 100  # 5 s in all
LOCK_ATTEMPTS = 600  # 30 s: another lease may be adding gigabytes
RELEASE_WAIT_S = 60.0  # more than the guardian's own attempts can take

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class PoolCounters:
    """The counters of one page size, in pages, as read: they may be nonsense, even negative."""

    total: int
    free: int
    reserved: int
    surplus: int

    @property
    def persistent(self) -> int:
        """Pages that stay when nobody uses them: what a write to ``nr_hugepages`` sets."""
        return max(0, self.total - max(0, self.surplus))

    @property
    def usable(self) -> int:
        """Free pages that no reservation has a claim on; a negative reservation claims none."""
        return max(0, self.free - max(0, self.reserved))


@dataclass(frozen=True)
class Grant:
    """What :func:`grow` got: pages to use, and by how many the persistent count rose."""

    granted: int
    added: int


class HostPool:
    """The host's pool of one page size, below a sysfs root."""

    def __init__(self, page_size_bytes: int, root: Path = SYSFS) -> None:
        self.page_size_bytes = page_size_bytes
        self._sizes = root / "kernel/mm/hugepages"
        self.directory = self._sizes / f"hugepages-{page_size_bytes >> 10}kB"

    def read(self) -> PoolCounters:
        """The four counters, read one after the other; raises PoolUnavailable if there are none.

        Surplus pages that leave the pool meanwhile would pass for persistent ones, or the other way
        round: the total and their number are read until nothing of that happened between.
        """
        try:
            surplus = self._counter("surplus_hugepages")
            while True:
                counters = PoolCounters(
                    total=self._counter("nr_hugepages"),
                    free=self._counter("free_hugepages"),
                    reserved=self._counter("resv_hugepages"),
                    surplus=self._counter("surplus_hugepages"),
                )
                if counters.surplus == surplus:
                    return counters
                surplus = counters.surplus
        except FileNotFoundError:
            raise PoolUnavailable(self._why_missing()) from None
        except (OSError, ValueError) as error:
            raise PoolUnavailable(f"cannot read the pool's counters: {error}") from error

    @property
    def writable(self) -> bool:
        """Whether this process may change the pool's size."""
        return os.access(self.directory / "nr_hugepages", os.W_OK)

    def set_persistent(self, pages: int) -> None:
        """Ask the kernel for that many persistent pages; it may stop short without an error."""
        descriptor = os.open(self.directory / "nr_hugepages", os.O_WRONLY | os.O_CLOEXEC)
        try:
            # A regular file (a fake tree) must not keep the tail of a longer number.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % pages)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def locked(self, sleep: Sleep = time.sleep) -> Iterator[bool]:
        """Hold an advisory lock on ``nr_hugepages`` so that leases change the pool in turn.

        Yields whether it was had. After 30 s it goes on without: giving back matters more than
        good manners. Raises PoolUnavailable where there is no such pool.
        """
        try:
            descriptor = os.open(self.directory / "nr_hugepages", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise PoolUnavailable(self._why_missing()) from None
        try:
            yield _lock(descriptor, sleep)
        finally:
            os.close(descriptor)

    def _counter(self, name: str) -> int:
        value = int((self.directory / name).read_text())
        return value - (1 << 64) if value >= 1 << 63 else value

    def _why_missing(self) -> str:
        if not self._sizes.is_dir():
            return f"this kernel has no hugetlbfs ({self._sizes} is missing)"
        sizes = sorted(int(entry.name[10:-2]) << 10 for entry in self._sizes.glob("hugepages-*kB"))
        known = ", ".join(map(size_text, sizes)) or "none"
        asked = size_text(self.page_size_bytes)
        return f"this kernel has no huge pages of {asked} (it has: {known})"


def _lock(descriptor: int, sleep: Sleep) -> bool:
    for _ in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                return False
        else:
            return True
        sleep(RETRY_PAUSE_S)
    return False


def grow(
    pool: HostPool,
    asked: int,
    minimum: int,
    *,
    use_free: bool = True,
    cancelled: Callable[[], bool] = lambda: False,
    sleep: Sleep = time.sleep,
) -> Grant:
    """Make ``asked`` pages usable, at least ``minimum``, by adding what is missing.

    ``use_free`` False adds all of them, whatever is free. Raises PoolUnavailable below the
    minimum, with everything added given back.
    """
    with pool.locked(sleep):
        already = pool.read().usable if use_free else 0
        added, gained, trouble = 0, 0, ""
        step_limit = max(1, GROW_STEP_BYTES // pool.page_size_bytes)
        while already + gained < asked and not cancelled():
            step = min(asked - already - gained, step_limit)
            before = pool.read()
            try:
                pool.set_persistent(before.persistent + max(0, before.surplus) + step)
            except OSError as error:
                trouble = f": {error.strerror}"
            after = pool.read()
            added += max(0, after.persistent - before.persistent)
            grown = max(0, after.total - before.total)
            gained += grown
            if grown < step:
                break
    granted = min(asked, already + gained)
    if granted >= minimum:
        return Grant(granted, added)
    give_back(pool, added, sleep=sleep)
    raise PoolUnavailable(_too_few(pool.page_size_bytes, asked, granted) + trouble, asked, granted)


def give_back(pool: HostPool, pages: int, *, sleep: Sleep = time.sleep) -> int:
    """Lower the persistent count by ``pages``; how many could not be taken out (normally 0).

    Others may have changed the pool since: what is there now is what is lowered. Where they
    emptied it there is nothing left to give back. Waits 3 s for pages that are still in use, of
    a process that is ending; those in use after that become surplus.
    """
    left = pages
    if left <= 0:
        return 0
    with pool.locked(sleep):
        for attempt in range(GIVE_BACK_ATTEMPTS):
            if attempt:
                sleep(RETRY_PAUSE_S)
            before = pool.read()
            portion = min(left, before.usable) if attempt < FREE_ONLY_ATTEMPTS else left
            if portion:
                with contextlib.suppress(OSError):
                    pool.set_persistent(max(0, before.persistent - portion))
            after = pool.read().persistent
            left -= min(left, max(0, before.persistent - after))
            if left == 0 or after == 0:
                return 0
    return left


def _too_few(page_size_bytes: int, asked: int, got: int) -> str:
    return f"asked for {asked} huge pages of {size_text(page_size_bytes)}, could get {got}"


class PoolLease:
    """``pages`` huge pages usable in the host's pool, for as long as the lease is held.

    After :meth:`acquire` (or on entering it as a context) ``granted_pages`` are usable and
    ``added_pages`` of them were added. With ``min_pages`` fewer than asked are accepted. A lease
    adds, it does not reserve: map the memory soon. With ``use_free`` False all pages are added.
    """

    def __init__(
        self,
        page_size_bytes: int,
        pages: int,
        *,
        min_pages: int | None = None,
        use_free: bool = True,
        root: Path = SYSFS,
    ) -> None:
        if pages < 1 or not 1 <= (min_pages or pages) <= pages:
            raise ValueError(f"pages: {pages} (at least {min_pages or 1}) cannot be leased")
        self.page_size_bytes = page_size_bytes
        self.asked_pages = pages
        self.min_pages = min_pages or pages
        self.granted_pages = 0
        self.added_pages = 0
        self._use_free = use_free
        self._root = root
        self._pool = HostPool(page_size_bytes, root)
        self._guardian: subprocess.Popen[bytes] | None = None
        _leases.add(self)

    @property
    def guardian_pid(self) -> int | None:
        """The process that will give the pages back; None where none were added."""
        return self._guardian.pid if self._guardian else None

    def acquire(self) -> Self:
        """Take the pages; a second call while they are held does nothing.

        Raises PoolUnavailable with the reason; nothing has been added then.
        """
        if self.granted_pages:
            return self
        usable = self._pool.read().usable if self._use_free else 0
        if usable < self.asked_pages and self._pool.writable:
            self._grow_by_guardian()
        elif usable >= self.min_pages:
            self.granted_pages = min(usable, self.asked_pages)
        else:
            reason = _too_few(self.page_size_bytes, self.asked_pages, usable)
            file = self._pool.directory / "nr_hugepages"
            who = "not root" if os.geteuid() else "a read-only or foreign /sys"
            raise PoolUnavailable(
                f"{reason} and may not add any: {file} is not writable ({who})",
                self.asked_pages,
                usable,
            )
        return self

    def release(self) -> int:
        """Give back exactly what was added; how many pages that was. Further calls do nothing.

        Raises PoolNotReturned where the kernel did not take them all.
        """
        guardian, self._guardian = self._guardian, None
        added, self.added_pages, self.granted_pages = self.added_pages, 0, 0
        if guardian is None:
            return 0
        try:
            answer, _ = guardian.communicate(timeout=RELEASE_WAIT_S)  # closes the pipe
        except subprocess.TimeoutExpired:
            raise PoolNotReturned(
                f"process {guardian.pid} has not given back {added} pages yet; it goes on trying"
            ) from None
        # No answer: somebody killed the guardian before it could give back.
        left = int(json.loads(answer)["left"]) if answer else give_back(self._pool, added)
        if left:
            raise PoolNotReturned(
                f"{left} of {added} huge pages of {size_text(self.page_size_bytes)} that were"
                f" added could not be taken out of the pool again"
            )
        return added

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _grow_by_guardian(self) -> None:
        # Taken over before the first read, so that an interrupt in between still ends in release.
        self._guardian = guardian = subprocess.Popen(
            module_argv(
                "hugescope_agent.workloads.guardian",
                f"--page-size-bytes={self.page_size_bytes}",
                f"--pages={self.asked_pages}",
                f"--min-pages={self.min_pages}",
                f"--sysfs={self._root.resolve()}",
                *([] if self._use_free else ["--add-all"]),
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=module_environment(),
            cwd="/",
            start_new_session=True,
        )
        assert guardian.stdout is not None
        try:
            line = guardian.stdout.readline()
        except BaseException:
            self.release()
            raise
        answer: dict[str, Any] = (
            json.loads(line) if line else {"unavailable": "the pool's guardian was killed"}
        )
        if "unavailable" in answer:
            self._guardian = None
            guardian.communicate()
            raise PoolUnavailable(answer["unavailable"], self.asked_pages, answer.get("got"))
        self.granted_pages, self.added_pages = answer["granted"], answer["added"]

    def _forget(self) -> None:
        """In a forked child: close its copy of the pipe, which would keep the guardian waiting."""
        guardian, self._guardian = self._guardian, None
        if guardian is not None:
            for pipe in (guardian.stdin, guardian.stdout):
                if pipe is not None:
                    pipe.close()
            guardian.returncode = 0  # not our child: nothing to wait for


_leases: weakref.WeakSet[PoolLease] = weakref.WeakSet()


def _forget_all() -> None:
    for lease in list(_leases):
        lease._forget()


os.register_at_fork(after_in_child=_forget_all)
