"""Records for who may not see addresses, by the types of their fields (`hugescope_wire.secrecy`).

What a record of each class needs is found out once, from its annotations. Parts that hold nothing
secret are taken over as they are, so most of a large record is not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Protocol, Self, TypeVar, Union, get_args, get_origin

from hugescope_wire.record import Record
from hugescope_wire.secrecy import AsItIs, InMapping, Opaque

R = TypeVar("R", bound=Record)


class Scope(Protocol):
    """What turns secrets into what is shown, knowing which record they are in."""

    def kept(self, record: R) -> R | None:
        """What was shown for this very record before, if it was kept and is right still."""

    def keep(self, record: R, shown: R) -> None:
        """What is shown for a record: to be kept, if that is worth it."""

    def entered(self, record: Record) -> Self:
        """That of what is in this record."""

    def address(self, address: int, mark: InMapping, may_be_null: bool) -> int | None:
        """What is shown for an address; None, where that may be, if nothing is known of it."""

    def words(self, text: str) -> str:
        """What is shown for a text."""

    def opaque(self, text: str) -> str:
        """What is shown for a key."""


Change = Callable[[Any, Any], Any]
"""A value and the `Scope` that it is in, to what is shown for it."""


def veiled(record: R, scope: Scope) -> R:
    """The same record, with addresses changed; `record` stays as it is."""
    changes = changes_of(type(record))
    if not changes:
        return record
    kept = scope.kept(record)
    if kept is not None:
        return kept
    inner = scope.entered(record)
    changed = {name: change(getattr(record, name), inner) for name, change in changes.items()}
    shown = record.model_copy(update=changed)
    scope.keep(record, shown)
    return shown


@cache
def changes_of(record: type[Record]) -> Mapping[str, Change]:
    """What to do with which fields of a record of this class; nothing: it holds nothing secret."""
    found = {}
    for name, info in record.model_fields.items():
        change = _change(info.annotation, tuple(info.metadata))
        if change is not None:
            found[name] = change
    return found


def _change(annotation: object, marks: tuple[Any, ...]) -> Change | None:
    """What to do with a value of this type; None: nothing."""
    for mark in marks:
        if isinstance(mark, AsItIs):
            return None
        if isinstance(mark, Opaque):
            return _opaque
        if isinstance(mark, InMapping):
            return _address(mark, may_be_null=False)
    if annotation is str:
        return _words
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return veiled if changes_of(annotation) else None
    return _of_parts(get_origin(annotation), get_args(annotation))


def _of_parts(origin: object, parts: tuple[Any, ...]) -> Change | None:
    if origin is Annotated:
        return _change(parts[0], parts[1:])
    if origin in (Union, UnionType):
        return _one_of([part for part in parts if part is not NoneType], NoneType in parts)
    if origin is list or origin is tuple:
        inner = [_change(part, ()) for part in parts if part is not Ellipsis]
        return _each(list if origin is list else tuple, inner)
    if origin is dict:
        inner = [_change(part, ()) for part in parts]
        if inner[0] is not None:
            raise TypeError("the keys of a dict may not be secret")
        return None if inner[1] is None else _values(inner[1])
    return None


def _one_of(parts: list[Any], may_be_null: bool) -> Change | None:
    changes = [change for part in parts if (change := _change(part, ())) is not None]
    if not changes:
        return None
    if all(change is veiled for change in changes):
        return _nullable(veiled)
    if len(parts) != 1:
        raise TypeError(f"which of {parts} is secret cannot be told from a value")
    marks = [one for one in get_args(parts[0])[1:] if isinstance(one, InMapping)]
    return _nullable(_address(marks[0], may_be_null) if marks else changes[0])


def _opaque(value: str, scope: Scope) -> str:
    return scope.opaque(value)


def _words(value: str, scope: Scope) -> str:
    return scope.words(value)


def _address(mark: InMapping, may_be_null: bool) -> Change:
    return lambda value, scope: scope.address(value, mark, may_be_null)


def _nullable(change: Change) -> Change:
    return lambda value, scope: None if value is None else change(value, scope)


def _each(
    made: type[list[Any]] | type[tuple[Any, ...]], inner: list[Change | None]
) -> Change | None:
    changes = {change for change in inner if change is not None}
    if not changes:
        return None
    if len(changes) > 1 or None in inner:
        raise TypeError("parts of a tuple are secret in different ways")
    (change,) = changes
    return lambda value, scope: made(change(part, scope) for part in value)


def _values(change: Change) -> Change:
    return lambda value, scope: {key: change(part, scope) for key, part in value.items()}
