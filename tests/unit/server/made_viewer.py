"""The logic of a viewer, as a browser has it: it knows what it was sent and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hugescope_wire.cells import Cells
from hugescope_wire.frames import FrameKind, decode_frame
from hugescope_wire.messages import (
    TO_VIEWER,
    Ack,
    Overview,
    Refusal,
    ReportMessage,
    Subscribe,
    Subscribed,
    SubscriptionEnded,
    ViewerWelcome,
    parse,
)


@dataclass
class MadeViewer:
    """What one viewer knows."""

    welcome: ViewerWelcome | None = None
    overview: Overview | None = None
    overviews: int = 0
    reports: list[ReportMessage] = field(default_factory=list)
    subscribed: Subscribed | None = None
    ended: SubscriptionEnded | None = None
    refusal: Refusal | None = None
    cells: Cells | None = None
    seq: int = 0
    frames: int = 0
    frame_bytes: list[int] = field(default_factory=list)

    def take(self, message: str | bytes) -> Ack | None:
        """One message of the server; the ack that is due for it."""
        if isinstance(message, str):
            self._take_text(message)
            return None
        frame = decode_frame(message)
        assert frame.kind is FrameKind.CELLS
        assert self.subscribed is not None, "cells before any subscription was confirmed"
        assert frame.seq == self.seq + 1, f"frame {frame.seq} after {self.seq}"
        info = self.subscribed.mapping
        for encoded in frame.blocks:
            assert encoded.mapping_id == info.id
            block = encoded.decode(info.cell_count, info.page_size)
            index = block.index
            if index is None:
                index = np.arange(block.first, block.first + len(block.cells), dtype=np.uint32)
            if self.cells is None:
                assert len(block.cells) == info.cell_count, "the first frame has every cell"
                self.cells = block.cells
            else:
                self.cells = self.cells.replaced(index, block.cells)
        self.seq = frame.seq
        self.frames += 1
        self.frame_bytes.append(len(message))
        return Ack(seq=frame.seq)

    def wish(self, host_id: str, mapping_id: int, epoch: str | None = None) -> Subscribe:
        """A subscription to what the overview shows."""
        if epoch is None:
            assert self.overview is not None
            epoch = next(h.epoch for h in self.overview.hosts if h.host_id == host_id)
        return Subscribe(host_id=host_id, mapping_id=mapping_id, epoch=epoch)

    def _take_text(self, text: str) -> None:
        match parse(TO_VIEWER, text):
            case ViewerWelcome() as welcome:
                self.welcome = welcome
            case Overview() as overview:
                self.overview = overview
                self.overviews += 1
            case ReportMessage() as message:
                self.reports.append(message)
            case Subscribed() as subscribed:
                self.subscribed, self.ended = subscribed, None
                self.cells, self.seq = None, 0
            case SubscriptionEnded() as ended:
                self.ended, self.subscribed, self.cells = ended, None, None
            case Refusal() as refusal:
                self.refusal = refusal


def same(left: Cells | None, right: Cells) -> bool:
    """Whether every column of every cell is equal."""
    return left is not None and len(left) == len(right) and not len(left.differing(right))
