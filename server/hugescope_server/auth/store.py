"""Tokens, sessions and one-time codes on disk, as hashes: shared by the server and the CLI.

The file is replaced as a whole, under a lock, so that every reader finds one state or the next. A
reader looks whether the file is another than the one it knows, and reads it again then: what the
command line revokes holds in a running server.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hugescope_server.auth import records, secret
from hugescope_server.auth.principal import Role
from hugescope_server.auth.records import CodeRecord, Contents, Made, TokenRecord
from hugescope_server.auth.state_dir import StateError, secure_directory

TOKENS_FILE: Final = "tokens.json"
KEY_FILE: Final = "session.key"
_LOCK_FILE: Final = "lock"
_URL_FILE: Final = "url"
_KEY_BYTES: Final = 32
_OWNER_ONLY: Final = 0o600

Identity = tuple[int, int, int, int]


class TokenStore:
    """Those of one state directory. Any thread may call; nothing is touched before it is needed."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since 1970."""
        self.directory: Final = directory
        self.clock: Final = clock
        self._path = directory / TOKENS_FILE
        self._changing = threading.Lock()
        self._known: tuple[Identity | None, dict[str, TokenRecord]] = (None, {})
        self._lent: dict[str, TokenRecord] = {}
        self._key: bytes | None = None

    def check(self) -> None:
        """See that all of it can be used.

        Raises:
            StateError: naming the file or directory.
        """
        secure_directory(self.directory)
        self._read()
        self.session_key()

    def create(
        self,
        role: Role,
        host_id: str | None = None,
        label: str = "",
        lasts_s: float | None = None,
    ) -> tuple[str, TokenRecord]:
        """A new token: its text, which nothing can give again, and its record.

        Raises:
            StateError: it cannot be kept, or there are too many.
            ValueError: a host for what is no agent, or an agent without.
        """
        text, record = self._made(role, host_id, label, lasts_s)
        self._change(lambda contents: records.with_token(contents, record))
        return text, record

    def lend(self, role: Role, host_id: str | None = None) -> str:
        """A token that only this process knows: it ends with it, and is never written."""
        text, record = self._made(role, host_id, "", None)
        self._lent[record.id] = record
        return text

    def tokens(self) -> tuple[TokenRecord, ...]:
        """All that are kept, ended ones included, oldest first."""
        return tuple(self._records().values())

    def revoke(self, token_id: str) -> TokenRecord | None:
        """End a token with the sessions that it opened, or one session; None: there is none."""
        made = self._change(lambda kept: records.without(kept, token_id, self.clock()))
        return None if made is None else made.record

    def find(self, text: str) -> TokenRecord | None:
        """The token of this text, if it holds."""
        shown = secret.parse(text)
        if shown is None or shown.kind != secret.TOKEN:
            return None
        record = self.holding(shown.id)
        if record is None or record.hash is None or not shown.matches(record.hash):
            return None
        return record

    def holding(self, token_id: str) -> TokenRecord | None:
        """The token or session of this id, if it and the token it came from hold."""
        now, kept = self.clock(), self._records()
        record = kept.get(token_id) or self._lent.get(token_id)
        if record is None or not record.holds(now):
            return None
        if record.parent is not None:
            parent = kept.get(record.parent) or self._lent.get(record.parent)
            if parent is None or not parent.holds(now):
                return None
        return record

    def new_code(self, role: Role) -> str:
        """A code that opens one session of this role, in the next ten minutes."""
        text, made = secret.make(secret.CODE)
        expires_at = self.clock() + records.CODE_S
        code = CodeRecord(id=made.id, role=role, hash=made.hash, expires_at=expires_at)
        self._change(lambda contents: records.with_code(contents, code))
        return text

    def redeem(self, text: str, session_s: float) -> TokenRecord | None:
        """The session for a code; the code is used up, on disk too. None: it was, or is none."""
        shown = secret.parse(text)
        if shown is None or shown.kind != secret.CODE:
            return None
        made = self._change(lambda kept: records.redeemed(kept, shown, self.clock(), session_s))
        return None if made is None else made.record

    def open_session(self, parent: TokenRecord, session_s: float) -> TokenRecord:
        """A session for who showed a token; ends with it at the latest."""
        now = self.clock()
        ends = min(now + session_s, parent.expires_at or float("inf"))
        session = records.session_of(parent.role, parent.label, now, ends, parent.id)
        self._change(lambda contents: records.with_token(contents, session))
        return session

    def session_key(self) -> bytes:
        """What signs cookies: made once, and kept.

        Raises:
            StateError: it cannot be read or made, or is damaged.
        """
        if self._key is None:
            path = self.directory / KEY_FILE
            with self._locked():
                key = _read_bytes(path)
                if key is None:
                    key = secrets.token_bytes(_KEY_BYTES)
                    self._replace(path, key)
            if len(key) != _KEY_BYTES:
                raise StateError(f"{path}: is damaged; remove it, and every browser logs in anew")
            self._key = key
        return self._key

    def note_url(self, url: str) -> None:
        """Keep where a server of this directory was last reached."""
        with self._locked():
            self._replace(self.directory / _URL_FILE, url.encode())

    def noted_url(self) -> str | None:
        """What was kept."""
        found = _read_bytes(self.directory / _URL_FILE)
        return None if found is None else found.decode(errors="replace").strip()

    def _made(
        self, role: Role, host_id: str | None, label: str, lasts_s: float | None
    ) -> tuple[str, TokenRecord]:
        text, made = secret.make(secret.TOKEN)
        now = self.clock()
        record = TokenRecord(
            id=made.id,
            role=role,
            host_id=host_id,
            label=label,
            created_at=now,
            expires_at=None if lasts_s is None else now + lasts_s,
            hash=made.hash,
        )
        return text, record

    def _records(self) -> dict[str, TokenRecord]:
        """As the file has them now."""
        identity, known = self._known
        if identity is None or _identity(self._path) != identity:
            self._read()
            known = self._known[1]
        return known

    def _read(self) -> Contents:
        """The file as it is.

        Raises:
            StateError: it is damaged, or cannot be read.
        """
        identity = _identity(self._path)
        data = _read_bytes(self._path)
        try:
            contents = Contents() if data is None else Contents.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise StateError(
                f"{self._path}: is damaged ({where}: {first['msg']}); put a copy back, or remove "
                "it, and every token has to be made anew"
            ) from None
        self._known = (identity, {one.id: one for one in contents.tokens})
        return contents

    def _change(self, edit: Callable[[Contents], Made | Contents | None]) -> Made | None:
        """Replace the file by what `edit` makes of it; nothing when that is None."""
        with self._changing, self._locked():
            try:
                made = edit(self._read())
            except records.TooManyTokens as error:
                raise StateError(f"{self._path}: {error}") from None
            if made is None:
                return None
            contents = made.contents if isinstance(made, Made) else made
            tidy = records.tidied(contents, self.clock())
            self._replace(self._path, tidy.model_dump_json(indent=1).encode())
            self._read()
            return made if isinstance(made, Made) else None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among all processes that use this directory."""
        secure_directory(self.directory)
        path = self.directory / _LOCK_FILE
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            lock = os.open(path, flags, _OWNER_ONLY)
        except OSError as error:
            raise StateError(f"{path}: {error.strerror}") from None
        try:
            self._belong(lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _replace(self, path: Path, data: bytes) -> None:
        """Write all of a file or nothing; it is on the disk when this returns."""
        new = path.with_name(f"{path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, flags, _OWNER_ONLY), "wb") as file:
                self._belong(file.fileno())
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.rename(path)
            directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise StateError(f"{path}: {error.strerror}") from None

    def _belong(self, descriptor: int) -> None:
        """What root writes into a user's directory stays that user's, whose server must read it."""
        owner = self.directory.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from None
