"""Says who a request comes from, lets people in and out, and knows the sockets that are open."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from hugescope_server.auth import secret, session
from hugescope_server.auth.principal import Principal, Role
from hugescope_server.auth.records import TokenRecord
from hugescope_server.auth.state_dir import StateError
from hugescope_server.auth.store import TokenStore

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request came to, as its cookie's name depends on it.

    Attributes:
        host: the Host header.
        secure: the browser speaks TLS, to this server or to the proxy before it.
    """

    host: str
    secure: bool

    @property
    def cookie(self) -> str:
        """Its name."""
        return session.cookie_name(self.host, self.secure)


class Access:
    """The door's book: one for the application.

    Args:
        store: what is believed.
        session_s: how long a browser's session lasts.
    """

    def __init__(self, store: TokenStore, session_s: float) -> None:
        self.store: Final = store
        self.session_s: Final = session_s
        self._live: dict[object, tuple[str, Role, Callable[[], None]]] = {}

    def principal(self, headers: Headers, place: Place) -> Principal | None:
        """Who sent these headers; None: nobody that is known.

        A token that is shown counts alone: a wrong one is not made good by a cookie.

        Raises:
            StateError: the store cannot be read.
        """
        shown = headers.getlist("authorization")
        if shown:
            scheme, _, text = shown[0].partition(" ")
            if len(shown) != 1 or scheme.lower() != "bearer":
                return None
            record = self.store.find(text.strip())
            return None if record is None else _principal(record)
        return self._by_cookie(_cookies(headers).get(place.cookie))

    def _by_cookie(self, value: str | None) -> Principal | None:
        if value is None:
            return None
        told = session.read(value, self.store.session_key(), self.store.clock())
        record = None if told is None else self.store.holding(told[0])
        if told is None or record is None or not record.is_session or record.role != told[1]:
            return None
        return _principal(record)

    def enter(self, text: str) -> TokenRecord | None:
        """A session for who shows a token or a one-time code; None: neither. Writes to disk.

        Raises:
            StateError: the store cannot be used.
        """
        shown = secret.parse(text.strip())
        if shown is None:
            return None
        if shown.kind == secret.CODE:
            return self.store.redeem(text.strip(), self.session_s)
        token = self.store.find(text.strip())
        if token is None or not token.role.logs_in:
            return None
        return self.store.open_session(token, self.session_s)

    def cookie_of(self, opened: TokenRecord) -> str:
        """The value that stands for this session."""
        return session.sign(opened, self.store.session_key())

    def holds(self, token_id: str) -> bool:
        """Whether this token or session is good still; what cannot be asked is not."""
        try:
            return self.store.holding(token_id) is not None
        except StateError as error:
            _log.error("%s", error)
            return False

    def add_socket(self, principal: Principal, end: Callable[[], None]) -> Callable[[], None]:
        """Call `end` once this one may not be here any more; the result forgets the socket."""
        key = object()
        self._live[key] = (principal.token_id, principal.role, end)

        def forget() -> None:
            self._live.pop(key, None)

        return forget

    def open_sockets(self) -> Counter[Role]:
        """How many there are of each role."""
        return Counter(role for _, role, _ in self._live.values())

    def end_sockets(self) -> None:
        """End those whose token or session ended; called again and again."""
        good: dict[str, bool] = {}
        for key, (token_id, _, end) in list(self._live.items()):
            if token_id not in good:
                good[token_id] = self.holds(token_id)
            if not good[token_id]:
                self._live.pop(key, None)
                end()


def _principal(record: TokenRecord) -> Principal:
    return Principal(record.id, record.role, record.host_id, record.expires_at, record.is_session)


def _cookies(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in headers.getlist("cookie"):
        for part in line.split(";"):
            name, _, value = part.strip().partition("=")
            found.setdefault(name, value)
    return found
