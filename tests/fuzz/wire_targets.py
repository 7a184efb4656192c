"""Targets: frames, blocks, groups, recordings and messages, as peers and files have them."""

from __future__ import annotations

import json
import lzma
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from hugescope_server.mailbox import Mailbox
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.questions import Questions
from hugescope_wire import blocks, frames, groups
from hugescope_wire.archive import open_archive
from hugescope_wire.cells import CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind
from hugescope_wire.messages import AGENT_HELLO, parse
from hugescope_wire.picture import HostPicture
from tests.fuzz.registry import Target
from tests.fuzz.seeds import golden_frames, made_frames, recordings
from tests.unit.server.made_server import MadeServer

_WIRE: Final = "hugescope_wire"
_FRAME_HEADER: Final = 20
_MOST_CELLS: Final = 1 << 16
"""Of what is spread out here: a valid run may stand for millions."""


def _frame(data: bytes) -> None:
    frame = frames.decode_frame(data)
    assert frames.decode_frame(memoryview(data)).seq == frame.seq
    assert frames.decode_frame(frames.marked_late(data)).late
    for block in frame.blocks:
        cells = block.decode(_MOST_CELLS, 2 << 20).cells
        assert int(cells.state.max(initial=0)) < len(CellState)


def _split(data: bytes) -> None:
    """What is taken apart is the same when it is put together."""
    raw = frames.split_frame(data)
    again = frames.encode_frame(raw.kind, 1, raw.meta, raw.blocks)
    assert frames.decode_frame(again).meta == raw.meta


def _block(data: bytes) -> None:
    for with_ages in (False, True):
        try:
            block, end = blocks.decode_block(data, 0, with_ages=with_ages)
            assert 0 < end <= len(data)
            block.decode(_MOST_CELLS, 1 << 30)
        except WireError:
            continue


def _groups(data: bytes) -> None:
    block, end = groups.decode_groups(data, 0)
    assert 0 < end <= len(data)
    assert len(block.groups) == block.groups.counts.shape[1]


def _picture(data: bytes) -> None:
    """A frame on top of a good one: the picture is another, or as it was."""
    picture = HostPicture()
    picture.apply(frames.decode_frame(made_frames()[0]))
    before = picture.snapshot()
    try:
        frame = frames.decode_frame(data)
        if frame.kind is FrameKind.FULL and sum(one.covered for one in frame.blocks) > 1 << 20:
            return
        picture.apply(frame)
    except WireError:
        assert picture.snapshot() == before
        raise
    snapshot = picture.snapshot()
    assert type(snapshot).model_validate_json(snapshot.model_dump_json()) == snapshot


def _to_server(data: bytes) -> None:
    """The same in a server, with viewers; whatever it takes, it can tell."""
    server = MadeServer()
    desk = MigrationDesk(server.bus, 600.0, lambda: 1_800_000_000.0)
    session = server.join()
    session.take(made_frames()[0])
    mailbox = Mailbox(server.hub, desk)
    mailbox.receive(json.dumps(_SUBSCRIBE))
    mailbox.receive(json.dumps(_FOLLOW))
    mailbox.poll(server.now)
    try:
        frame = frames.decode_frame(data)
        if sum(one.covered for one in frame.blocks) <= 1 << 20:
            session.take(data, frame)
    finally:
        server.now += 1.0
        mailbox.poll(server.now)
        server.hub.overview_json(server.now)
        desk.list_json()


def _from_viewer(data: bytes) -> None:
    server = MadeServer()
    server.join().take(made_frames()[0])
    mailbox = Mailbox(server.hub, MigrationDesk(server.bus, 600.0, lambda: 1_800_000_000.0))
    mailbox.poll(server.now)
    mailbox.receive(data.decode("utf-8", "replace"))
    for _ in range(3):
        server.now += 1.0
        mailbox.poll(server.now)


def _hello(data: bytes) -> None:
    hello = parse(AGENT_HELLO, data)
    server = MadeServer()
    first = server.ingest.join(hello, lambda: None)
    first.take(made_frames()[0])
    first.leave()
    again = server.ingest.join(hello, lambda: None)
    again.take(made_frames()[0 if again.resumed_at is None else 1])


async def _nowhere(_text: str) -> None: ...


