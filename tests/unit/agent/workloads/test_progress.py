import pytest

from hugescope_agent.workloads.progress import (
    Phase,
    Progress,
    Side,
    parse_line,
    progress_line,
    ready_line,
)


@pytest.mark.parametrize("phase", Phase)
def test_progress_travels_in_a_line(phase):
    progress = Progress(3, phase, pages=32, present=9, demanded=4, swept=5)
    line = progress_line(progress)
    assert "\n" not in line
    assert parse_line(line.encode(), "hs-source", 7) == progress


def test_ready_travels_in_a_line():
    line = ready_line(0x20_0000_0000, 64 << 20, 2 << 20)
    side = parse_line(line.encode(), "hs-destination", 7)
    assert side == Side("hs-destination", 7, 0x20_0000_0000, 64 << 20, 2 << 20)


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"{}",
        b"3",
        b'{"ready": {"start_va": 1}}',
        b'{"progress": {"round": 1, "phase": "asleep"}}',
        b'{"progress": {"phase": "done"}}',
        b"\xff\xfe",
    ],
)
def test_anything_else_is_refused_with_what_was_said(line):
    with pytest.raises(ValueError, match="hs-source said"):
        parse_line(line, "hs-source", 7)
