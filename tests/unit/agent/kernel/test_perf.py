"""Records of faults, field by field as include/uapi/linux/perf_event.h lays them out."""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.kernel import perf
from hugescope_agent.kernel.perf import parse_records
from hugescope_agent.kernel.root import Root

U64 = st.integers(0, 2**64 - 1)
TIMES = st.integers(0, 2**53)


def sample(time_ns: int, address: int, misc: int = 2) -> bytes:
    head = struct.pack("=IHH", 9, misc, 32)
    return head + struct.pack("=IIQQ", 41, 42, time_ns, address)


def lost(count: int) -> bytes:
    return struct.pack("=IHHQQ", 2, 0, 24, 7, count)


def throttled() -> bytes:
    return struct.pack("=IHHQQQ", 5, 0, 32, 1, 2, 3)


def read(data: bytes) -> tuple[list[tuple[float, int]], int]:
    found = parse_records(data)
    pairs = zip(found.at_s.tolist(), found.address.tolist(), strict=True)
    return list(pairs), found.lost


def test_nothing() -> None:
    assert read(b"") == ([], 0)


@given(st.lists(st.tuples(TIMES, U64, st.sampled_from((1, 2, 0x4001))), max_size=6))
def test_faults_in_order(faults: Sequence[tuple[int, int, int]]) -> None:
    data = b"".join(sample(*fault) for fault in faults)
    assert read(data) == ([(at_ns * 1e-9, address) for at_ns, address, _ in faults], 0)


@given(
    st.lists(
        st.one_of(
            st.builds(sample, TIMES, U64),
            st.builds(lost, st.integers(0, 1000)),
            st.builds(throttled),
        ),
        max_size=8,
    )
)
def test_other_records_are_passed_over_and_lost_ones_counted(records: list[bytes]) -> None:
    samples = [one for one in records if one[0] == 9]
    count = sum(struct.unpack_from("=Q", one, 16)[0] for one in records if one[0] == 2)
    expected = [struct.unpack_from("=QQ", one, 16) for one in samples]
    assert read(b"".join(records)) == ([(at_ns * 1e-9, where) for at_ns, where in expected], count)


def test_a_record_without_a_size_ends_it() -> None:
    assert read(sample(1, 2) + bytes(16)) == ([(1e-9, 2)], 0)


@pytest.mark.parametrize("left", range(1, 32))
def test_a_record_that_is_cut_off_is_passed_over(left: int) -> None:
    assert read(lost(3) + sample(1, 2) + sample(3, 4)[:left]) == ([(1e-9, 2)], 3)


@given(st.binary(max_size=200))
def test_any_bytes_end(data: bytes) -> None:
    parse_records(data)


def test_a_capture_has_no_faults_and_lacks_none(tmp_path: Path) -> None:
    assert perf.limit(Root(str(tmp_path), live=False)) is None


def test_processes_of_another_namespace_cannot_be_listened_to(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/self").symlink_to("1")
    limit = perf.limit(Root(str(tmp_path), live=True))
    assert limit is not None
    assert "PID namespace" in limit.reason
    assert "--pid=host" in (limit.remedy or "")


def test_a_kernel_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(tid: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(perf, "_open_event", refuse)
    limit = perf.limit(Root("", live=True))
    assert limit is not None
    assert (limit.capability, "Permission denied" in limit.reason) == ("page_faults", True)
    assert "CAP_PERFMON" in (limit.remedy or "")
    assert limit.cost


def test_a_machine_whose_system_call_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    limit = perf.limit(Root("", live=True))
    assert limit is not None
    assert "s390x" in limit.reason
