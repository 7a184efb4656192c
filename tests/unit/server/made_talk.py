"""One host, one viewer and its mailbox, with a clock that tests move by hand."""

from __future__ import annotations

import random

from hugescope_server.mailbox import Mailbox
from hugescope_wire.messages import Ack
from hugescope_wire.view import View
from tests.unit.server.made_host import MadeHost
from tests.unit.server.made_server import MadeServer
from tests.unit.server.made_viewer import MadeViewer

CELLS_PERIOD_S = 1 / View().rate_hz


class Talk:
    """One host, one viewer and its mailbox; time moves by hand."""

    def __init__(self, seed: int = 1) -> None:
        self.server = MadeServer()
        self.host = MadeHost(random.Random(seed), clock=lambda: self.server.now)
        self.host.add(7, 64)
        self.host.add(7, 600)
        self.host.add(7, 1500, column=37)
        self.session = self.server.join()
        self.session.take(self.host.full())
        self.mailbox = Mailbox(self.server.hub)
        self.viewer = MadeViewer()
        self.acks: list[Ack] = []

    def poll(self, after_s: float = 1.1 * CELLS_PERIOD_S) -> int:
        """Let time pass and take what is due; the number of messages."""
        self.server.now += after_s
        messages = self.mailbox.poll(self.server.now)
        for message in messages:
            ack = self.viewer.take(message)
            if ack is not None:
                self.acks.append(ack)
        return len(messages)

    def ack_all(self) -> None:
        for ack in self.acks:
            self.mailbox.receive(ack.model_dump_json())
        self.acks.clear()

    def subscribe(
        self, mapping_id: int = 1, epoch: str | None = None, view: View | None = None
    ) -> None:
        wish = self.viewer.wish("h1", mapping_id, epoch, view)
        self.mailbox.receive(wish.model_dump_json())

    def change(self, mapping_id: int = 1, at: int = 3) -> None:
        self.session.take(self.host.change_cells(mapping_id, [at, at + 1]))
