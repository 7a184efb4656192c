"""The commands that stay, on the real kernel: what they show, and what they leave behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.access import base_of, plain
from tests.kernel.cases import alternating_memfd, forked_private
from tests.kernel.commands import (
    children_of,
    command,
    free_port,
    get,
    mappings_of,
    snapshot_of,
    until,
)
from tests.kernel.host_pool import eventually, lives, pool, skip_without_pool

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_demo_fills_live_and_gives_back_what_it_took(number: signal.Signals) -> None:
    skip_without_pool()
    before = pool()
    with command(
        "demo", "--port", "0", "--size", "32M", "--rate", "2M", "--touches", "0", "--pause", "600"
    ) as demo:
        url = plain(demo.line("%23/host/"))
        found = re.fullmatch(r"(http://[^/]+)/#/host/([^/]+)/pid/(\d+)/map/([0-9a-f]+)", url)
        assert found
        base, host, pid, start = found[1], found[2], int(found[3]), int(found[4], 16)
        api = f"{base}/api/v1/hosts/{host}/snapshot?pid={pid}"

        seen: set[int] = set()

        def filled() -> bool:
            for address, runs in mappings_of(get(api), pid) or []:
                if address == start:
                    seen.add(sum(run["count"] for run in runs if run["state"] == "mapped"))
            return 16 in seen

        until(filled, f"the destination full: {demo.said}")
        assert seen - {0, 16}, "the filling was seen on the way"
        until(lambda: mappings_of(get(api), pid) == snapshot_of(pid), "what a look of its own says")
        below = children_of(demo.process.pid)
        assert demo.end(number) in (0, 128 + number)
    eventually(lambda: pool().kept == before.kept, f"as many pages as before, {before}")
    until(lambda: not any(map(lives, below)), "no process left")


def test_demo_without_a_pool_says_why_and_replays() -> None:
    """In a mount namespace of its own, where this kernel seems to have no huge pages."""
    hide = "mount -t tmpfs none /sys/kernel/mm/hugepages && exec "
    demo = f"{sys.executable} -m hugescope demo --port 0"
    with command(run=["unshare", "--mount", "sh", "-c", hide + demo]) as running:
        url = running.line("%23/migration")
        assert any("no real post-copy here" in line for line in running.said)
        assert any("not this machine's memory" in line for line in running.said)
        base = base_of(url)
        hosts = until(lambda: (get(f"{base}/api/v1/hosts") or {}).get("hosts"), "the replay")
        assert {host["source"]["kind"] for host in hosts} == {"replay"}
        until(
            lambda: (get(f"{base}/api/v1/migrations") or {}).get("migrations"),
            "the recorded migration",
        )


def test_killed_server_and_killed_agent_come_back_and_show_the_truth() -> None:
    port = free_port()
    api = f"http://127.0.0.1:{port}/api/v1/hosts/restarts/snapshot"
    to_server = ("--server", f"ws://127.0.0.1:{port}", "--host-id", "restarts")

    def shows(pid: int) -> None:
        until(lambda: mappings_of(get(api), pid) == snapshot_of(pid), f"process {pid} as it is")

    with alternating_memfd() as first, command("agent", *to_server) as agent:
        with command("serve", "--port", str(port)) as server:
            shows(first.pid)
            server.end(signal.SIGKILL)
        with forked_private() as second, command("serve", "--port", str(port)):
            shows(first.pid)
            shows(second.pid)
            agent.end(signal.SIGKILL)
            with command("agent", *to_server):
                shows(first.pid)
                shows(second.pid)


def test_agent_of_up_is_started_again_when_it_is_killed() -> None:
    with alternating_memfd() as case, command("up", "--port", "0") as up:
        base = base_of(up.line("http://"))
        host = until(lambda: (get(f"{base}/api/v1/hosts") or {}).get("hosts"), "the host")[0]
        api = f"{base}/api/v1/hosts/{host['host_id']}/snapshot"
        os.kill(children_of(up.process.pid)[0], signal.SIGKILL)
        up.line("starting it again")
        again = until(
            lambda: [
                one
                for one in (get(f"{base}/api/v1/hosts") or {}).get("hosts", [])
                if one["epoch"] != host["epoch"]
            ],
            "the agent again",
        )
        assert len(again) == 1
        until(lambda: mappings_of(get(api), case.pid) == snapshot_of(case.pid), "its cells")

        def link() -> str | None:
            hosts = (get(f"{base}/api/v1/hosts") or {}).get("hosts")
            return hosts[0]["link"] if hosts else None

        until(lambda: link() == "live", "a live agent")


@pytest.mark.parametrize("name", ["up", "serve", "demo"])
def test_port_in_use_is_one_line(name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        more = ["--replay"] if name == "demo" else []
        done = subprocess.run(
            [sys.executable, "-m", "hugescope", name, "--port", port, *more],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert f"--port {port}" in done.stderr.splitlines()[-1]


def test_a_working_directory_cannot_put_code_into_the_agent(tmp_path: Path) -> None:
    """Root may stand anywhere, also where somebody else has left a module of a known name."""
    (tmp_path / "tenacity.py").write_text("raise SystemExit('a stranger in the agent')\n")
    with command("up", "--port", "0", "--root", "/", cwd=tmp_path) as up:
        base = base_of(up.line("http://"))
        until(lambda: (get(f"{base}/api/v1/hosts") or {}).get("hosts"), "the host")
        assert not any("stranger" in line for line in up.said)
