"""The bus: what hosts publish on one side, what viewers follow on the other.

Agents' sockets publish (`ingest.py`), the hub subscribes to every host and keeps the present
picture, a viewer's socket subscribes to the one host it shows and takes an event only as a nudge to
look at the hub again. Nothing is queued and nothing is stored here.

`LocalBus` serves one process. A bus between servers carries `FrameTaken.data`; its receiving end
applies those bytes to a picture of its own and hands on the same events, so neither side of the bus
changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from hugescope_wire.picture import Change, HostPicture


@dataclass(frozen=True, slots=True)
class AgentJoined:
    """An agent speaks for this host now; its first frame has not come yet."""

    host_id: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """Nothing is known of a host between the frame before and this one.

    Attributes:
        for_s: so long; None: since the frame before came.
        why: in words for people; None: as is said of every such time.
    """

    reason: Literal[
        "agent_restarted", "host_restarted", "server_restarted", "not_kept", "not_looked", "lost"
    ]
    for_s: float | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class FrameTaken:
    """A frame was checked and applied.

    Attributes:
        data: the frame as it came.
        picture: the host after this frame; the next frame changes it.
        change: what this frame changed.
        late: it was made while there was no link, and waited.
        unseen: whether something was missed before it.
    """

    host_id: str
    epoch: str
    agent_version: str
    data: bytes
    picture: HostPicture
    change: Change
    late: bool = False
    unseen: Unseen | None = None


@dataclass(frozen=True, slots=True)
class AgentLeft:
    """No agent speaks for this host any more."""

    host_id: str


HostEvent = AgentJoined | FrameTaken | AgentLeft
Listener = Callable[[HostEvent], None]


class Bus(Protocol):
    """Events of one host reach a listener in the order of publishing; hosts have no order."""

    def publish(self, event: HostEvent) -> None:
        """Hand the event to whoever listens to its host now."""

    def subscribe(self, host_id: str | None, listener: Listener) -> Callable[[], None]:
        """Call `listener` at each event of this host (None: all) until the result is called."""


class LocalBus:
    """The bus within one process and one event loop: publishing calls the listeners, in turn."""

    def __init__(self) -> None:
        self._listeners: dict[str | None, list[Listener]] = {}

    def publish(self, event: HostEvent) -> None:
        """Listeners to every host come first, so that a viewer's nudge finds the hub up to date."""
        for key in (None, event.host_id):
            for listener in tuple(self._listeners.get(key, ())):
                listener(event)

    def subscribe(self, host_id: str | None, listener: Listener) -> Callable[[], None]:
        """As the protocol says."""
        self._listeners.setdefault(host_id, []).append(listener)

        def unsubscribe() -> None:
            listeners = self._listeners.get(host_id, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(host_id, None)

        return unsubscribe
