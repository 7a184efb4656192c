"""JSON that no host would send is refused before a parser takes memory for it."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire import frames, jsonextent
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, parse_meta
from hugescope_wire.jsonextent import MAX_COMMAS, MAX_OPENINGS, check_extent
from tests.unit.wire.made_wire import host_delta, host_frame, many

VALUES = st.recursive(
    st.none() | st.integers() | st.text('"\\,[]{}a', max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
)


@pytest.mark.parametrize(
    ("unit", "count"), [(b"[],", MAX_OPENINGS), (b'{"":1},', MAX_OPENINGS), (b"1,", MAX_COMMAS + 1)]
)
def test_more_than_a_host_has_to_say_is_refused(unit: bytes, count: int) -> None:
    text = b'{"processes":[' + unit * count + b"1]}"
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="objects and lists") as refused:
            parse_meta(FrameKind.FULL, text)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text) + (64 << 20)
    finally:
        tracemalloc.stop()
    assert refused.value.code == "bad_json"


def test_strings_may_hold_anything() -> None:
    check_extent(b'{"a":"' + b'[,\\"\\\\' * (MAX_COMMAS + 1) + b'"}')


@given(VALUES)
@many
def test_it_counts_what_is_outside_strings(value: object) -> None:
    text = json.dumps(value, separators=(",", ":"))
    openings, commas = jsonextent._outside_strings(text.encode())
    assert (openings, commas) == counted(value)


def counted(value: object) -> tuple[int, int]:
    """The same by the value itself."""
    if isinstance(value, list):
        inner = [counted(one) for one in value]
    elif isinstance(value, dict):
        inner = [counted(one) for one in value.values()]
    else:
        return 0, 0
    openings = 1 + sum(one[0] for one in inner)
    return openings, max(len(inner) - 1, 0) + sum(one[1] for one in inner)


def test_long_json_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, meta in ((FrameKind.FULL, host_frame([])), (FrameKind.DELTA, host_delta())):
        text = meta.model_dump_json().encode()
        short = parse_meta(kind, text)
        monkeypatch.setattr(frames, "_LONG_JSON_BYTES", 0)
        assert parse_meta(kind, text) == short == meta
        for wrong in (text[:-1], b"[" * 100_000, text.replace(b'"monotonic_s":', b'"m":')):
            with pytest.raises(WireError) as refused:
                parse_meta(kind, wrong)
            assert refused.value.code == "bad_json"
        monkeypatch.undo()


def test_very_many_wrong_fields_are_counted() -> None:
    text = b'{"processes":[' + b"1," * 2000 + b"1]}"
    with pytest.raises(WireError, match=r"20\d\d fields are wrong"):
        parse_meta(FrameKind.FULL, text)
