"""Targets: what captures keep, what the server keeps of the past, and what pages are made of."""

from __future__ import annotations

import asyncio
import html
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from hugescope.report.html import joined, json_block, tag
from hugescope.runs_csv import guarded
from hugescope_agent.capture.arguments import kept_arguments
from hugescope_agent.capture.capture import take, write
from hugescope_agent.capture.processes import ProcessReader
from hugescope_agent.capture.texts import boot_words, entries_of, policies_of
from hugescope_agent.errors import AgentError, BadCapture, ProcessError
from hugescope_agent.kernel import captured_scan
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.vm import tell
from hugescope_server.bus import LocalBus
from hugescope_server.history.places import directory_of
from hugescope_server.timeline.diary import Diary, read_events
from hugescope_server.timeline.happenings import Noted
from hugescope_server.timeline.shelf import host_id_of
from hugescope_server.veil.places import Places
from hugescope_server.veil.spaces import Spaces
from hugescope_server.veil.words import veiled
from hugescope_wire.host import ProcessInfo
from hugescope_wire.travel import TimeEvent
from tests.fuzz.host_targets import COMMAND_LINES
from tests.fuzz.registry import Target, of_names, of_text
from tests.fuzz.seeds import captured
from tests.fuzz.trees import changed, file_seeds
from tests.unit.server.made_host import mapping_info
from tests.unit.server.metrics.made_metrics import Site, whole_site

_CAPTURE: Final = "hugescope_agent.capture"
_PAGE_BYTES: Final = 2 << 20
_HIGH_BYTES: Final = 1 << 57
_TRUE: Final = 0x7F12_3400_0000


def _scan(data: bytes) -> None:
    """A file of a scan: what is cut out of it lies where it was asked for."""
    scan = captured_scan.decode(data, "made/up")
    assert captured_scan.encode(scan.ranges) == data
    for start, end in ((0, _HIGH_BYTES), (_PAGE_BYTES, 5 * _PAGE_BYTES)):
        part = scan.scan(start, end)
        rows = np.frombuffer(part, np.uint64).reshape(-1, 3)
        assert (rows[:, 0] >= start).all()
        assert (rows[:, 1] <= end).all()
    captured_scan.fresh_cells(part, _PAGE_BYTES, _PAGE_BYTES, 4)


def _scans() -> list[bytes]:
    rows = [(1, 3, 0x4E), (3, 4, 0x52), (8, 9, 0x52 | captured_scan.FRESH)]
    ranges = np.array([(a * _PAGE_BYTES, b * _PAGE_BYTES, c) for a, b, c in rows], np.uint64)
    return [captured_scan.encode(ranges), captured_scan.encode(ranges[:0])]


def _capture(data: bytes) -> None:
    """A capture of a tree in which one file is something else."""
    with changed(data) as root, _host(root) as files, tempfile.TemporaryDirectory() as place:
        taken = take(files, None, ProcessReader(files, lambda _seconds: None))
        write(files, taken, Path(place) / "made.tar.xz")


@contextmanager
def _host(root: Path) -> Iterator[HostFiles]:
    files = HostFiles(Root.at(str(root)))
    try:
        yield files
    finally:
        files.close()


def _texts(data: bytes) -> None:
    """What is kept is a part of what was there, and keeping it again changes nothing."""
    starts = (0x7F0000000000, 0x7E0000000000)
    for keep in (entries_of, policies_of):
        kept = keep(data, starts)
        assert len(kept) <= len(data)
        assert keep(kept, starts) == kept
    words = boot_words(data.decode("utf-8", "replace"))
    assert boot_words(words) == words


def _arguments(text: str) -> None:
    """With what is kept of a command line the process is told as with all of it."""
    comm, _, line = text.partition("\n")
    arguments = line.split("\0")
    kept = kept_arguments(comm, arguments, lambda: None)
    assert kept == [arguments[0]] or tell(comm, kept, lambda: None) == tell(
        comm, arguments, lambda: None
    )


def _diary(data: bytes) -> None:
    """Whatever is read can be shown, and is read again from what is written of it."""
    events = read_events(data)
    again = read_events(b"".join(one.line() + b"\n" for one in events))
    assert again == events
    book = Diary(LocalBus(), lambda: 1.0)
    book.take(events, keep=False)
    book.between({one.host_id: (0.0, 1e12) for one in events}, 0.0, 1e12, 9)
    book.migrating_since("h1", 50.0)


def _lines() -> list[bytes]:
    found = []
    for at_s, over in ((10.0, False), (20.5, True)):
        event = TimeEvent(at_s=at_s, host_id="h1", kind="phase", text="came", place="#/h/h1")
        found.append(Noted.of(event, ["h1", "h2"], over=over).line() + b"\n")
    return [b"".join(found), found[0][:-9]]


