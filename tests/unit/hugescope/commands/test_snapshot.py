from typing import Any

import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope.commands import snapshot
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame, encode_range
from hugescope_wire.host import HostFrame
from hugescope_wire.picture import HostPicture
from hugescope_wire.report import Policy
from hugescope_wire.snapshot import Snapshot
from tests.unit.agent.model.findings.made_facts import about, cells, mapping, process, report
from tests.unit.wire.made_wire import MIB2, host_frame

BIND = Policy(text="bind:0", mode="bind", nodes=[0])


def shown(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> list[str]:
    """What the command prints of a process with one mapping."""
    info = mapping(1, "mm")
    frame = host_frame([process(41, info)], report=report(mappings=[about(info, **parts)]))
    block = encode_range(1, MIB2, cells("mm"))

    def take(*_: Any) -> tuple[HostFrame, Snapshot]:
        picture = HostPicture()
        picture.apply(decode_frame(encode_frame(FrameKind.FULL, 1, frame, [block])))
        return frame, picture.snapshot(None)

    monkeypatch.setattr(snapshot, "take", take)
    done = CliRunner().invoke(app, ["snapshot"])
    assert done.exit_code == 0, done.output
    return [" ".join(line.split()) for line in done.output.splitlines()]


@pytest.mark.parametrize(("misplaced", "words"), [(MIB2, "2 MiB"), (0, "0 B"), (None, "unknown")])
def test_a_policy_and_what_lies_elsewhere(
    monkeypatch: pytest.MonkeyPatch, misplaced: int | None, words: str
) -> None:
    nodes = {0: MIB2, 1: MIB2}
    lines = shown(monkeypatch, policy=BIND, misplaced_bytes=misplaced, node_bytes=nodes)
    start = mapping(1, "mm").start
    assert f"41 {start:x} bind:0 {words} 0: 2 MiB, 1: 2 MiB" in lines


@pytest.mark.parametrize("policy", [None, Policy(text="default", mode="default", nodes=[])])
def test_no_policy_no_table(monkeypatch: pytest.MonkeyPatch, policy: Policy | None) -> None:
    assert "NUMA policies" not in "\n".join(shown(monkeypatch, policy=policy))
