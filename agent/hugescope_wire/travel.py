"""A viewer in time: what it asks for, and where in time the pictures are that it gets.

All moments are seconds since 1970 by the server's clock, and in a recording by the recorded host's.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from hugescope_wire.record import Count, Record

MIN_SPEED: Final = 0.25
MAX_SPEED: Final = 100.0

Moment = Annotated[float, Field(ge=0, lt=1e11, description="seconds since 1970")]


EventKind = Literal["finding", "phase", "process_start", "process_end", "gap"]


class Travel(Record):
    """Show this moment (null: the present), and go on from there at `speed`, or stand still."""

    type: Literal["travel"] = "travel"
    at_s: Moment | None
    playing: bool = True
    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] = 1.0


class LostTime(Record):
    """A time of a host of which nothing was kept or can be read, and why, for people."""

    host_id: str
    since_s: Moment
    until_s: Moment
    why: str


class TimeState(Record):
    """Where in time the viewer is: sent at once, with each `Travel`, and as it moves on, at most
    four times a second.

    Attributes:
        live: what is shown is the present.
        can_be_live: there is a present; false in a replay of files.
        at_s: the moment that is shown.
        since_s, until_s: the first and the last moment that can be shown; null: nothing is kept.
        lost: at most the last 64 within that time.
        events_version: another whenever `/api/v1/events` has something new.
        travelled: of the viewer's `Travel` messages on this connection, those that were followed or
            refused, or in whose place another came: until it rises, the moment is an earlier one's.
        problem: why the moment asked for cannot be shown, for people; what was shown before stays.
    """

    type: Literal["time"] = "time"
    live: bool
    can_be_live: bool
    at_s: Moment
    playing: bool
    speed: float
    since_s: Moment | None
    until_s: Moment | None
    lost: list[LostTime]
    events_version: Count
    travelled: Count
    problem: str | None = None


class TimeEvent(Record):
    """Something that happened, to go to.

    Attributes:
        text: in words for people.
        place: the fragment of the address that shows it (``#/host/...``); null: the overview.
    """

    at_s: Moment
    host_id: str
    kind: EventKind
    text: str
    place: str | None


class TimeEvents(Record):
    """Of `GET /api/v1/events?since_s=&until_s=&limit=`: in order of time, the newest `limit` ones;
    `more` says that older ones were left out.
    """

    events: list[TimeEvent]
    more: bool
