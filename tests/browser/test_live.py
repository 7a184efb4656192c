"""The whole path: a process touches a huge page, and it appears on the screen."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.screen import Screen
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.commands import command, free_port, get, mappings_of, snapshot_of, until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

MAPPED = 1
HOLE = 0


class Toucher:
    """A process with 64 huge pages, none touched yet."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.pid = int(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def touch(self, page: int) -> None:
        """Write to this page; returns when it is there."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{page}\n")
        self.process.stdin.flush()
        assert self._answer() == "touched\n"


@contextmanager
def toucher() -> Iterator[Toucher]:
    """Run one until the block ends."""
    script = Path(__file__).with_name("toucher.py")
    with (
        extra_pages(MIB2, 64),
        subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            yield Toucher(process)
        finally:
            process.kill()


def map_url(base: str, host_id: str, pid: int) -> str:
    """Where the map of a process' only mapping is, once the server knows of it."""
    api = f"{base}/api/v1/hosts/{host_id}/snapshot"
    mappings = until(lambda: mappings_of(get(api), pid), f"process {pid} at the server")
    return f"{base}/#/host/{host_id}/pid/{pid}/map/{mappings[0][0]:x}"


@contextmanager
def up() -> Iterator[tuple[str, str]]:
    """Server and agent; the base URL and this host's name there."""
    with command("up", "--port", "0") as running:
        base = running.line("http://").rpartition(" ")[2].rstrip("/")
        hosts = until(lambda: (get(f"{base}/api/v1/hosts") or {}).get("hosts"), "the host")
        yield base, hosts[0]["host_id"]


def test_a_touched_huge_page_appears_on_screen(screen: Screen) -> None:
    with toucher() as process, up() as (base, host_id):
        screen.open(map_url(base, host_id, process.pid))
        screen.until(lambda: screen.states() == [HOLE] * 64, "an empty mapping")
        screen.go_to_cell(5)
        hole = screen.until(screen.drawn, "a hole drawn")
        assert "nothing" in screen.seen("tooltip").inner_text()

        process.touch(5)
        screen.until(lambda: screen.pixel() != hole, "another colour where the page is")
        screen.until(lambda: "mapped in full" in screen.seen("tooltip").inner_text(), "its facts")
        assert screen.states() == [HOLE] * 5 + [MAPPED] + [HOLE] * 58
        screen.until(
            lambda: re.search(r"2 MiB entry\s+1\b", screen.seen("legend").inner_text()),
            "one mapped page in the legend",
        )
        for page in range(0, 64, 3):
            process.touch(page)
        touched = {5, *range(0, 64, 3)}
        expected = [MAPPED if page in touched else HOLE for page in range(64)]
        screen.until(lambda: screen.states() == expected, "every touched page")
        facts = screen.seen("tooltip").inner_text()
        (_, runs), *_ = snapshot_of(process.pid)
        run = next(one for one in runs if one["first"] <= 5 < one["first"] + one["count"])
        assert re.search(rf"mapcount \(kernel\)\s+{run['mapcount']}\b", facts)
        assert re.search(rf"NUMA node\s+{run['node']}\b", facts)


def test_the_colour_follows_what_it_stands_for(screen: Screen) -> None:
    with toucher() as process, up() as (base, host_id):
        process.touch(5)
        screen.open(map_url(base, host_id, process.pid))
        screen.until(screen.states, "the map")
        seen = {}
        for mode in ("state", "mapcount", "node"):
            screen.page.get_by_text(mode, exact=True).click()
            screen.go_to_cell(5)
            seen[mode] = screen.until(screen.drawn, f"the cell by {mode}")
            assert f"color={mode}" in screen.page.url or mode == "state"
        assert len(set(seen.values())) > 1


def test_the_overview_shows_pools_and_processes(screen: Screen) -> None:
    with toucher() as process, up() as (base, _):
        process.touch(0)
        screen.open(base)
        screen.until(
            lambda: f"pid {process.pid}" in screen.seen("processes").inner_text(), "the process"
        )
        assert "touched" in screen.seen("processes").inner_text()
        assert "2 MiB" in screen.seen("pools").inner_text()
        assert "live" in screen.seen("connection").inner_text()
        assert "%" in screen.seen("status-cost").inner_text()
        assert "old" in screen.seen("picture-age").inner_text()
        screen.page.locator(f'a[href*="/pid/{process.pid}/"]').first.click()
        screen.until(lambda: screen.states() == [MAPPED] + [HOLE] * 63, "its map")


def test_a_killed_server_and_agent_come_back_on_screen(screen: Screen) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    to_server = ("--server", f"ws://127.0.0.1:{port}", "--host-id", "here")
    with toucher() as process, command("agent", *to_server) as agent:
        with command("serve", "--port", str(port)) as server:
            screen.open(map_url(base, "here", process.pid))
            screen.until(lambda: screen.states() == [HOLE] * 64, "the map")
            server.end(signal.SIGKILL)
            screen.until(
                lambda: "live" not in screen.seen("connection").inner_text(), "the loss on screen"
            )
        process.touch(7)
        one = [HOLE] * 7 + [MAPPED] + [HOLE] * 56
        with command("serve", "--port", str(port)):
            screen.until(lambda: screen.states() == one, "the truth after the server came back")
            agent.end(signal.SIGKILL)
            process.touch(63)
            with command("agent", *to_server):
                screen.until(
                    lambda: screen.states() == [*one[:63], MAPPED],
                    "the truth after the agent came back",
                )
                assert "live" in screen.seen("connection").inner_text()


def test_a_replay_says_so_in_plain_sight(screen: Screen) -> None:
    with command("demo", "--replay", "--port", "0") as demo:
        screen.open(demo.line("/#/host/"))
        banner = screen.seen("source-banner").inner_text()
        assert "replay" in banner.lower()
        screen.until(screen.states, "its cells")
        screen.open(screen.page.url.partition("#")[0])
        assert "replay" in screen.seen("source-banner").inner_text().lower()