def _answer(data: bytes) -> None:
    Questions(_nowhere, 1.0).take(data.decode("utf-8", "replace"))


def _recording(data: bytes) -> None:
    with NamedTemporaryFile(prefix="hugescope-fuzz-") as file:
        file.write(data)
        file.flush()
        archive = open_archive(Path(file.name))
        records = list(islice(archive.records(), 100))
    assert not records or records[0].frame.kind is FrameKind.FULL
    assert archive.began_s <= archive.ended_s


def _recordings() -> list[bytes]:
    return [*recordings(), lzma.compress(recordings()[0])]


def _cells() -> list[bytes]:
    return [data[_FRAME_HEADER:] for data in golden_frames() if data[4] == FrameKind.CELLS]


def _grouped() -> list[bytes]:
    return [data[_FRAME_HEADER:] for data in golden_frames() if data[4] == FrameKind.GROUPS]


_SUBSCRIBE: Final = {
    "type": "subscribe",
    "host_id": "h1",
    "mapping_id": 1,
    "epoch": "e1",
    "view": {"first": 0, "count": 20, "shift": 3, "rate_hz": 20},
}
_FOLLOW: Final = {"type": "follow", "hosts": [{"host_id": "h1", "thumbs": [], "statistics": True}]}
_FROM_VIEWER: Final = (
    _SUBSCRIBE,
    _FOLLOW,
    {"type": "unsubscribe"},
    {"type": "ack", "seq": 1},
    {"type": "follow_migration", "migration_id": "m1"},
)
_HELLO: Final = {
    "type": "hello",
    "protocol": 1,
    "agent_version": "1.2",
    "host_id": "h1",
    "epoch": "e1",
    "answers": ["page_query"],
    "boot_id": "b",
    "keeps": True,
    "resume": {"first_seq": 1, "last_seq": 4, "behind_s": 2.5},
}
_PAGE: Final = {
    "type": "page",
    "query_id": 1,
    "page": None,
    "code": "no_such_process",
    "message": "gone",
}


def _said(*messages: object) -> list[bytes]:
    return [json.dumps(one).encode() for one in messages]


_TAKEN: Final = (
    f"{_WIRE}.frames.decode_frame",
    f"{_WIRE}.picture.HostPicture.apply",
    "hugescope_server.ingest.AgentSession.take",
    "hugescope_server.migration.desk.MigrationDesk.list_json",
)

TARGETS: Final = (
    Target(
        "frame",
        _frame,
        lambda: [*golden_frames(), *made_frames()],
        (f"{_WIRE}.frames.decode_frame", f"{_WIRE}.frames.marked_late"),
        (WireError,),
    ),
    Target(
        "split-frame",
        _split,
        made_frames,
        (f"{_WIRE}.frames.split_frame", f"{_WIRE}.frames.encode_frame"),
        (WireError,),
    ),
    Target("block", _block, _cells, (f"{_WIRE}.blocks.decode_block",), (WireError,)),
    Target("groups", _groups, _grouped, (f"{_WIRE}.groups.decode_groups",), (WireError,)),
    Target(
        "picture",
        _picture,
        made_frames,
        (f"{_WIRE}.picture.HostPicture.apply",),
        (WireError,),
    ),
    Target("frame-to-server", _to_server, made_frames, _TAKEN, (WireError,), examples=150),
    Target(
        "from-viewer",
        _from_viewer,
        lambda: _said(*_FROM_VIEWER),
        ("hugescope_server.mailbox.Mailbox.receive", f"{_WIRE}.messages.parse"),
        (WireError,),
    ),
    Target(
        "hello",
        _hello,
        lambda: _said(_HELLO),
        (f"{_WIRE}.messages.parse", "hugescope_server.ingest.Ingest.join"),
        (WireError,),
    ),
    Target(
        "page-answer",
        _answer,
        lambda: _said(_PAGE),
        ("hugescope_server.questions.Questions.take",),
        (WireError,),
    ),
    Target(
        "recording",
        _recording,
        _recordings,
        (
            f"{_WIRE}.archive.open_archive",
            f"{_WIRE}.firstformat.FirstFormatArchive.__init__",
            f"{_WIRE}.storedfile._unpack",
        ),
        (WireError,),
    ),
)
