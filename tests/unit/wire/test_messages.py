"""JSON messages of the sockets: what is wrong is named by its field."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from hugescope_wire.errors import WireError
from hugescope_wire.messages import (
    AGENT_HELLO,
    FROM_VIEWER,
    TO_AGENT,
    TO_VIEWER,
    Ack,
    AgentHello,
    AgentWelcome,
    HostSummary,
    MappingSummary,
    Overview,
    ProcessSummary,
    Refusal,
    Subscribe,
    Subscribed,
    SubscriptionEnded,
    Unsubscribe,
    ViewerWelcome,
    parse,
)
from hugescope_wire.record import Record
from hugescope_wire.view import Viewed
from tests.unit.wire.made_wire import host_frame, mapping_info

HELLO = {
    "type": "hello",
    "protocol": 1,
    "agent_version": "0.1.0",
    "host_id": "rack-7:node_2.example",
    "epoch": "00ff",
}
SUBSCRIBE = {"type": "subscribe", "host_id": "h", "mapping_id": 3, "epoch": "e"}


def overview() -> Overview:
    """One host with one mapping."""
    frame = host_frame([])
    mapping = MappingSummary(
        **mapping_info(3, 2).model_dump(), state_counts=[2] + [0] * 8, mapped_bytes=0
    )
    kept = {name: getattr(frame, name) for name in HostSummary.model_fields if hasattr(frame, name)}
    kept["processes"] = [ProcessSummary(pid=1, comm=None, mappings=[mapping])]
    host = HostSummary(
        host_id="h", link="live", age_s=0.25, seq=4, epoch="e", agent_version="0.1.0", **kept
    )
    return Overview(hosts=[host])


FROM_VIEWER_MESSAGES = [
    Subscribe(host_id="h", mapping_id=0xFFFFFFFF, epoch=""),
    Unsubscribe(),
    Ack(seq=0),
]
TO_VIEWER_MESSAGES = [
    ViewerWelcome(protocol=1, server_version="1", server_epoch="e"),
    overview(),
    Subscribed(
        host_id="h", epoch="e", mapping=mapping_info(3, 2), view=Viewed(first=0, count=2, shift=0)
    ),
    SubscriptionEnded(host_id="h", mapping_id=3, code="mapping_gone", message="it is gone"),
    Refusal(code="bad_token", message="no"),
]
TO_AGENT_MESSAGES = [
    AgentWelcome(protocol=1, server_version="1"),
    Refusal(code="bad_seq", message="no"),
]


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        *((FROM_VIEWER, message) for message in FROM_VIEWER_MESSAGES),
        *((TO_VIEWER, message) for message in TO_VIEWER_MESSAGES),
        *((TO_AGENT, message) for message in TO_AGENT_MESSAGES),
        (AGENT_HELLO, AgentHello.model_validate(HELLO)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_message_comes_back_as_it_was(adapter: TypeAdapter[Any], message: Record) -> None:
    text = message.model_dump_json()
    assert parse(adapter, text) == message
    assert parse(adapter, text.encode()) == message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"protocol": "one"}, "protocol"),
        ({"agent_version": "9" * 65}, "agent_version"),
        ({"host_id": ""}, "host_id"),
        ({"host_id": "a b"}, "host_id"),
        ({"host_id": "a\n"}, "host_id"),
        ({"host_id": "../../etc"}, "host_id"),
        ({"host_id": "x" * 129}, "host_id"),
        ({"host_id": None}, "host_id"),
        ({"epoch": ""}, "epoch"),
        ({"epoch": "x" * 65}, "epoch"),
        ({"type": "welcome"}, "type"),
    ],
)
def test_a_bad_hello_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(WireError) as caught:
        parse(AGENT_HELLO, json.dumps(HELLO | change))
    assert caught.value.code == "bad_message"
    assert caught.value.message.startswith(f"{field}: ")


@pytest.mark.parametrize("field", ["protocol", "agent_version", "host_id", "epoch"])
def test_a_missing_field_is_named(field: str) -> None:
    without = {name: value for name, value in HELLO.items() if name != field}
    with pytest.raises(WireError, match=f"^{field}: "):
        parse(AGENT_HELLO, json.dumps(without))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mapping_id": -1}, "mapping_id"),
        ({"mapping_id": 1 << 32}, "mapping_id"),
        ({"mapping_id": 1.5}, "mapping_id"),
        ({"mapping_id": None}, "mapping_id"),
        ({"host_id": "é"}, "host_id"),
        ({"epoch": "x" * 65}, "epoch"),
    ],
)
def test_a_bad_subscription_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(WireError, match=field) as caught:
        parse(FROM_VIEWER, json.dumps(SUBSCRIBE | change))
    assert caught.value.code == "bad_message"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type": "nonsense"}',
        '{"type": "overview", "hosts": []}',
        '{"type": "ack", "seq": -1}',
        '{"type": "ack", "seq": NaN}',
        '{"type": "ack", "seq": 1',
        '"\ud800"',
        b"\xff\xfe",
        b'{"type": "ack", "seq": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"type":' * 100_000,
    ],
    ids=range(14),
)
def test_nothing_that_a_viewer_sends_raises_anything_else(text: str | bytes) -> None:
    with pytest.raises(WireError) as caught:
        parse(FROM_VIEWER, text)
    assert caught.value.code == "bad_message"
    assert len(caught.value.message) < 400


def test_the_message_does_not_repeat_what_was_sent() -> None:
    """A refusal goes to logs; a secret sent in the wrong field must not."""
    with pytest.raises(WireError) as caught:
        parse(AGENT_HELLO, json.dumps(HELLO | {"host_id": "hunter2 " * 20}))
    assert "hunter2" not in caught.value.message


def test_a_field_of_a_newer_peer_is_ignored() -> None:
    assert parse(AGENT_HELLO, json.dumps(HELLO | {"new": 1})) == AgentHello.model_validate(HELLO)


def test_what_was_parsed_is_frozen() -> None:
    hello = AgentHello.model_validate(HELLO)
    with pytest.raises(ValueError, match="frozen"):
        hello.epoch = "other"  # type: ignore[misc]
