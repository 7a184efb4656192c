"""All migrations that the server knows: found, followed, and told of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from hugescope_server.bus import AgentJoined, AgentLeft, Bus, FrameTaken, HostEvent
from hugescope_server.migration.end import End
from hugescope_server.migration.hostends import Changes, HostEnds
from hugescope_server.migration.naming import name_of
from hugescope_server.migration.pairing import Past, by_hand, find_pairs
from hugescope_server.migration.ram import Ram, ram_of
from hugescope_server.migration.track import Migration
from hugescope_wire.host import ProcessInfo
from hugescope_wire.migration import MigrationMissing, PairEnd, PairReason

if TYPE_CHECKING:
    from hugescope_server.veil.desk import VeiledDesk

MAX_MIGRATIONS: Final = 64
MAX_AWAY: Final = 64  # hosts that are kept though no agent speaks for them

MAX_LOGGED: Final = 1 << 23
"""Records in all logs together: 128 MiB."""

TICK_S: Final = 0.5
"""What viewers are told is made so often, once for all of them."""

HAND_KEPT_S: Final = 600.0
"""A pair that only a viewer sees as one is kept so long after it was asked for last."""

Clock = Callable[[], float]
"""Seconds since 1970."""


class MigrationDesk:
    """Follows every host on the bus.

    Args:
        forget_after_s: a host without an agent is forgotten so long after its last frame.
        clock: the server's, which all times are brought to.
        tag: of the past that this desk shows; then what it calls migrations is the same each time,
            and none of another desk has such a name.

    Attributes:
        veiled: this desk for who may not see addresses (`veil.desk.desk_seen_by`).
    """

    def __init__(self, bus: Bus, forget_after_s: float, clock: Clock, tag: str = "") -> None:
        self._tag = tag
        self._forget_after_s = forget_after_s
        self._clock = clock
        self._hosts: dict[str, HostEnds] = {}
        self._migrations: dict[str, Migration] = {}
        self._receiving: dict[End, Migration] = {}
        self._forgotten: list[Past] = []
        self._may_pair = False
        self._ticked_s = 0.0
        self._list: str | None = None
        self._states: dict[str, str] = {}
        self.veiled: VeiledDesk | None = None
        bus.subscribe(None, self._follow)

    def migrations(self) -> list[Migration]:
        """All, the newest first."""
        return list(reversed(self._migrations.values()))

    def migration(self, migration_id: str) -> Migration | None:
        """The one of this id."""
        return self._migrations.get(migration_id)

    def list_json(self) -> str:
        """`Migrations`, as it was in the present tick."""
        self.tick()
        if self._list is None:
            parts = (one.summary().model_dump_json() for one in self.migrations())
            self._list = f'{{"type":"migrations","migrations":[{",".join(parts)}]}}'
        return self._list

    def state_json(self, migration: Migration) -> str:
        """A `MigrationState` without its points, as it was in the present tick: what
        `Migration.message` takes.
        """
        self.tick()
        if migration.id not in self._states:
            self._states[migration.id] = migration.state_json(self._clock())
        return self._states[migration.id]

    def arrivals(self, migration: Migration, since: int) -> bytes:
        """A part of the log, as `arrivals.py` says."""
        log = migration.destination.log
        assert log is not None, "a migration's destination has a log"
        return log.part(since, self._clock())

    def paired(self, source: PairEnd, destination: PairEnd) -> Migration | MigrationMissing:
        """The migration of these ends; made where there is none, if they can be one."""
        for migration in self.migrations():
            if _is_end(migration.source, source) and _is_end(migration.destination, destination):
                if not (migration.ended and self._are_there(source, destination)):
                    return migration
                if not (migration.source.ended_s or migration.destination.ended_s):
                    return migration
        rams = []
        for named in (source, destination):
            process = self._process(named)
            if process is None:
                return _missing("no_such_process", f"{_words(named)} is not there, or maps nothing")
            rams.append(ram_of(process))
            if not rams[-1].count:
                return _missing("no_huge_pages", f"{_words(named)} maps no hugetlb pages")
        if source == destination:
            return _missing("no_such_process", "a process is not both ends of a migration")
        if rams[0].shape != rams[1].shape:
            sizes = f"{_sizes(rams[0])} at the source, {_sizes(rams[1])} at the destination"
            return _missing("sizes_differ", sizes)
        giver, taker = self._free_end(source), self._free_end(destination)
        return self._begin(giver, taker, by_hand(giver, taker).reasons)

    def tick(self) -> None:
        """Let time pass; what is told is made anew at most every `TICK_S`."""
        now_s = self._clock()
        if 0 <= now_s - self._ticked_s < TICK_S:
            return
        self._ticked_s, self._list = now_s, None
        self._states.clear()
        for migration in tuple(self._migrations.values()):
            migration.go_on(now_s)
            if migration.by_hand and now_s - migration.asked_s > HAND_KEPT_S:
                self._forget(migration)
        for host in tuple(self._hosts.values()):
            away_s = host.away_s
            if away_s is not None and now_s - away_s > self._forget_after_s:
                self._forget_host(host)
        self._pair_up()
        self._bound_logs()

    def asked(self, migration: Migration) -> None:
        """A viewer looks at this one."""
        migration.asked_s = self._clock()

    def _follow(self, event: HostEvent) -> None:
        match event:
            case FrameTaken():
                self._take(event)
            case AgentLeft():
                host = self._hosts.get(event.host_id)
                if host is not None:
                    self._left(host)
            case AgentJoined():
                pass

    def _left(self, host: HostEnds) -> None:
        self._renewed(host.left(self._clock()))
        if not host.ends:
            del self._hosts[host.host_id]
        away = [one for one in self._hosts.values() if one.away_s is not None]
        if len(away) > MAX_AWAY:
            self._forget_host(min(away, key=lambda one: one.away_s or 0.0))

    def _take(self, event: FrameTaken) -> None:
        host = self._hosts.get(event.host_id)
        if host is None:
            host = self._hosts[event.host_id] = HostEnds(event.host_id)
        changes, renewed = host.take(event, self._clock())
        if not host.ends and not renewed:
            self.tick()
            return
        self._renewed(renewed, looks_follow=True)
        if host.began_anew:
            self._begin_anew(host, changes)
        else:
            for end in host.all():
                self._look(host, end, changes.get(end, {}))
        now_s = self._clock()
        for migration in self._migrations.values():
            hosts = (migration.source.host_id, migration.destination.host_id)
            if host.host_id in hosts and (renewed or not migration.ended):
                migration.go_on(now_s)
        self.tick()
        if self._may_pair and renewed:
            self._pair_up()

    def _look(self, host: HostEnds, end: End, changes: Changes) -> None:
        migration = self._receiving.get(end)
        if migration is None and not changes:
            return
        look = end.look(changes)
        if migration is not None:
            migration.look(look, host.about)
            return
        if not look.is_empty or not end.was_seen:
            end.take(look)
            self._may_pair = True

    def _begin_anew(self, host: HostEnds, changes: Mapping[End, Changes]) -> None:
        """A recording is played again: so do its migrations begin again. One with an end that is
        not there at the begin comes again when that does.
        """
        for end in host.all():
            end.take(end.look(changes.get(end, {})))
        for migration in tuple(self._migrations.values()):
            ends = (migration.source, migration.destination)
            if host.host_id not in (end.host_id for end in ends):
                continue
            if any(end.ended_s is not None for end in ends):
                self._forget(migration)
            elif migration.destination.host_id == host.host_id:
                migration.begin_anew()
        self._forgotten = [
            one
            for one in self._forgotten
            if host.host_id not in (one.source.host_id, one.destination.host_id)
        ]

    def _renewed(self, ends: Iterable[End], looks_follow: bool = False) -> None:
        """Something else was told of these ends."""
        renewed = set(ends)
        if not renewed:
            return
        self._may_pair = True
        for migration in tuple(self._migrations.values()):
            ends = {migration.source, migration.destination} & renewed
            if any(end.outgrown for end in ends) and migration.is_untouched:
                self._forget(migration)
                continue
            for end in ends:
                migration.renewed(end)
            if ends and not looks_follow:
                migration.go_on(self._clock())

    def _pair_up(self) -> None:
        """Pair what is free; take back what turns out to be no pair for certain."""
        if not self._may_pair:
            return
        self._may_pair = False
        untouched = {
            (one.source, one.destination): one
            for one in self._migrations.values()
            if one.is_untouched
        }
        provisional = {end for pair in untouched for end in pair}
        ends = [
            end
            for host in self._hosts.values()
            for end in host.all()
            if end.was_seen and not end.for_viewer and (not end.taken or end in provisional)
        ]
        found = {(pair.source, pair.destination): pair for pair in find_pairs(ends, self._past())}
        for ends_of, migration in untouched.items():
            if ends_of not in found and not any(end.gone for end in ends_of):
                self._forget(migration)
        for ends_of, pair in found.items():
            if ends_of not in untouched:
                self._found(pair.source, pair.destination, pair.reasons)

    def _past(self) -> list[Past]:
        over = [one for one in self._migrations.values() if one.ended and not one.by_hand]
        return [*self._forgotten, *map(_past_of, over)]

    def _found(self, source: End, destination: End, reasons: tuple[PairReason, ...]) -> None:
        """Two ends belong together. What a viewer made of them gives way, unless it is the same."""
        for migration in tuple(self._migrations.values()):
            if not migration.by_hand:
                continue
            if (migration.source, migration.destination) == (source, destination):
                migration.found(reasons)
                return
            if {migration.source, migration.destination} & {source, destination}:
                self._forget(migration)
        self._begin(source, destination, reasons)

    def _begin(self, source: End, destination: End, reasons: tuple[PairReason, ...]) -> Migration:
        if len(self._migrations) >= MAX_MIGRATIONS:
            self._forget(min(self._migrations.values(), key=_worth))
        now_s = self._clock()
        name = name_of(self._tag, source, destination, self._migrations)
        migration = Migration(name, source, destination, reasons, now_s)
        migration.asked_s = now_s
        self._migrations[migration.id] = migration
        self._receiving[destination] = migration
        self._list = None
        return migration

    def _forget(self, migration: Migration) -> None:
        del self._migrations[migration.id]
        self._list = None
        if self._receiving.get(migration.destination) is migration:
            del self._receiving[migration.destination]
        if migration.ended:
            migration.destination.log = None
        if migration.ended and not migration.by_hand:
            past = [*self._forgotten, _past_of(migration)]
            self._forgotten = [one for one in past if _is_known(one)]
        migration.forgotten()
        for end in (migration.source, migration.destination):
            self._drop_if_unused(end)
        self._may_pair = True

    def _drop_if_unused(self, end: End) -> None:
        """Ends that only a viewer wanted go with the last migration that has them."""
        used = any(end in (one.source, one.destination) for one in self._migrations.values())
        if used:
            return
        end.wanted = False
        host = self._hosts.get(end.host_id)
        if host is not None and end.for_viewer:
            host.drop(end)

    def _forget_host(self, host: HostEnds) -> None:
        """Nobody looked at it for long. A migration to it is forgotten too, for how it ended is not
        known; one from it goes on at its destination.
        """
        del self._hosts[host.host_id]
        lost = set(host.all())
        for end in lost:
            end.lose()
        for migration in tuple(self._migrations.values()):
            waits = migration.is_untouched and migration.source in lost
            if not migration.ended and (waits or migration.destination in lost):
                self._forget(migration)
        self._may_pair = True

    def _bound_logs(self) -> None:
        """Forget the oldest migrations' logs where all together are too long."""
        logged = sum(_kept(end) for end in self._logging())
        for migration in tuple(self._migrations.values()):
            if logged <= MAX_LOGGED:
                return
            if migration.ended and migration.destination.log is not None:
                logged -= migration.destination.log.kept
                self._forget(migration)
        for end in self._logging():
            if logged <= MAX_LOGGED:
                return
            assert end.log is not None, "those that log"
            logged -= end.log.kept - end.log.kept // 2
            end.log.forget(end.log.kept - end.log.kept // 2)

    def _logging(self) -> list[End]:
        """Every end that has a log, the longest first."""
        ends = {end for host in self._hosts.values() for end in host.all()}
        ends |= self._receiving.keys()
        logging = [end for end in ends if end.log is not None]
        return sorted(logging, key=lambda end: -_kept(end))

    def _are_there(self, *named: PairEnd) -> bool:
        return all(self._process(one) is not None for one in named)

    def _process(self, named: PairEnd) -> ProcessInfo | None:
        host = self._hosts.get(named.host_id)
        return None if host is None else host.process(named.pid)

    def _free_end(self, named: PairEnd) -> End:
        """An end of this process, which is there, that no migration has; made if there is none."""
        host = self._hosts[named.host_id]
        used = {end for one in self._migrations.values() for end in (one.source, one.destination)}
        for end in host.ends.get(named.pid, ()):
            if end not in used and end.was_seen:
                return end
        process = host.process(named.pid)
        assert process is not None, "it is there"
        end, changes = host.make_end(process)
        end.for_viewer = True
        end.take(end.look(changes))
        return end


def _kept(end: End) -> int:
    return 0 if end.log is None else end.log.kept


def _worth(migration: Migration) -> int:
    """Which makes room for another first: what is over, then what a viewer asked for."""
    return 0 if migration.ended else 1 if migration.by_hand else 2


def _past_of(migration: Migration) -> Past:
    return Past(migration.source, migration.destination, migration.phase == "done")


def _is_known(past: Past) -> bool:
    """Whether an end of it is still there."""
    return any(end.ended_s is None and not end.lost for end in (past.source, past.destination))


def _is_end(end: End, named: PairEnd) -> bool:
    return (end.host_id, end.process.pid) == (named.host_id, named.pid)


def _missing(code: str, message: str) -> MigrationMissing:
    return MigrationMissing.model_validate({"code": code, "message": message})


def _words(named: PairEnd) -> str:
    return f"process {named.pid} of host {named.host_id}"


def _sizes(ram: Ram) -> str:
    return " + ".join(f"{pages} pages of {size} bytes" for size, pages in ram.shape)
