"""What happened between two pictures of a host, as moments to go to.

Pure functions: pictures and phases in, events out. What a first look finds was there before, and is
no event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from sys import intern
from typing import Final, Self
from urllib.parse import quote

from pydantic import Field

from hugescope_server.bus import Unseen
from hugescope_server.migration.phases import ENDED
from hugescope_server.migration.track import Migration
from hugescope_server.veil.words import hidden
from hugescope_wire.findings import Finding
from hugescope_wire.host import HostFrame, ProcessInfo
from hugescope_wire.migration import Phase
from hugescope_wire.record import Record
from hugescope_wire.travel import EventKind, TimeEvent

MAX_AT_ONCE: Final = 50
"""Events of one frame: a host that starts anew would fill any list."""

_PHASES: Final[Mapping[Phase, str]] = {
    "waiting": "waits",
    "precopy": "precopy begins",
    "switchover": "switch-over begins",
    "postcopy": "post-copy begins",
    "done": "is done",
    "failed": "failed",
    "cancelled": "was cancelled",
}


class _Line(Record):
    """As it is written."""

    event: TimeEvent
    hosts: list[str] = Field(default_factory=list)
    over: bool = False


@dataclass(frozen=True, slots=True)
class Noted:
    """An event, and what of it helps to show moments near it. Thousands are kept for days: records
    that are checked take seven times as much memory.

    Attributes:
        at_s, host_id, kind, text, place: as `TimeEvent` has them.
        hosts: of a phase, the hosts of both ends.
        over: of a phase, it is the last one.
    """

    at_s: float
    host_id: str
    kind: EventKind
    text: str
    place: str | None
    hosts: tuple[str, ...] = ()
    over: bool = False

    @classmethod
    def of(cls, event: TimeEvent, hosts: Iterable[str] = (), *, over: bool = False) -> Self:
        """Of an event; hosts and places are told by many."""
        host_id, place = intern(event.host_id), event.place and intern(event.place)
        return cls(event.at_s, host_id, event.kind, event.text, place, tuple(hosts), over)

    @classmethod
    def read(cls, line: bytes) -> Self:
        """What `line` wrote.

        Raises:
            ValidationError: it is no event.
        """
        read = _Line.model_validate_json(line)
        return cls.of(read.event, read.hosts, over=read.over)

    @property
    def event(self) -> TimeEvent:
        """As a viewer gets it."""
        return TimeEvent(
            at_s=self.at_s, host_id=self.host_id, kind=self.kind, text=self.text, place=self.place
        )

    def line(self) -> bytes:
        """As it is written, without the line's end."""
        line = _Line(event=self.event, hosts=list(self.hosts), over=self.over)
        return line.model_dump_json().encode()


@dataclass(frozen=True, slots=True)
class Known:
    """What of a host may become an event.

    Attributes:
        findings: by key; None: no report came yet.
    """

    about: HostFrame
    processes: Mapping[int, ProcessInfo]
    findings: Mapping[str, Finding] | None


def known(about: HostFrame, before: Known | None = None) -> Known:
    """Of one picture; what did not change since `before` is taken over."""
    if before is not None and before.about.processes is about.processes:
        processes = before.processes
    else:
        processes = {one.pid: one for one in about.processes if one.mappings}
    if before is not None and before.about.report is about.report:
        findings = before.findings
    elif about.report is None:
        findings = None
    else:
        findings = {finding.key: finding for finding in about.report.findings}
    return Known(about, processes, findings)


def happened(host_id: str, before: Known, after: Known, at_s: float) -> list[Noted]:
    """Between two pictures of a host, the later one of `at_s`."""
    found = islice(_all(host_id, before, after), MAX_AT_ONCE)
    return [
        Noted.of(TimeEvent(at_s=at_s, host_id=host_id, kind=kind, text=text, place=place))
        for kind, text, place in found
    ]


def gap(host_id: str, unseen: Unseen, words: str, since_s: float, at_s: float) -> Noted:
    """A time of which nothing is known, which ended at `at_s`."""
    lasted_s = at_s - since_s if unseen.for_s is None else unseen.for_s
    text = f"nothing is known of the {lasted_s:.1f} s before: {words}"
    place = _host_place(host_id)
    return Noted.of(
        TimeEvent(at_s=max(0.0, at_s), host_id=host_id, kind="gap", text=text, place=place)
    )


def phases(migration: Migration, told: Iterable[Phase]) -> list[tuple[Phase, Noted]]:
    """Phases of the migration's present run that are not among those told."""
    source, destination = migration.source, migration.destination
    ends = ",".join(f"{end.host_id}:{end.process.pid}" for end in (source, destination))
    name = source.vm_name or destination.vm_name
    told = set(told)
    return [
        (
            span.phase,
            Noted.of(
                TimeEvent(
                    at_s=max(0.0, span.began_s),
                    host_id=destination.host_id,
                    kind="phase",
                    text=f"migration{'' if name is None else f' of {name}'} "
                    f"{_PHASES[span.phase]}: {span.words}",
                    place=f"#/migration?pair={quote(ends, safe=':,')}",
                ),
                [source.host_id, destination.host_id],
                over=span.phase in ENDED,
            ),
        )
        for span in migration.spans
        if span.phase != "waiting" and span.phase not in told
    ]


def without_addresses(event: TimeEvent) -> TimeEvent:
    """For who may not see where memory lies: the host in place of the mapping."""
    place = None if event.place is None else event.place.partition("/pid/")[0]
    return event.model_copy(update={"place": place, "text": hidden(event.text)})


def _all(host_id: str, before: Known, after: Known) -> Iterator[tuple[EventKind, str, str]]:
    yield from _processes(host_id, before, after)
    if before.findings is None or after.findings is None:
        return
    for key, finding in after.findings.items():
        if key not in before.findings:
            yield "finding", f"{finding.severity}: {finding.what}", _place(host_id, finding)
    for key, finding in before.findings.items():
        if key not in after.findings:
            yield "finding", f"no more: {finding.what}", _host_place(host_id)


def _processes(host_id: str, before: Known, after: Known) -> Iterator[tuple[EventKind, str, str]]:
    if before.processes is after.processes:
        return
    for pid, process in before.processes.items():
        other = after.processes.get(pid)
        if other is None or _is_another(process, other):
            text = f"{_words(process)} maps no huge pages any more"
            yield "process_end", text, _host_place(host_id)
    for pid, process in after.processes.items():
        other = before.processes.get(pid)
        if other is None or _is_another(other, process):
            start = process.mappings[0].start
            place = f"{_host_place(host_id)}/pid/{pid}/map/{start:x}"
            yield "process_start", f"{_words(process)} maps huge pages", place


def _is_another(one: ProcessInfo, two: ProcessInfo) -> bool:
    """Whether a pid was given again: nothing that it maps stayed."""
    mine = {info.start for info in one.mappings}
    return one.comm != two.comm and not any(info.start in mine for info in two.mappings)


def _words(process: ProcessInfo) -> str:
    name = process.comm if process.name is None else process.name.name
    return f"process {process.pid}" if name is None else f"{name} (process {process.pid})"


def _place(host_id: str, finding: Finding) -> str:
    """The first cells that a finding is about."""
    if not finding.links:
        return _host_place(host_id)
    link = finding.links[0]
    place = f"{_host_place(host_id)}/pid/{link.pid}/map/{link.start:x}"
    if link.count == 0:
        return place
    last = link.first + link.count - 1
    return f"{place}?cells={link.first}" + (f"-{last}" if link.count > 1 else "")


def _host_place(host_id: str) -> str:
    return f"#/host/{quote(host_id, safe='')}"
