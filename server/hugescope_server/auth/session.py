"""A browser's cookie: who, as what and until when, signed; nothing about it is kept in memory."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Final

from hugescope_server.auth.records import TokenRecord

_MAX_CHARS: Final = 512


def cookie_name(host: str, secure: bool) -> str:
    """By the port in the Host header: browsers send cookies to every port of a host, and several
    servers, or tunnels to them, must not overwrite each other's.
    """
    _, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        port = "443" if secure else "80"
    return f"{'__Host-' if secure else ''}hugescope-{port}"


def sign(session: TokenRecord, key: bytes) -> str:
    """The cookie's value."""
    told = {"id": session.id, "role": session.role, "exp": session.expires_at}
    payload = _encode(json.dumps(told, separators=(",", ":")).encode())
    return f"{payload}.{_encode(_mac(payload, key))}"


def read(value: str, key: bytes, now: float) -> tuple[str, str] | None:
    """Id and role of the session in a cookie; None unless this key signed it and it holds still."""
    payload, dot, mac = value.partition(".")
    if not dot or len(value) > _MAX_CHARS or not value.isascii():
        return None
    if not hmac.compare_digest(mac.encode(), _encode(_mac(payload, key)).encode()):
        return None
    try:
        told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return None
    return (str(told["id"]), str(told["role"])) if now < told["exp"] else None


def _mac(payload: str, key: bytes) -> bytes:
    return hmac.digest(key, b"hugescope-session." + payload.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
