"""Migrations as they are shown to who may not see addresses; made once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Self, TypeVar

from hugescope_server.auth.principal import Principal
from hugescope_server.hub import Hub
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.migration.track import Migration
from hugescope_server.veil import records, words
from hugescope_server.veil.hub import VeiledHub, veiled_hub
from hugescope_server.veil.sight import sees_addresses
from hugescope_server.veil.spaces import Space
from hugescope_wire.migration import (
    MigrationEnd,
    MigrationMissing,
    Migrations,
    MigrationState,
    PairEnd,
)
from hugescope_wire.record import Record
from hugescope_wire.secrecy import InMapping

R = TypeVar("R", bound=Record)


class MigrationScope:
    """What is told of migrations: each end has the processes of its own host."""

    def __init__(
        self,
        hub: VeiledHub,
        ends: Mapping[str | None, MigrationEnd | None],
        here: MigrationEnd | None = None,
    ) -> None:
        self._hub = hub
        self._ends = ends
        self._here = here

    def kept(self, record: R) -> R | None:
        """As `records.Scope` has it: nothing is."""
        return None

    def keep(self, record: R, shown: R) -> None:
        """As `records.Scope` has it."""

    def entered(self, record: Record) -> Self:
        """That of what is in this record."""
        if isinstance(record, MigrationState):
            summary = record.summary
            ends: Mapping[str | None, MigrationEnd | None]
            ends = {"source": summary.source, "destination": summary.destination}
            return type(self)(self._hub, ends)
        if isinstance(record, MigrationEnd):
            return type(self)(self._hub, self._ends, record)
        return self

    def address(self, address: int, mark: InMapping, may_be_null: bool) -> int | None:
        """As `records.Scope` has it; of what is not known any more there is nothing to show."""
        end = self._ends.get(mark.side)
        space = None if end is None else self._spaces(end).get(end.pid)
        return None if space is None else space.shown(address)

    def words(self, text: str) -> str:
        """As `records.Scope` has it."""
        here = self._here
        return words.veiled(text, () if here is None else (here.pid,), self._spaces(here))

    def opaque(self, text: str) -> str:
        """As `records.Scope` has it; nothing here has a key."""
        return words.HIDDEN

    def _spaces(self, end: MigrationEnd | None) -> Mapping[int, Space]:
        host = None if end is None else self._hub.host(end.host_id)
        return {} if host is None else host.sight.spaces


class VeiledDesk:
    """All migrations of a desk: what is not said here is as in `MigrationDesk`."""

    def __init__(self, desk: MigrationDesk, hub: VeiledHub) -> None:
        self._desk: Final = desk
        self._scope: Final = MigrationScope(hub, {})
        self._list = ("", "")
        self._states: dict[str, tuple[str, str]] = {}

    def migration(self, migration_id: str) -> Migration | None:
        """The one of this id."""
        return self._desk.migration(migration_id)

    def paired(self, source: PairEnd, destination: PairEnd) -> Migration | MigrationMissing:
        """The migration of these ends."""
        return self._desk.paired(source, destination)

    def asked(self, migration: Migration) -> None:
        """A viewer looks at this one."""
        self._desk.asked(migration)

    def arrivals(self, migration: Migration, since: int) -> bytes:
        """A part of the log, which holds cells of blocks and no addresses."""
        return self._desk.arrivals(migration, since)

    def list_json(self) -> str:
        """As `MigrationDesk.list_json`."""
        text = self._desk.list_json()
        if self._list[0] != text:
            shown = records.veiled(Migrations.model_validate_json(text), self._scope)
            self._list = (text, shown.model_dump_json())
        return self._list[1]

    def state_json(self, migration: Migration) -> str:
        """As `MigrationDesk.state_json`."""
        text = self._desk.state_json(migration)
        if self._states.get(migration.id, ("", ""))[0] != text:
            self._states = {
                known: kept for known, kept in self._states.items() if self._desk.migration(known)
            }
            state = MigrationState.model_validate_json(migration.message(text, False, ()))
            shown = records.veiled(state, self._scope)
            body = shown.model_dump_json(exclude={"begins", "points"})[:-1]
            self._states[migration.id] = (text, body)
        return self._states[migration.id][1]


AnyDesk = MigrationDesk | VeiledDesk


def desk_seen_by(desk: MigrationDesk, hub: Hub, principal: Principal | None) -> AnyDesk:
    """The desk as this one may see it; `hub` has the same hosts."""
    if sees_addresses(principal):
        return desk
    if desk.veiled is None:
        desk.veiled = VeiledDesk(desk, veiled_hub(hub))
    return desk.veiled
