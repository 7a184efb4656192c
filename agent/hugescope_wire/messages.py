"""JSON messages of both websockets: agent to server and back, viewer to server and back.

Agent socket, `/api/v1/agent`: the agent sends `AgentHello` as text; the server answers
`AgentWelcome` or `Refusal` and closes. Then the agent sends binary frames
(`hugescope_wire.frames`): one full frame, then deltas, all of rising `seq`. Where the hello says
what the agent still has (`Resume`) and the welcome says up to which frame the server has the same
run's picture, the frames after that one come in place of the full frame, those that were made while
there was no link marked as late. The server tells such an agent with `Taken`, once a second, what
need not be kept any more. The server may ask at any time with `PageQuery`, which the agent answers
with `PageAnswer` as text, in any order with its frames. The server may send `Refusal` at any time
and closes after it.

Viewer socket, `/api/v1/viewer`: the server sends `ViewerWelcome`, then `Overview` at once and
whenever hosts change, at most four times a second, and a `ReportMessage` for each host that has a
report, again when it changes. The viewer sends `Subscribe` to get the cells of
one mapping, or of the part and as coarsely as its `View` says: `Subscribed` as text, then binary
frames of kind cells, or of kind groups where several cells go together, the first with everything
in view. Each has a seq; the viewer answers `Ack`. The server keeps at most `CREDIT` frames
unacknowledged and folds what changes meanwhile into the next one, so a slow viewer sees fewer,
never older, pictures. A `Subscribe` that differs from the one before in its rate only goes on where
that was, without another `Subscribed`.

With `Follow` the viewer asks for thumbnails and statistics of hosts, in place of what it followed
before: `Thumbnails` with those that changed, at most twice a second, and `Statistics` once a
second, the first with all points that are kept. `Migrations` comes at once and whenever one
changes; with `FollowMigration` the viewer asks for one `MigrationState` after another.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, model_validator

from hugescope_wire.errors import WireError
from hugescope_wire.follow import (
    MAX_FOLLOWED_HOSTS,
    FollowedHost,
    Histograms,
    Point,
    Thumb,
)
from hugescope_wire.host import AgentCost, Limit, MappingInfo, Skipped, Source
from hugescope_wire.migration import (
    FollowMigration,
    MigrationMissing,
    Migrations,
    MigrationState,
)
from hugescope_wire.page import PageDetail
from hugescope_wire.record import Count, Record
from hugescope_wire.report import HostReport
from hugescope_wire.secrecy import Address, Name
from hugescope_wire.snapshot import Capabilities, HostInfo, Pool, ProcessName
from hugescope_wire.travel import TimeState, Travel
from hugescope_wire.view import View, Viewed
from hugescope_wire.vm import Vm

AGENT_PATH: Final = "/api/v1/agent"
VIEWER_PATH: Final = "/api/v1/viewer"

CREDIT: Final = 2
"""Frames of cells that may be on their way to a viewer unacknowledged."""

MAX_AGENT_MESSAGE_BYTES: Final = 64 * 2**20
"""A dense full frame of four million cells."""

MAX_VIEWER_MESSAGE_BYTES: Final = 16 * 2**10
"""A viewer only ever sends short control messages."""

T = TypeVar("T")

HostId = Annotated[Name, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")]


class Resume(Record):
    """The frames that an agent still has, `first_seq` to `last_seq`, none missing between. With no
    frame left `first_seq` is one more than `last_seq`.
    """

    first_seq: Annotated[int, Field(ge=1)]
    last_seq: Count
    behind_s: Annotated[float, Field(ge=0)] | None = Field(
        None, description="since the last frame that a server is known to have; null: none has any"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_seq > self.last_seq + 1:
            raise ValueError(f"first_seq {self.first_seq} is beyond last_seq {self.last_seq}")
        return self


class AgentHello(Record):
    """The first message of an agent. `epoch` is random for each run of the agent; `answers` names
    the questions that it takes, by their type; `resume` is null in a run's first hello.
    """

    type: Literal["hello"] = "hello"
    protocol: int
    agent_version: Name = Field(max_length=64)
    host_id: HostId
    epoch: Name = Field(min_length=1, max_length=64)
    answers: list[Name] = Field(default_factory=list, max_length=64)
    boot_id: Name | None = Field(None, max_length=64, description="of the host's kernel")
    keeps: bool = Field(False, description="keeps frames until it is told that they were taken")
    resume: Resume | None = None


class AgentWelcome(Record):
    """The server takes this agent's frames.

    `seq` is the frame up to which it has this run's picture, and the next one is awaited; null: a
    full frame is. There is nothing between the two: what was recovered is recovered whole.
    """

    type: Literal["welcome"] = "welcome"
    protocol: int
    server_version: Name
    tells_taken: bool = Field(False, description="`Taken` will follow")
    seq: Count | None = None


class Taken(Record):
    """The server has all frames up to this one."""

    type: Literal["taken"] = "taken"
    seq: Count


class PageQuery(Record):
    """What is behind this address of this process? `part`: a 2 MiB chunk of a 1 GiB page, to list
    the 4 KiB entries of; null lists the parts of the page itself.
    """

    type: Literal["page_query"] = "page_query"
    query_id: Count
    pid: Annotated[int, Field(ge=1)]
    address: Annotated[Address, Field(lt=1 << 64)]
    part: Annotated[int, Field(ge=0, lt=1 << 18)] | None = None


class PageAnswer(Record):
    """The answer to the query of that id: the page, or why there is none (`code` is stable)."""

    type: Literal["page"] = "page"
    query_id: Count
    page: PageDetail | None
    code: Name | None = None
    message: str | None = None


class Refusal(Record):
    """The peer's message was not taken; `code` is stable, `message` is for people."""

    type: Literal["refusal"] = "refusal"
    code: Name
    message: str


