"""An agent, a link and a server without I/O: what is real is the outbox, the ingest, the hub and
the pictures; what is made up is a host that changes with every look, and a link that does to its
messages everything that a link can do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hugescope_agent.outbox import Outbox
from hugescope_server.bus import FrameTaken, HostEvent, LocalBus
from hugescope_server.hub import Hub
from hugescope_server.ingest import AgentSession, Ingest
from hugescope_server.settings import ServerSettings
from hugescope_wire.errors import WireError
from hugescope_wire.frames import Frame, FrameKind
from hugescope_wire.host import HostDelta, HostFrame, ProcessInfo, Skipped, Source
from hugescope_wire.messages import AgentHello
from hugescope_wire.snapshot import Capabilities, HostInfo

NOT_LOOKED_S = 3.0
IN_FLIGHT = 6
"""Frames that the buffers of a link take."""

RING_AGE_S = 30.0
RING_BYTES = 60 * 14
_WALL = datetime(2026, 1, 1, tzinfo=UTC)
_CAPABILITIES = Capabilities(
    pfn=True, kpageflags=True, pagemap_scan=True, procmap_query=True, hgm=False
)


class Frames:
    """Frames by number, for a message here is only a header: nothing is encoded."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []

    def put(self, frame: Frame) -> bytes:
        self._frames.append(frame)
        return b"HSF1\0\0" + len(self._frames).to_bytes(8, "little")

    def get(self, data: bytes) -> Frame:
        frame = self._frames[int.from_bytes(data[6:], "little") - 1]
        return replace(frame, late=bool(data[5]))


@dataclass
class MadeAgent:
    """Looks, and keeps what it saw; `clock_s` is how far its monotonic clock is from all others."""

    frames: Frames
    epoch: str
    boot_id: str
    clock_s: float
    processes: dict[int, ProcessInfo] = field(default_factory=dict)
    outbox: Outbox = field(default_factory=lambda: Outbox(RING_AGE_S, RING_BYTES))
    link: Link | None = None
    welcomed: bool = False
    looked_at: float | None = None

    def look(self, rng: random.Random, now: float) -> None:
        """One change of the host, in a full frame where one is needed, else in a delta."""
        pid = rng.randint(1, 6)
        gone = []
        if pid in self.processes and rng.random() < 0.4:
            del self.processes[pid]
            gone = [pid]
        else:
            comm = f"c{rng.getrandbits(32)}"
            self.processes[pid] = ProcessInfo.model_construct(pid=pid, comm=comm, mappings=[])
        moment = now + self.clock_s
        common: dict[str, Any] = {
            "taken_at": _WALL + timedelta(seconds=moment),
            "monotonic_s": moment,
        }
        full = self.outbox.needs_full
        meta: HostFrame | HostDelta
        if full:
            meta = HostFrame.model_construct(
                **common,
                source=Source(kind="live"),
                host=HostInfo(name="box", kernel=None, boot_id=self.boot_id),
                capabilities=_CAPABILITIES,
                limits=[],
                pools=[],
                processes=[self.processes[number] for number in sorted(self.processes)],
                skipped=Skipped(),
                cost=None,
            )
        else:
            changed = [] if gone else [self.processes[pid]]
            meta = HostDelta.model_construct(**common, processes=changed, gone_pids=gone)
        kind = FrameKind.FULL if full else FrameKind.DELTA
        frame = Frame(kind, self.outbox.seq + 1, meta, ())
        self.outbox.add(self.frames.put(frame), moment, full=full)
        self.looked_at = now

    def may_look(self) -> bool:
        if self.link is not None and self.welcomed:
            return len(self.link.pending) < IN_FLIGHT
        return self.outbox.resumable

    def pump(self) -> None:
        """Hand everything that is unsent to the link."""
        if self.link is not None and self.welcomed:
            while (data := self.outbox.take_unsent()) is not None:
                self.link.pending.append(data)

    def lose(self) -> None:
        self.link, self.welcomed = None, False
        self.outbox.lost()


@dataclass
class Link:
    """Frames on their way to the server, and its answers on theirs back."""

    session: AgentSession
    pending: list[bytes] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)