def _file_name(text: str) -> None:
    """Of any name of a file an id that is none of those there, and no way out of a directory."""
    first = host_id_of(text, ())
    second = host_id_of(text, (first,))
    assert first != second
    for one in (first, second):
        place = directory_of(Path("/root"), one)
        assert place.parent == Path("/root")
        assert place.name not in (".", "..")
        assert len(place.name) < 200


def _page_text(text: str) -> None:
    """Text that a process chose ends no element, and is no formula."""
    shown = joined(text)
    assert not {"<", ">", '"'} & set(shown)
    assert html.unescape(shown).isprintable() or not shown
    assert tag("td", text, title=text).count("<") == 2
    block = json_block("x", json.dumps({"text": text}))
    assert block.count("<") == 2
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@cache
def _spaces() -> Spaces:
    processes = [
        ProcessInfo(pid=41, comm="a", mappings=[mapping_info(1, 8, _TRUE)]),
        ProcessInfo(pid=42, comm="b", mappings=[mapping_info(2, 8, _TRUE + (1 << 40))]),
    ]
    return Spaces(processes, Places(b"made up"), {})


def _veiled(text: str) -> None:
    """No address of a mapping is left that stands by itself, as the agent writes them."""
    shown = veiled(text, (41, 42), _spaces())
    for true in (_TRUE, _TRUE + (1 << 40)):
        assert re.search(rf"(?<![0-9A-Za-z])0x{true:x}(?![0-9A-Za-z])", shown) is None


@cache
def _site() -> Site:
    return whole_site()


def _accept(data: bytes) -> None:
    """As a header has it: whatever it asks for, there is an answer."""
    body, content_type = asyncio.run(_site().services.metrics.exposition(data.decode("latin-1")))
    assert body
    assert content_type.isprintable()


_VEILED: Final = (
    f"a (41) has 3 pages at {_TRUE:#x}.",
    f"{_TRUE:x}-{_TRUE + _PAGE_BYTES:x} rw-p of 42",
    f"at 0X{_TRUE:X} and {_TRUE + (1 << 40):x}",
)
_ACCEPTED: Final = (
    b"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    b"text/plain; version=1.0.0; escaping=allow-utf-8",
    b"*/*",
    b"text/plain;version=x, */*",
    b"application/openmetrics-text; version=2.\x80",
)
_PAGE_TEXTS: Final = (b"qemu", b"=1+1", b'</script><b title="\'">', "\u202e\u2028\t@x".encode())

TARGETS: Final = (
    Target(
        "captured-scan",
        _scan,
        _scans,
        (
            "hugescope_agent.kernel.captured_scan.decode",
            "hugescope_agent.kernel.captured_scan.fresh_cells",
        ),
        (BadCapture,),
    ),
    Target(
        "capture",
        _capture,
        file_seeds,
        (
            f"{_CAPTURE}.archive.TreeArchive.directory",
            f"{_CAPTURE}.archive.TreeArchive.file",
            f"{_CAPTURE}.archive.TreeArchive.words",
            f"{_CAPTURE}.arguments.kept_arguments",
            f"{_CAPTURE}.capture.write",
            f"{_CAPTURE}.host._below",
            f"{_CAPTURE}.processes.ProcessReader._text",
            f"{_CAPTURE}.texts.entries_of",
            f"{_CAPTURE}.texts.policies_of",
        ),
        (AgentError, ProcessError),
        examples=40,
    ),
    Target(
        "captured-texts",
        _texts,
        lambda: [
            *captured("smaps", "maps", "numa_maps", most=3),
            b"7f0000000000 bind:0 huge\n",
            b"quiet hugepagesz=2M hugepages=64 -- secret",
        ],
        (
            f"{_CAPTURE}.texts.entries_of",
            f"{_CAPTURE}.texts.policies_of",
            f"{_CAPTURE}.texts.boot_words",
        ),
    ),
    Target(
        "captured-arguments",
        of_text(_arguments),
        lambda: COMMAND_LINES,
        (f"{_CAPTURE}.arguments.kept_arguments",),
    ),
    Target(
        "diary",
        _diary,
        _lines,
        ("hugescope_server.timeline.diary.read_events",),
    ),
    Target(
        "file-name",
        of_names(_file_name),
        lambda: [b"host-1.hsrec", b"../.a b.hsrec.xz", b""],
        (
            "hugescope_server.timeline.shelf.host_id_of",
            "hugescope_server.history.places.directory_of",
        ),
    ),
    Target(
        "page-text",
        of_text(_page_text),
        lambda: _PAGE_TEXTS,
        (
            *(f"hugescope.report.html.{name}" for name in ("tag", "joined", "json_block")),
            "hugescope.runs_csv.guarded",
        ),
    ),
    Target(
        "veiled",
        of_text(_veiled),
        lambda: [one.encode() for one in _VEILED],
        ("hugescope_server.veil.words.veiled",),
    ),
    Target(
        "accept",
        _accept,
        lambda: _ACCEPTED,
        ("hugescope_server.metrics.exposition.Metrics.exposition",),
    ),
)