class ViewerWelcome(Record):
    """The first message to a viewer. `server_epoch` changes with each start of the server."""

    type: Literal["welcome"] = "welcome"
    protocol: int
    server_version: Name
    server_epoch: Name


class MappingSummary(MappingInfo):
    """A mapping with its cells counted by state, in the order of `CellState`."""

    state_counts: list[Count]
    mapped_bytes: Count


class ProcessSummary(Record):
    """A process with the summaries of its mappings."""

    pid: Annotated[int, Field(ge=1)]
    comm: Name | None
    name: ProcessName | None = None
    vm: Vm | None = None
    mappings: list[MappingSummary]


class Gap(Record):
    """A time of which nothing is known, on the server's clock; `message` says why, for people."""

    since: AwareDatetime
    until: AwareDatetime
    reason: Literal[
        "agent_restarted", "host_restarted", "server_restarted", "not_kept", "not_looked", "lost"
    ]
    message: str


class HostSummary(Record):
    """One host as the overview shows it.

    Ages are seconds on the server's clock at the moment of sending: no clock of the agent or of the
    browser is trusted. `link` is live, late (no frame for 3 s), or gone (agent disconnected, or 10
    s). `gaps` are the last ones, oldest first; those of the last ten minutes, and a clock that is
    wrong, stand in `limits` in words too.
    """

    host_id: HostId
    host: HostInfo
    source: Source
    link: Literal["live", "late", "gone"]
    age_s: float
    taken_at: AwareDatetime
    seq: Count
    epoch: Name
    agent_version: Name
    capabilities: Capabilities
    limits: list[Limit]
    pools: list[Pool]
    processes: list[ProcessSummary]
    skipped: Skipped
    cost: AgentCost | None
    gaps: list[Gap] = Field(default_factory=list)
    clock_behind_s: float | None = Field(
        None,
        description="by how much the host's clock is behind the server's, negative where it is "
        "ahead, by the frame that lately came fastest; null: of a replay or a capture",
    )


