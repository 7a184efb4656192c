"""What migrations are called: an id, as addresses take it, of letters and digits, 16 at most."""

from __future__ import annotations

import secrets
from collections.abc import Container
from hashlib import blake2b
from itertools import count

from hugescope_server.migration.end import End


def name_of(tag: str, source: End, destination: End, taken: Container[str]) -> str:
    """With a tag the same each time for the same ends; without one random, and so never the name
    of another run of the server.
    """
    if not tag:
        return secrets.token_hex(4)
    ends = ",".join(f"{end.host_id}:{end.process.pid}" for end in (source, destination))
    names = (
        tag + blake2b(f"{ends},{number}".encode(), digest_size=4).hexdigest() for number in count()
    )
    return next(name for name in names if name not in taken)
