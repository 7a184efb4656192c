import json
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope.commands import findings
from hugescope.commands.snapshot import Kind
from hugescope_agent.errors import NoSuchProcess
from hugescope_wire.findings import SEVERITIES, Evidence, Finding, Severity
from hugescope_wire.findings_document import FindingsDocument
from hugescope_wire.host import HostFrame, Source
from tests.unit.agent.model.findings.made_facts import report
from tests.unit.wire.made_wire import host_frame

IDLE = "echo 0 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


def finding(severity: Severity, **parts: Any) -> Finding:
    known: dict[str, Any] = {
        "key": f"idle-pool:{severity}",
        "code": "idle-pool",
        "severity": severity,
        "what": f"A pool idles, {severity}.",
        "why": "It keeps memory.",
        "advice": "Shrink it.",
    }
    return Finding(**(known | parts))


FOUND = [
    finding("critical", pids=[41], what="qemu \x1b[31m[bold]lost a page."),
    finding("notice", command=IDLE, evidence=[Evidence(name="free", value="8", source="/sys/f")]),
    finding("info", pids=[1]),
]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was asked of `take`, which gives a host with three findings."""
    return given(monkeypatch, host_frame([], report=report(findings=FOUND)))


def given(monkeypatch: pytest.MonkeyPatch, frame: HostFrame) -> list[tuple[Any, ...]]:
    asked: list[tuple[Any, ...]] = []

    def take(root: Any, pids: Any, kind: Kind) -> tuple[HostFrame, None]:
        asked.append((pids, kind))
        return frame, None

    monkeypatch.setattr(findings, "take", take)
    return asked


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["findings", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_blocks_for_people(looks: list[tuple[Any, ...]]) -> None:
    code, text = run()
    assert code == 0
    lines = text.splitlines()
    assert lines[1] == "1 critical, 1 notice, 1 info found"
    assert lines[3] == "CRITICAL  idle-pool"
    assert lines[4] == "  qemu \\x1b[31m[bold]lost a page."
    assert f"  $ {IDLE}" in lines
    assert "/sys/f" not in text
    assert looks == [(None, Kind.HUGETLB)]


@pytest.mark.usefixtures("looks")
def test_evidence_is_shown_when_asked_for() -> None:
    assert "  - free: 8  [/sys/f]" in run("--evidence")[1].splitlines()


@pytest.mark.usefixtures("looks")
def test_json_fits_its_schema() -> None:
    code, text = run("--json")
    schema = FindingsDocument.model_json_schema(mode="serialization", by_alias=True)
    answer = json.loads(text)
    jsonschema.Draft202012Validator(schema).validate(answer)
    assert code == 0
    assert answer["schema"] == "hugescope/findings/1"
    assert answer["host"]["name"] == "box"
    assert [one["severity"] for one in answer["findings"]] == ["critical", "notice", "info"]


@pytest.mark.usefixtures("looks")
def test_milder_ones_are_left_out() -> None:
    answer = json.loads(run("--json", "--severity", "notice")[1])
    assert [one["severity"] for one in answer["findings"]] == ["critical", "notice"]


def test_only_those_about_a_process(looks: list[tuple[Any, ...]]) -> None:
    answer = json.loads(run("--json", "--pid", "1")[1])
    assert [one["severity"] for one in answer["findings"]] == ["info"]
    assert looks == [(frozenset({1}), Kind.ALL)]


@pytest.mark.usefixtures("looks")
def test_a_process_that_is_not_there() -> None:
    with pytest.raises(NoSuchProcess, match="--pid 0"):
        run("--pid", "0")


@pytest.mark.usefixtures("looks")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--fail-on", "critical"), 3),
        (("--fail-on", "info"), 3),
        (("--fail-on", "critical", "--pid", "1"), 0),
        (("--fail-on", "info", "--pid", "1"), 3),
        (("--fail-on", "fatal"), 2),
    ],
)
def test_scripts_can_have_an_exit_code(arguments: tuple[str, ...], code: int) -> None:
    assert run(*arguments)[0] == code


def test_commands_for_a_captured_host_are_not_for_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = host_frame([], report=report(findings=FOUND), source=Source(kind="capture"))
    given(monkeypatch, frame)
    text = run()[1]
    assert "[captured tree, not this machine]" in text
    assert f"  on that host: $ {IDLE}" in text


def test_nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, host_frame([], report=report()))
    assert run("--fail-on", "info") == (0, run()[1])
    assert run()[1].splitlines()[1] == "nothing found"


def test_every_severity_has_a_level() -> None:
    assert [level.value for level in findings.Level] == list(SEVERITIES)