class Overview(Record):
    """All hosts that the server knows."""

    type: Literal["overview"] = "overview"
    hosts: list[HostSummary]


class ReportMessage(Record):
    """What is known of one host beyond cells: sent to a new viewer, and whenever it changes."""

    type: Literal["report"] = "report"
    host_id: HostId
    epoch: Name
    report: HostReport


class Subscribe(Record):
    """Ask for cells of one mapping, in place of what was asked for before."""

    type: Literal["subscribe"] = "subscribe"
    host_id: HostId
    mapping_id: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    epoch: Name = Field(description="of the host as the overview gave it", max_length=64)
    view: View = View()


class Unsubscribe(Record):
    """No more cells, please."""

    type: Literal["unsubscribe"] = "unsubscribe"


class Ack(Record):
    """The frame of cells with this seq was drawn or dropped."""

    type: Literal["ack"] = "ack"
    seq: Count


class Subscribed(Record):
    """Frames that follow hold this part of this mapping; `seq` starts at 1 again."""

    type: Literal["subscribed"] = "subscribed"
    host_id: HostId
    epoch: Name
    mapping: MappingInfo
    view: Viewed


class SubscriptionEnded(Record):
    """No more cells of this mapping: it is gone, or was never there."""

    type: Literal["ended"] = "ended"
    host_id: HostId
    mapping_id: int
    code: Literal[
        "no_such_host", "no_such_mapping", "mapping_gone", "host_restarted", "view_outside"
    ]
    message: str


class Follow(Record):
    """Ask for thumbnails and statistics, in place of what was followed before."""

    type: Literal["follow"] = "follow"
    hosts: list[FollowedHost] = Field(max_length=MAX_FOLLOWED_HOSTS)


class Thumbnails(Record):
    """Thumbnails that are new or changed."""

    type: Literal["thumbnails"] = "thumbnails"
    host_id: HostId
    epoch: Name
    thumbs: list[Thumb]


class Statistics(Record):
    """How a host went: points after those that were sent before, or all that are kept."""

    type: Literal["statistics"] = "statistics"
    host_id: HostId
    begins: bool = Field(description="these are all points; forget others")
    points: list[Point]
    histograms: Histograms


FromViewer = Annotated[
    Subscribe | Unsubscribe | Follow | FollowMigration | Travel | Ack, Field(discriminator="type")
]
ToViewer = Annotated[
    ViewerWelcome
    | Overview
    | ReportMessage
    | Subscribed
    | SubscriptionEnded
    | Thumbnails
    | Statistics
    | Migrations
    | MigrationState
    | MigrationMissing
    | TimeState
    | Refusal,
    Field(discriminator="type"),
]
ToAgent = Annotated[AgentWelcome | PageQuery | Taken | Refusal, Field(discriminator="type")]

FROM_VIEWER: Final[
    TypeAdapter[Subscribe | Unsubscribe | Follow | FollowMigration | Travel | Ack]
] = TypeAdapter(FromViewer)
TO_VIEWER: Final[
    TypeAdapter[
        ViewerWelcome
        | Overview
        | ReportMessage
        | Subscribed
        | SubscriptionEnded
        | Thumbnails
        | Statistics
        | Migrations
        | MigrationState
        | MigrationMissing
        | TimeState
        | Refusal
    ]
] = TypeAdapter(ToViewer)
TO_AGENT: Final[TypeAdapter[AgentWelcome | PageQuery | Taken | Refusal]] = TypeAdapter(ToAgent)
AGENT_HELLO: Final = TypeAdapter(AgentHello)
PAGE_ANSWER: Final = TypeAdapter(PageAnswer)


def parse(adapter: TypeAdapter[T], text: str | bytes) -> T:
    """Check one JSON message.

    Raises:
        WireError: `bad_message`, naming the field.
    """
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise WireError("bad_message", f"{where}: {first['msg']}") from None