@dataclass
class World:
    """One host, one server, and whatever happens to them."""

    seed: int
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.clock_s = 0.0
        self.last_seq = 0
        self.last_monotonic = 0.0
        self.frames = Frames()
        self.boots = 0
        self.steps = 0
        self.counts: dict[str, int] = {}
        self.old_links: list[Link] = []
        self.memory: tuple[str, float] | None = None
        self.last: FrameTaken | None = None
        self.last_s = 0.0
        self._start_agent(reboot=True)
        self._start_server()

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _start_agent(self, reboot: bool) -> None:
        self.boots += reboot
        if reboot:
            self.clock_s = self.rng.uniform(-500, 500)
        epoch = f"{self.rng.getrandbits(64):x}"
        self.agent = MadeAgent(self.frames, epoch, f"boot{self.boots}", self.clock_s)

    def _start_server(self) -> None:
        bus = LocalBus()
        settings = ServerSettings(forget_after_s=10_000)
        self.hub = Hub(bus, settings, lambda: self.now, lambda: self.now + 1e9)
        self.ingest = Ingest(bus, 4, 100, NOT_LOOKED_S, lambda: self.now)
        bus.subscribe(None, self._check)
        if self.last is not None:
            # What the server before knew, and a viewer may remember.
            self.memory = (self.last.epoch, self.last_s)
        self.last = None
        self.old_links.clear()

    def _check(self, event: HostEvent) -> None:
        """No gap passes unseen."""
        if not isinstance(event, FrameTaken):
            return
        about = event.picture.about
        assert about is not None
        clock_s = self.agent.clock_s if event.epoch == self.agent.epoch else None
        before, seq = self.last, event.picture.seq
        if before is not None:
            follows = before.epoch == event.epoch and seq == self.last_seq + 1
            passed_s = about.monotonic_s - self.last_monotonic
            if follows:
                looked = passed_s < NOT_LOOKED_S
                assert looked == (event.unseen is None), (event.unseen, passed_s)
            else:
                assert event.unseen is not None, "a hole that nobody tells of"
        elif self.memory is not None and self.memory[0] == event.epoch:
            assert event.unseen is not None
            assert event.unseen.reason == "server_restarted"
            assert event.unseen.for_s is not None
            assert self.now - event.unseen.for_s <= self.memory[1] + 1e-6
        if event.unseen is not None:
            self.count(event.unseen.reason)
        self.count("late" if event.late else "in time")
        if clock_s is not None:
            made_s = about.monotonic_s - clock_s
            host = self.hub.host("h")
            assert host is not None
            if event.late and before is not None and before.epoch == event.epoch:
                # The age of a late picture is that of its look, within what the link itself took.
                assert made_s - 1e-6 <= host.received_at <= self.now
            self.last_s = made_s
        self.last, self.last_seq, self.last_monotonic = event, seq, about.monotonic_s

    def connect(self) -> None:
        agent = self.agent
        if agent.link is not None:
            return
        hello = AgentHello(
            protocol=1,
            agent_version="1",
            host_id="h",
            epoch=agent.epoch,
            boot_id=agent.boot_id,
            keeps=True,
            resume=agent.outbox.hello(self.now + agent.clock_s),
        )
        agent.link = Link(self.ingest.join(hello, lambda: None))

    def welcome(self) -> None:
        """The server's answer arrives, maybe a while later."""
        agent = self.agent
        if agent.link is None or agent.welcomed:
            return
        goes_on = agent.outbox.welcomed(agent.link.session.resumed_at, tells_taken=True)
        self.count("recovered" if goes_on else "not recovered")
        agent.welcomed = True

    def deliver(self, link: Link, at: int = 0) -> None:
        """One frame arrives; what is refused ends the link."""
        if not link.pending:
            return
        data = link.pending.pop(at)
        try:
            link.session.take(data, self.frames.get(data))
        except WireError as error:
            self.count(f"refused: {error.code}")
            self.cut(link)
        else:
            if self.rng.random() < 0.3:
                link.taken.append(link.session.seq)

    def cut(self, link: Link, noticed: bool = True) -> None:
        """Both ends notice, or the agent alone; then what is on its way may come yet."""
        self.count("cut")
        if noticed:
            link.session.leave()
            if link in self.old_links:
                self.old_links.remove(link)
        else:
            self.old_links.append(link)
        if self.agent.link is link:
            self.agent.lose()

    def step(self) -> None:
        """Something happens; every now and then one fault soon after another."""
        rng, agent = self.rng, self.agent
        self.steps += 1
        self.now += rng.uniform(0.0, 0.2)
        link = agent.link
        roll = rng.random()
        if link is None and roll < 0.25:
            self.connect()
        elif link is not None and not agent.welcomed and roll < 0.6:
            self.welcome()
        elif roll < 0.55:
            if agent.may_look():
                agent.look(rng, self.now)
            agent.pump()
        elif roll < 0.85 and link is not None:
            self.deliver(link)
        elif roll < 0.93 and link is not None and link.taken:
            agent.outbox.taken(link.taken.pop(rng.randrange(len(link.taken))))
        elif self.old_links and roll < 0.96:
            self.deliver(rng.choice(self.old_links))
        elif roll > (0.5 if self.steps % 1000 < 100 else 0.97):
            self.fault()

    def fault(self) -> None:
        rng, link = self.rng, self.agent.link
        what = rng.randrange(10)
        if what == 0:
            self.now += rng.choice((1.0, 4.0, 50.0))
        elif what == 1 and rng.random() < 0.3:
            self.crash_agent(reboot=rng.random() < 0.5)
        elif what == 2 and rng.random() < 0.3:
            self.crash_server()
        elif what == 9 and rng.random() < 0.1:
            self.short_runs()
        elif link is None:
            return
        elif what == 3 and link.pending:
            link.pending.pop(rng.randrange(len(link.pending)))
            self.count("dropped")
        elif what == 4 and link.pending:
            link.pending.insert(0, rng.choice(link.pending))
            self.count("duplicated")
        elif what == 5 and len(link.pending) > 1:
            self.count("reordered")
            self.deliver(link, rng.randrange(1, len(link.pending)))
        elif what in (6, 7):
            self.cut(link, noticed=what == 6)
        elif what == 8 and rng.random() < 0.3:
            self.cut(link)
            for _ in range(rng.choice((5, 50))):
                self.now += 1.0
                if self.agent.may_look():
                    self.agent.look(rng, self.now)

    def crash_agent(self, reboot: bool) -> None:
        self.count("agent restarts")
        if self.agent.link is not None:
            self.cut(self.agent.link, noticed=self.rng.random() < 0.5)
        self._start_agent(reboot)

    def short_runs(self) -> None:
        """Two runs one after the other, both with few frames: the numbers of one fit the other. Of
        the second the server gets nothing before its link is cut.
        """
        for taken in (True, False):
            self.crash_agent(reboot=False)
            self.connect()
            self.welcome()
            link = self.agent.link
            assert link is not None
            for _ in range(self.rng.randint(1, 3)):
                self.agent.look(self.rng, self.now)
                self.agent.pump()
                if taken:
                    self.deliver(link)
            if not taken:
                self.cut(link)
        for _ in range(4):
            if self.agent.may_look():
                self.agent.look(self.rng, self.now)

    def crash_server(self) -> None:
        self.count("server restarts")
        if self.agent.link is not None:
            self.agent.lose()
        self._start_server()

    def settle(self) -> None:
        """Nothing fails for a while: what the server shows is what the agent has. A message that
        was lost before shows with the next one.
        """
        for _ in range(6):
            self.connect()
            self.welcome()
            link = self.agent.link
            assert link is not None
            self.now += 0.1
            self.agent.look(self.rng, self.now)
            self.agent.pump()
            while link.pending and self.agent.link is link:
                self.deliver(link)
            if self.agent.link is link and not self.agent.outbox.needs_full:
                break
        host = self.hub.host("h")
        assert host is not None
        picture = host.frozen_picture()
        assert picture.about is not None
        assert host.epoch == self.agent.epoch
        shown = {process.pid: process.comm for process in picture.about.processes}
        assert shown == {pid: process.comm for pid, process in self.agent.processes.items()}
        assert picture.seq == self.agent.outbox.seq
