"""The secrets themselves: 256 random bits each, with an id before them that is no secret.

`hst_ID_SECRET` is a token, `hsc_ID_SECRET` a one-time code. The kinds are told apart by their
begin, which lets people and scanners find one that lies where it should not. Only the SHA-256 of a
secret is ever stored: of 256 random bits nothing slower is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["hst", "hsc"]
TOKEN: Final[Kind] = "hst"  # noqa: S105 - a prefix
CODE: Final[Kind] = "hsc"

SECRET_PATTERN: Final = re.compile(r"hs[tc]_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Secret:
    """One of them, in parts; its text is never shown by `repr`."""

    kind: Kind
    id: str
    hash: str

    def matches(self, stored_hash: str) -> bool:
        """Whether this is the secret with that hash, in a time that does not tell how near."""
        return hmac.compare_digest(self.hash, stored_hash)


def make(kind: Kind) -> tuple[str, Secret]:
    """A new one: its text, to be shown once, and what is kept of it."""
    text = f"{kind}_{new_id()}_{secrets.token_urlsafe(32)}"
    made = parse(text)
    assert made is not None
    return text, made


def new_id() -> str:
    """Names a token or a session; no secret."""
    return secrets.token_hex(6)


def parse(text: str) -> Secret | None:
    """The parts of a secret; None for anything that cannot be one."""
    if len(text) > 64 or SECRET_PATTERN.fullmatch(text) is None:
        return None
    kind, id_, _ = text.split("_", 2)
    return Secret(TOKEN if kind == TOKEN else CODE, id_, hash_of(text))


def hash_of(text: str) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
