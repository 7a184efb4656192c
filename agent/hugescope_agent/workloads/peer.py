"""The talk between the two sides of a post-copy: JSON messages on a Unix SOCK_SEQPACKET socket.

::

    destination -> source   {"do": "serve", "start_va": N}   with the userfaultfd (SCM_RIGHTS)
    source -> destination   {"do": "touch"}                  a round starts
    source -> destination   {"do": "verify"}                 every page is present
    destination -> source   {"do": "verified"}
    source -> destination   {"do": "empty"}                  free all pages
    destination -> source   {"do": "emptied"}
    source -> destination   {"do": "end"}                    no more rounds
"""

import json
import math
import select
import socket

MESSAGE_LIMIT_BYTES = 4096


class PeerGone(Exception):
    """The other side has closed its end: it ended, or is about to."""


class Peer:
    """One end of the socket that both sides were started with."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def fileno(self) -> int:
        """The descriptor, for poll."""
        return self._socket.fileno()

    def tell(self, what: str, descriptor: int | None = None, **fields: int) -> None:
        """Send one message, with a descriptor if there is one."""
        data = json.dumps({"do": what, **fields}).encode()
        try:
            if descriptor is None:
                self._socket.send(data)
            else:
                socket.send_fds(self._socket, [data], [descriptor])
        except (BrokenPipeError, ConnectionResetError):
            raise PeerGone from None

    def listen(self) -> dict[str, str | int]:
        """Wait for the next message."""
        return self._parse(self._receive()[0])

    def listen_for(self, what: str) -> None:
        """Wait for the message that must come next."""
        message = self.listen()
        if message["do"] != what:
            raise ValueError(f"the other side said {message!r}, not {what!r}")

    def listen_for_descriptor(self) -> tuple[dict[str, str | int], int]:
        """Wait for a message that brings a descriptor."""
        data, descriptors = self._receive()
        if len(descriptors) != 1:
            raise ValueError(f"the other side sent {len(descriptors)} descriptors, not one")
        return self._parse(data), descriptors[0]

    def has_message(self, timeout_s: float) -> bool:
        """Wait at most so long for a message, or for the other side's end."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(math.ceil(timeout_s * 1000)))

    def _receive(self) -> tuple[bytes, list[int]]:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, MESSAGE_LIMIT_BYTES, 1)
        except ConnectionResetError:
            raise PeerGone from None
        if not data:
            raise PeerGone
        return data, list(descriptors)

    @staticmethod
    def _parse(data: bytes) -> dict[str, str | int]:
        message: dict[str, str | int] = json.loads(data)
        return message
