"""What a peer took of what it was sent, as the kernel counts it.

A transport's own buffer does not tell: with TLS what is encrypted waits in the transport below.
Sources: struct tcp_info in include/uapi/linux/tcp.h (tcpi_bytes_acked, since Linux 4.1), and
SIOCOUTQ of tcp(7), which has the number of TIOCOUTQ.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from typing import Final, NamedTuple

_ACKED: Final = struct.Struct("=120xQ")
_QUEUED: Final = struct.Struct("i")


class Delivery(NamedTuple):
    """Bytes of one connection.

    Attributes:
        taken: that the peer has acknowledged, of all that was sent.
        left: that it has not; some of them, where more wait outside of the kernel.
    """

    taken: int
    left: int


def delivery(transport: asyncio.Transport) -> Delivery:
    """Of a TCP connection as it is now; nothing of one that ended."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return Delivery(0, 0)
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED.size)
        queued = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_QUEUED.size))
        (taken,), (left,) = _ACKED.unpack(info), _QUEUED.unpack(queued)
    except OSError:
        return Delivery(0, 0)
    return Delivery(taken, left + transport.get_write_buffer_size())
