"""The logic of a viewer, as a browser has it: it knows what it was sent and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hugescope_wire.cells import U32, Cells
from hugescope_wire.frames import EncodedBlock, FrameKind, decode_frame
from hugescope_wire.groups import GroupBlock, Groups
from hugescope_wire.messages import (
    TO_VIEWER,
    Ack,
    Overview,
    Refusal,
    ReportMessage,
    Statistics,
    Subscribe,
    Subscribed,
    SubscriptionEnded,
    Thumbnails,
    ViewerWelcome,
    parse,
)
from hugescope_wire.travel import TimeState
from hugescope_wire.view import TABLE_ENTRIES, View


@dataclass
class MadeViewer:
    """What one viewer knows: of the part in view its cells, or its groups, and the ages that came
    with the first frame.
    """

    welcome: ViewerWelcome | None = None
    overview: Overview | None = None
    overviews: int = 0
    reports: list[ReportMessage] = field(default_factory=list)
    thumbnails: list[Thumbnails] = field(default_factory=list)
    statistics: list[Statistics] = field(default_factory=list)
    subscribed: Subscribed | None = None
    subscriptions: int = 0
    ended: SubscriptionEnded | None = None
    refusal: Refusal | None = None
    time: TimeState | None = None
    times: int = 0
    cells: Cells | None = None
    groups: Groups | None = None
    first_ages: U32 | None = None
    last_ages: U32 | None = None
    seq: int = 0
    frames: int = 0
    frame_bytes: list[int] = field(default_factory=list)

    def take(self, message: str | bytes) -> Ack | None:
        """One message of the server; the ack that is due for it."""
        if isinstance(message, str):
            self._take_text(message)
            return None
        frame = decode_frame(message)
        assert self.subscribed is not None, "cells before any subscription was confirmed"
        shift = self.subscribed.view.shift
        assert frame.kind is (FrameKind.GROUPS if shift else FrameKind.CELLS)
        assert frame.seq == self.seq + 1, f"frame {frame.seq} after {self.seq}"
        for encoded in frame.blocks:
            self._take_cells(encoded)
        for block in frame.groups:
            self._take_groups(block)
        self.seq = frame.seq
        self.frames += 1
        self.frame_bytes.append(len(message))
        return Ack(seq=frame.seq)

    @property
    def empty(self) -> bool:
        """Whether no frame of this subscription came yet."""
        return self.cells is None and self.groups is None

    def wish(
        self, host_id: str, mapping_id: int, epoch: str | None = None, view: View | None = None
    ) -> Subscribe:
        """A subscription to what the overview shows."""
        if epoch is None:
            assert self.overview is not None
            epoch = next(h.epoch for h in self.overview.hosts if h.host_id == host_id)
        return Subscribe(host_id=host_id, mapping_id=mapping_id, epoch=epoch, view=view or View())

    def _take_cells(self, encoded: EncodedBlock) -> None:
        assert self.subscribed is not None
        info, view = self.subscribed.mapping, self.subscribed.view
        assert encoded.mapping_id == info.id
        block = encoded.decode(info.cell_count, info.page_size)
        index = block.index
        if index is None:
            index = np.arange(block.first, block.first + len(block.cells), dtype=np.uint32)
        assert index[0] >= view.first
        assert index[-1] < view.first + view.count
        if self.cells is None:
            assert len(block.cells) == view.count, "the first frame has all that is in view"
            self.cells, self.first_ages = block.cells, block.changed_ago
        else:
            self.cells = self.cells.replaced(index - view.first, block.cells)
        self.last_ages = block.changed_ago

    def _take_groups(self, block: GroupBlock) -> None:
        assert self.subscribed is not None
        info, view = self.subscribed.mapping, self.subscribed.view
        assert (block.mapping_id, block.shift) == (info.id, view.shift)
        column = info.start // info.page_size % TABLE_ENTRIES
        block.check_fits(info.cell_count, column)
        first = (view.first + column) >> view.shift
        at = block.numbers() - first
        if self.groups is None:
            last = (view.first + view.count - 1 + column) >> view.shift
            assert at.tolist() == list(range(last - first + 1)), "the first frame has all groups"
            copies = (column.copy() for column in block.groups.columns())
            self.groups, self.first_ages = Groups(*copies), block.changed_ago
        else:
            self.groups.put(at, block.groups)
        self.last_ages = block.changed_ago

    def _take_text(self, text: str) -> None:
        match parse(TO_VIEWER, text):
            case ViewerWelcome() as welcome:
                self.welcome = welcome
            case Overview() as overview:
                self.overview = overview
                self.overviews += 1
            case ReportMessage() as message:
                self.reports.append(message)
            case Thumbnails() as thumbnails:
                self.thumbnails.append(thumbnails)
            case Statistics() as statistics:
                self.statistics.append(statistics)
            case Subscribed() as subscribed:
                self.subscribed, self.ended = subscribed, None
                self.subscriptions += 1
                self.cells, self.groups, self.seq = None, None, 0
            case SubscriptionEnded() as ended:
                self.ended, self.subscribed, self.cells, self.groups = ended, None, None, None
            case TimeState() as time:
                self.time = time
                self.times += 1
            case Refusal() as refusal:
                self.refusal = refusal


def same(left: Cells | None, right: Cells) -> bool:
    """Whether every column of every cell is equal."""
    return left is not None and len(left) == len(right) and not len(left.differing(right))
