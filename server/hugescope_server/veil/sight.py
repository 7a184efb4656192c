"""Who sees what of a host: everything, or all but addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, Protocol, Self, TypeVar

from hugescope_server.auth.principal import Principal, Role
from hugescope_server.errors import ApiError
from hugescope_server.veil import records, words
from hugescope_server.veil.places import Places
from hugescope_server.veil.spaces import Space, Spaces
from hugescope_wire.findings import Finding
from hugescope_wire.host import Limit
from hugescope_wire.messages import MappingSummary
from hugescope_wire.page import PageDetail
from hugescope_wire.record import Record
from hugescope_wire.secrecy import InMapping

R = TypeVar("R", bound=Record)

HIDDEN_CODE: Final = "address_hidden"

LIMIT: Final = Limit(
    capability="addresses",
    reason="the role viewer does not see where memory lies in a process, but places that stand "
    "for it",
    cost="each mapping is shown as if it began at a multiple of 64 GiB and at the start of a page "
    "table: offsets in it are true, addresses and which cells share a page table are not",
    remedy="ask who runs this server for the role operator",
)
"""What a viewer is told of it on every host."""


def sees_addresses(principal: Principal | None) -> bool:
    """Whether this one may see where memory lies; None: the server itself."""
    return principal is None or principal.may(Role.OPERATOR)


class Sight(Protocol):
    """How somebody sees one host at one moment."""

    def true(self, pid: int, address: int) -> int:
        """The address that is meant by one that was shown.

        Raises:
            ApiError: 403 `address_hidden` for one that was never shown.
        """

    def shown(self, record: R) -> R:
        """What there is to see of a record of this host."""

    def shown_of(self, pid: int, record: R) -> R:
        """Of a record of this process that does not say so."""

    def words(self, text: str) -> str:
        """What there is to see of a text that is about no process."""


class OpenSight:
    """Of who may see everything."""

    def true(self, pid: int, address: int) -> int:
        """The same."""
        return address

    def shown(self, record: R) -> R:
        """The same."""
        return record

    def shown_of(self, pid: int, record: R) -> R:
        """The same."""
        return record

    def words(self, text: str) -> str:
        """The same."""
        return text


OPEN_SIGHT: Final = OpenSight()


Memo = dict[int, tuple[Record, Space | None, Record]]
"""By a mapping's number: its summary, the process that it was shown in, and what was shown."""


class HostScope:
    """Records of one host, about these processes.

    Args:
        memo: summaries of mappings, which are most of an overview, and of which most stay the same.
    """

    def __init__(
        self, spaces: Mapping[int, Space], places: Places, pids: Sequence[int], memo: Memo
    ) -> None:
        self._spaces = spaces
        self._places = places
        self._pids = pids
        self._memo = memo

    def kept(self, record: R) -> R | None:
        """As `records.Scope` has it."""
        if not isinstance(record, MappingSummary):
            return None
        known, space, shown = self._memo.get(record.id, (None, None, None))
        if known is not record or space is not self._spaces.get(self._pids[0]):
            return None
        assert isinstance(shown, type(record)), "it was made of that"
        return shown

    def keep(self, record: R, shown: R) -> None:
        """As `records.Scope` has it."""
        if isinstance(record, MappingSummary):
            self._memo[record.id] = (record, self._spaces.get(self._pids[0]), shown)

    def entered(self, record: Record) -> Self:
        """That of what is in this record."""
        pids = _pids_of(record)
        return self if pids is None else type(self)(self._spaces, self._places, pids, self._memo)

    def about(self, pid: int) -> Self:
        """That of what is this process' and does not say so."""
        return type(self)(self._spaces, self._places, (pid,), self._memo)

    def address(self, address: int, mark: InMapping, may_be_null: bool) -> int | None:
        """As `records.Scope` has it; what is in no known mapping gets a place of its own."""
        pid = self._pids[0] if self._pids else 0
        space, behind = self._spaces.get(pid), int(mark.is_end)
        shown = None if space is None else space.shown(address - behind)
        if shown is not None:
            return shown + behind
        return None if may_be_null else self._places.stranger(pid, address)

    def words(self, text: str) -> str:
        """As `records.Scope` has it."""
        return words.veiled(text, self._pids, self._spaces)

    def opaque(self, text: str) -> str:
        """As `records.Scope` has it."""
        return self._places.opaque(text)


class VeiledSight:
    """Of who may not see addresses, at one moment; may be used in a thread."""

    def __init__(self, places: Places, spaces: Spaces, memo: Memo | None = None) -> None:
        self.spaces: Final = spaces
        self._scope = HostScope(spaces, places, (), {} if memo is None else memo)

    def true(self, pid: int, address: int) -> int:
        """As `Sight` has it. Whether the address is one of the process does not show."""
        space = self.spaces.get(pid)
        true = None if space is None else space.true(address)
        if true is None:
            raise ApiError(
                403,
                HIDDEN_CODE,
                "the role viewer is shown nothing there, and true addresses are not for it",
            )
        return true

    def shown(self, record: R) -> R:
        """As `Sight` has it."""
        return records.veiled(record, self._scope)

    def shown_of(self, pid: int, record: R) -> R:
        """As `Sight` has it."""
        return records.veiled(record, self._scope.about(pid))

    def words(self, text: str) -> str:
        """As `Sight` has it."""
        return self._scope.words(text)


def _pids_of(record: Record) -> Sequence[int] | None:
    """The processes that a record is about; None: it does not say."""
    if isinstance(record, Finding):
        return [*dict.fromkeys([*(link.pid for link in record.links), *record.pids])]
    if isinstance(record, PageDetail):
        return [*dict.fromkeys([record.pid, *(one.pid for one in record.mapped_by or ())])]
    names = _names_of(type(record))
    if "pid" in names:
        return [record.__dict__["pid"]]
    if "process" in names:
        process = record.__dict__["process"]
        return [] if process is None else [process.pid]
    return None


@cache
def _names_of(record: type[Record]) -> frozenset[str]:
    return frozenset(record.model_fields)
