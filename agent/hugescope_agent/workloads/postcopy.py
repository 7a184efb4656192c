"""A real post-copy on real huge pages, to look at: ``Postcopy(plan)`` runs it in two processes.

``hs-source`` fills its memory, ``hs-destination`` starts empty and touches pages as a guest would.
Faults are served at once with UFFDIO_COPY, a sweep brings the rest in order; then both rest, the
destination is emptied and the next round starts. Standalone, for development::

    python -m hugescope_agent.workloads.postcopy demo --size 256M --rate 64M
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType, TracebackType
from typing import NoReturn, Self

from hugescope_agent.workloads.child import die_with_parent, set_comm
from hugescope_agent.workloads.destination import COMM as DESTINATION
from hugescope_agent.workloads.destination import Destination
from hugescope_agent.workloads.errors import PostcopyFailed, WorkloadError
from hugescope_agent.workloads.peer import Peer, PeerGone
from hugescope_agent.workloads.plan import LeasedPlan, PostcopyPlan, lease_for
from hugescope_agent.workloads.progress import Phase, Progress, Side
from hugescope_agent.workloads.sizes import parse_size_bytes, size_text
from hugescope_agent.workloads.source import COMM as SOURCE
from hugescope_agent.workloads.source import Source
from hugescope_agent.workloads.supervisor import PEER_GONE_STATUS, Supervisor

__all__ = [
    "DESTINATION",
    "SOURCE",
    "LeasedPlan",
    "Phase",
    "Postcopy",
    "PostcopyPlan",
    "Progress",
    "Side",
    "lease_for",
]

READY_WAIT_S = 60.0  # two interpreters' start, on a machine that is very busy
STOP_WAIT_S = 30.0  # SIGTERM, SIGKILL after 2 s, and the freeing of many gigabytes
SHOW_EVERY_S = 0.5


class Postcopy:
    """Runs the plan in two child processes from :meth:`start` to :meth:`stop`, or until it ends.

    As a context manager it does both. The children end with this process whatever happens to it.
    A side that fails surfaces as PostcopyFailed from :meth:`start`, :meth:`progress`,
    :meth:`wait` or the end of the context. The pages are not its business: see ``lease_for``.
    """

    def __init__(self, plan: PostcopyPlan) -> None:
        self.plan = plan
        self._changed = threading.Condition()
        self._sides: dict[str, Side] = {}
        self._progress: Progress | None = None
        self._failure: str | None = None
        self._ended = False
        self._supervisor: Supervisor | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start both sides; returns when both have mapped their memory."""
        if self._thread is not None:
            raise RuntimeError("this post-copy was started before")
        names = (SOURCE, DESTINATION)
        self._supervisor = Supervisor(names, self.plan.arguments(), self._hear)
        self._thread = threading.Thread(target=self._run, name="postcopy", daemon=True)
        try:
            self._thread.start()
            if not self._wait_until(lambda: len(self._sides) == len(names), READY_WAIT_S):
                raise PostcopyFailed(f"the two sides were not ready within {READY_WAIT_S:.0f} s")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End both sides and wait until they are gone; further calls do nothing."""
        if self._supervisor is None or self._thread is None:
            return
        if self._thread.ident is not None:
            self._supervisor.stop()
            self._thread.join(STOP_WAIT_S)
            if self._thread.is_alive():
                raise PostcopyFailed(f"a side does not end: {dict(self.pids)}")
        self._supervisor.close()
        self._supervisor = None

    @property
    def sides(self) -> Mapping[str, Side]:
        """The memory of each side that is ready, by its comm; stays after the end."""
        with self._changed:
            return MappingProxyType(dict(self._sides))

    @property
    def pids(self) -> Mapping[str, int]:
        """The process of each side, by its comm; empty when they have ended."""
        with self._changed:
            living = {} if self._ended else self._sides
            return {name: side.pid for name, side in living.items()}

    def progress(self) -> Progress | None:
        """The newest progress, None before the first; raises PostcopyFailed if a side failed."""
        with self._changed:
            self._raise_failure()
            return self._progress

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all rounds are over (True) or the time is up (False).

        Raises PostcopyFailed as soon as a side has failed.
        """
        return self._wait_until(lambda: self._ended, timeout_s)

    def wait_for(self, phase: Phase, round_number: int, timeout_s: float | None = None) -> bool:
        """Wait until that phase of that round was reached or is past; as :meth:`wait` otherwise."""
        wanted = (round_number, list(Phase).index(phase))

        def reached() -> bool:
            now = self._progress
            there = now is not None and (now.round, list(Phase).index(now.phase)) >= wanted
            return there or self._ended

        return self._wait_until(reached, timeout_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if exc is None:
            self._raise_failure()

    def _wait_until(self, reached: Callable[[], bool], timeout_s: float | None) -> bool:
        with self._changed:
            done = self._changed.wait_for(lambda: reached() or self._failure, timeout_s)
            self._raise_failure()
            return bool(done)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise PostcopyFailed(self._failure)

    def _hear(self, record: Side | Progress) -> None:
        with self._changed:
            if isinstance(record, Side):
                self._sides[record.name] = record
            else:
                self._progress = record
            self._changed.notify_all()

    def _run(self) -> None:
        assert self._supervisor is not None
        failure: str | None = "the thread that watches the two sides broke"
        try:
            failure = self._supervisor.run()
        finally:
            with self._changed:
                self._failure = failure
                self._ended = True
                self._changed.notify_all()


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(argv: list[str] | None = None) -> int:
    """``source`` and ``destination`` are what Postcopy starts; ``demo`` is for people."""
    parser = OneLineParser(prog="hugescope_agent.workloads.postcopy")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("source", "destination"):
        side = commands.add_parser(command)
        PostcopyPlan.add_arguments(side)
        side.add_argument("--peer-fd", type=int, required=True)
        side.add_argument("--parent-pid", type=int, required=True)
        for option in ("-name", "-uuid", "-incoming"):
            side.add_argument(option, help="for who looks at this command line only")
    _add_demo_arguments(commands.add_parser("demo"))
    options = parser.parse_args(argv)
    return _demo(options) if options.command == "demo" else _side(options)


def _side(options: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_on_signal)
    is_source = options.command == "source"
    try:
        die_with_parent(options.parent_pid)
        set_comm(SOURCE if is_source else DESTINATION)
        plan, peer = PostcopyPlan.from_options(options), Peer(options.peer_fd)
        (Source if is_source else Destination)(plan, peer).run()
    except PeerGone:
        sys.stderr.write("the other side has ended\n")
        return PEER_GONE_STATUS
    except (WorkloadError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _exit_on_signal(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    default = PostcopyPlan()
    parser.add_argument("--size", type=_size_bytes, default=default.size_bytes)
    parser.add_argument("--page-size", type=_size_bytes, default=default.page_size_bytes)
    parser.add_argument("--rate", type=_size_bytes, default=default.sweep_bytes_per_s)
    parser.add_argument("--touches", type=float, default=default.touch_per_s, help="a second")
    parser.add_argument("--pause", type=float, default=default.pause_s, help="seconds")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--seed", type=int, default=default.seed)


def _size_bytes(text: str) -> int:
    try:
        return parse_size_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _demo(options: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_on_signal)
    try:
        plan = PostcopyPlan(
            size_bytes=options.size,
            page_size_bytes=options.page_size,
            sweep_bytes_per_s=float(options.rate),
            touch_per_s=options.touches,
            pause_s=options.pause,
            rounds=options.rounds,
            seed=options.seed,
        )
        lease, plan, notice = lease_for(plan)
        with lease:
            if notice:
                print(notice, flush=True)
            with Postcopy(plan) as postcopy:
                _show(postcopy)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 1
    except (WorkloadError, OSError, ValueError) as error:
        sys.stderr.write(f"postcopy demo: {error}\n")
        return 1
    return 0


def _show(postcopy: Postcopy) -> None:
    for side in postcopy.sides.values():
        print(f"{side.name}  pid {side.pid}  {size_text(side.size_bytes)} at {side.start_va:#x}")
    shown = None
    ended = False
    while not ended:
        ended = postcopy.wait(SHOW_EVERY_S)
        now = postcopy.progress()
        if now is not None and now != shown:
            shown = now
            print(
                f"round {now.round}  {now.phase:8}  {now.present}/{now.pages} present"
                f"  {now.demanded} demanded  {now.swept} swept",
                flush=True,
            )


if __name__ == "__main__":
    raise SystemExit(main())
