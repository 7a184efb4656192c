import errno
import os
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_agent.workloads import userfault
from hugescope_agent.workloads.userfault import (
    Copied,
    PageFault,
    UffdioCopy,
    Userfaultfd,
    parse_page_faults,
)

PAGE = 2 << 20


def message(event=0x12, flags=0, address=0, thread_id=0) -> bytes:
    """Field by field at the offsets of struct uffd_msg, not by the code's own layout."""
    data = bytearray(32)
    data[0] = event
    struct.pack_into("=Q", data, 8, flags)
    struct.pack_into("=Q", data, 16, address)
    struct.pack_into("=I", data, 24, thread_id)
    return bytes(data)


def test_ioctl_numbers_are_the_headers():
    assert userfault.UFFDIO_API == 0xC018AA3F
    assert userfault.UFFDIO_REGISTER == 0xC020AA00
    assert userfault.UFFDIO_UNREGISTER == 0x8010AA01
    assert userfault.UFFDIO_WAKE == 0x8010AA02
    assert userfault.UFFDIO_COPY == 0xC028AA03
    assert userfault.USERFAULTFD_IOC_NEW == 0xAA00


def test_nothing_read_is_no_fault():
    assert parse_page_faults(b"") == []


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(
        st.builds(
            PageFault,
            address=st.integers(0, 2**64 - 1),
            flags=st.integers(0, 2**64 - 1),
            thread_id=st.integers(0, 2**32 - 1),
        ),
        max_size=5,
    )
)
def test_messages_come_out_in_order(faults):
    data = b"".join(message(0x12, f.flags, f.address, f.thread_id) for f in faults)
    assert parse_page_faults(data) == faults


def test_write_faults_are_told_apart():
    read, write = parse_page_faults(message(flags=0) + message(flags=1))
    assert (read.write, write.write) == (False, True)


@pytest.mark.parametrize("size", [1, 31, 33])
def test_a_torn_message_is_refused(size):
    with pytest.raises(ValueError, match=f"{size} bytes are not whole messages"):
        parse_page_faults((message() * 2)[:size])


def test_an_event_that_was_not_asked_for_is_refused():
    with pytest.raises(ValueError, match="event 0x15"):
        parse_page_faults(message() + message(event=0x15))


class Scripted(Userfaultfd):
    """Answers each UFFDIO_COPY with an errno and a number of bytes, and keeps what was asked."""

    def __init__(self, *answers: tuple[int, int]):
        super().__init__(-1)
        self.answers = list(answers)
        self.asked: list[tuple[int, int, int]] = []

    def _try_ioctl(self, request, argument):
        assert request == userfault.UFFDIO_COPY
        assert isinstance(argument, UffdioCopy)
        self.asked.append((argument.dst, argument.src, argument.len))
        error, argument.copy = self.answers.pop(0)
        return error


def test_a_copy_in_one_go():
    faults = Scripted((0, PAGE))
    assert faults.copy(100, 200, PAGE) == Copied(PAGE, met_present=False)
    assert faults.asked == [(100, 200, PAGE)]


def test_a_partial_copy_is_carried_on_with(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    faults = Scripted((errno.EAGAIN, PAGE), (errno.EAGAIN, -errno.EAGAIN), (0, 2 * PAGE))
    assert faults.copy(0, PAGE, 3 * PAGE) == Copied(3 * PAGE, met_present=False)
    assert faults.asked == [
        (0, PAGE, 3 * PAGE),
        (PAGE, 2 * PAGE, 2 * PAGE),
        (PAGE, 2 * PAGE, 2 * PAGE),
    ]


def test_a_present_page_ends_a_copy():
    faults = Scripted((errno.EAGAIN, PAGE), (errno.EEXIST, -errno.EEXIST))
    assert faults.copy(0, 0, 3 * PAGE) == Copied(PAGE, met_present=True)


def test_a_mapping_that_never_settles_is_given_up(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    again = [(errno.EAGAIN, -errno.EAGAIN)] * (userfault.AGAIN_LIMIT + 1)
    with pytest.raises(BlockingIOError, match="UFFDIO_COPY to 0x1000"):
        Scripted(*again).copy(0x1000, 0, PAGE)


def test_a_full_pool_is_an_error_with_the_address():
    with pytest.raises(OSError, match="UFFDIO_COPY to 0x4000: Cannot allocate memory") as caught:
        Scripted((errno.ENOMEM, -errno.ENOMEM)).copy(0x4000, 0, PAGE)
    assert caught.value.errno == errno.ENOMEM


def test_a_process_that_is_gone_is_an_error():
    with pytest.raises(ProcessLookupError):
        Scripted((errno.ESRCH, -errno.ESRCH)).copy(0, 0, PAGE)


def test_reading_never_waits():
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with Userfaultfd(read_end) as faults:
        assert faults.fileno() == read_end
        assert faults.read_faults() == []
        os.write(write_end, message(address=PAGE) + message(address=0))
        assert [fault.address for fault in faults.read_faults()] == [PAGE, 0]
    assert faults.descriptor == -1
    faults.close()
    os.close(write_end)


def test_an_unknown_machine_without_the_device_has_none(monkeypatch):
    monkeypatch.setattr(userfault, "NR_USERFAULTFD", {})
    monkeypatch.setattr(userfault, "DEVICE", "/nowhere/userfaultfd")
    with pytest.raises(OSError, match="userfaultfd: Function not implemented"):
        Userfaultfd.open()
