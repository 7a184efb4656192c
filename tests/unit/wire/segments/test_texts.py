"""JSON comes back to the byte, whatever its numbers and times look like."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.errors import WireError
from hugescope_wire.segments.moments import taken_out
from hugescope_wire.segments.numbers import Bytes, Numbers, packed
from hugescope_wire.segments.texts import TextReader, TextWriter
from tests.unit.wire.made_wire import host_delta, many

AT_US = 1_767_323_045_000_000
TIMED = '{"type":"delta","taken_at":"2026-01-02T03:04:05.000120Z","monotonic_s":42.000000001,"a":7}'
VALUES = st.recursive(
    st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def back(texts: list[bytes]) -> tuple[list[bytes], list[int]]:
    """What comes back, and the numbers of each that were stored."""
    writer, reader = TextWriter(), TextReader()
    came, counts = [], []
    for number, text in enumerate(texts):
        numbers: list[int] = []
        skeletons = bytearray()
        writer.write(text, AT_US + number, numbers, skeletons)
        said = reader.read(
            AT_US + number, Numbers(np.array(numbers, np.int64)), Bytes(bytes(skeletons))
        )
        came.append(said.text())
        counts.append(len(packed(numbers)) + len(skeletons))
    return came, counts


@given(st.lists(VALUES, min_size=1, max_size=5))
@many
def test_any_json_comes_back(values: list[object]) -> None:
    texts = [json.dumps(value, ensure_ascii=False).encode() for value in values]
    assert back(texts)[0] == texts


@pytest.mark.parametrize(
    "text",
    [
        TIMED,
        TIMED.replace(".000120Z", "Z"),
        TIMED.replace(".000120Z", ".5Z"),
        TIMED.replace(".000120Z", "+02:00"),
        TIMED.replace("42.000000001", "1e300"),
        TIMED.replace("42.000000001", "042.5"),
        TIMED.replace("2026-01-02", "2026-13-02"),
        TIMED.replace("42.000000001", "4.0"),
        TIMED.replace('"a":7', '"a":0007000000000000000000000000123'),
        TIMED.replace('"a":7', '"a":"\\u0000\\u0001"'),
        "",
    ],
)
def test_times_of_any_kind_come_back(text: str) -> None:
    texts = [text.encode(), text.replace("03:04:05", "03:04:06").encode()] * 2
    assert back(texts)[0] == texts


def test_what_an_agent_says_again_takes_a_few_bytes() -> None:
    text = host_delta().model_dump_json().encode()
    assert taken_out(text)[1] is not None
    _, sizes = back([text, text.replace(b"2.5", b"2.6"), text])
    assert sizes[0] > 150
    assert max(sizes[1:]) < 12


def test_a_text_that_is_not_there_is_refused() -> None:
    for numbers in ([1], [0, 99], [0, 3]):
        with pytest.raises(WireError):
            TextReader().read(0, Numbers(np.array(numbers, np.int64)), Bytes(b"\x00\x00"))
