"""What the map costs a browser, and how long a fault takes to a pixel, in headless Chromium.

    updates         524,288 cells on screen, each by itself, 5,000 of them changed 10 times a second
                    by a synthetic agent: CPU of the page's main thread an update, updates shown a
                    second
    memory          heap after a collection of garbage, and resident memory, meanwhile
    plotly_heatmap  the same cells as a `heatmap` trace of the plotly that the page brings along,
                    updated by `react`: CPU of the main thread an update
    first_picture   1 TiB of addresses (MAP_NORESERVE) watched by a real agent, from navigation to
                    drawn cells, against the same server software without hosts, to its first words
    fault_to_pixel  a real process touches a huge page that a real agent watches, until the cell's
                    pixel in the canvas is another

The server is real in all of them. Main-thread time is what Chromium itself counts (TaskDuration in
thread ticks): scripts, style, layout, paint, garbage. Bounds are those of the project; the exit
code is 1 when one is not met. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import browser_parts as parts
from bench import browser_synthetic as synthetic
from bench.browser_tab import Tab, chromium
from tests import access

from hugescope_agent.workloads.errors import PoolUnavailable
from hugescope_agent.workloads.pool import PoolLease

PAGE: Final = 2 << 20
AGENT_HZ: Final = 10.0
HERE: Final = Path(__file__).parent
HOST: Final = "bench"
SYNTHETIC_MAP: Final = f"#/host/{synthetic.HOST}/pid/{synthetic.PID}/map/{synthetic.START:x}"

BOUNDS: Final[dict[str, tuple[str, float]]] = {
    "main_ms_per_update": ("at most", 8.0),
    "updates_per_s": ("at least", 10.0),
    "plotly_ratio": ("at least", 15.0),
    "heap_growth_mib": ("at most", 2.0),
    "rss_growth_mib": ("at most", 16.0),
    "first_picture_ratio": ("at most", 1.5),
    "fault_to_pixel_p95_ms": ("at most", 1000 / AGENT_HZ + 60.0),
}
"""Heap and resident memory are flat if they grow by no more than this from the first minute on."""

STEPS: Final = ("updates", "first-picture", "fault")


@contextmanager
def running(*command: str, agent_of: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block; with the token of an agent of this host."""
    with subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=None if agent_of is None else access.agent_environment(agent_of),
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def serve(stack: ExitStack) -> str:
    """The URL of a server of its own, without hosts."""
    process = stack.enter_context(running("-m", "hugescope", "serve", "--port", "0"))
    return parts.heard(process).rpartition(" ")[2]


def socket_of(url: str) -> str:
    """Where agents connect."""
    return url.replace("http", "ws", 1)


def watch(stack: ExitStack, url: str) -> None:
    """A real agent of this host."""
    more = ("--server", socket_of(url), "--host-id", HOST, "--hz", str(AGENT_HZ), "--quiet")
    stack.enter_context(running("-m", "hugescope", "agent", *more, agent_of=HOST))


def play(stack: ExitStack, url: str, changes: int) -> None:
    """An agent that makes its cells up."""
    more = ("--server", socket_of(url), "--changes", str(changes))
    made_up = running("-m", "bench.browser_synthetic", *more, agent_of=synthetic.HOST)
    stack.enter_context(made_up)


def map_of(tab: Tab, url: str, pid: int) -> str:
    """The address of the map of a process' one mapping, once the server knows it."""
    tab.open(url)
    find = (
        f"h.hosts.flatMap(host => host.processes).find(one => one.pid === {pid}).mappings[0].start"
    )
    start = tab.until(lambda: tab.read(find), f"process {pid} in the overview")
    return f"{url}/#/host/{HOST}/pid/{pid}/map/{int(start):x}"


def measure_updates(seconds: float, minutes: float) -> parts.Figures:
    """Ours and plotly's."""
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        url, empty = serve(stack), serve(stack)
        play(stack, url, synthetic.CHANGES)
        tab = Tab(browser)
        figures = parts.updates(tab, f"{url}/{SYNTHETIC_MAP}", seconds)
        figures["updates_of"] = "synthetic"
        report("updates", figures)
        figures |= parts.memory(tab, minutes)
        states, chunk = parts.moments(tab), tab.plotly_url().replace(url, empty)
        tab.close()
        theirs = parts.plotly_heatmap(
            Tab(browser), empty, chunk, states, figures["plot"], synthetic.HZ
        )
        report("plotly_heatmap", theirs)
    ratio = theirs["plotly_heatmap_ms"] / figures["main_ms_per_update"]
    return {**figures, **theirs, "plotly_ratio": round(ratio, 1)}


def measure_first_picture() -> parts.Figures:
    """A map of 1 TiB, of a real mapping where there can be one, against an empty page."""
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        url, empty = serve(stack), serve(stack)
        memory = stack.enter_context(running(str(HERE / "browser_memory.py"), "sparse"))
        assert memory.stdout is not None
        real = memory.stdout.readline() == "ready\n"
        if real:
            watch(stack, url)
        else:
            print("first_picture: 1 TiB cannot be mapped here; made-up cells stand in for it")
            play(stack, url, 0)
        tab = Tab(browser)
        place = map_of(tab, url, memory.pid) if real else f"{url}/{SYNTHETIC_MAP}"
        tab.close()
        figures = parts.first_picture(browser, place, empty)
        figures["first_picture_of"] = "real" if real else "synthetic"
    report("first_picture", figures)
    return figures


def measure_fault(touches: int) -> parts.Figures:
    """A real process, a real agent, a real page; huge pages are added and given back."""
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        try:
            stack.enter_context(PoolLease(PAGE, parts.TOUCHED_PAGES))
        except PoolUnavailable as error:
            raise SystemExit(f"bench-browser: {error}") from None
        script = str(HERE / "browser_memory.py")
        toucher = stack.enter_context(running(script, "touched", str(parts.TOUCHED_PAGES)))
        parts.heard(toucher)
        url = serve(stack)
        watch(stack, url)
        tab = Tab(browser)
        place = map_of(tab, url, toucher.pid)
        figures = parts.fault_to_pixel(tab, place, toucher, 1000 / AGENT_HZ, touches)
    report("fault_to_pixel", figures)
    return figures


def report(name: str, figures: parts.Figures) -> None:
    """One line for people."""
    said = ", ".join(f"{key} {value}" for key, value in figures.items())
    print(f"{name}: {said}", flush=True)


def missed(figures: dict[str, Any]) -> list[str]:
    """Prints each bound beside its figure; those that are not met."""
    found = []
    for name, (side, bound) in BOUNDS.items():
        if name not in figures:
            continue
        met = figures[name] <= bound if side == "at most" else figures[name] >= bound
        print(f"  {'met   ' if met else 'MISSED'} {name} {figures[name]}, {side} {bound}")
        found += [] if met else [name]
    return found


def main() -> int:
    """Measure what is asked for; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=20, help="to count updates")
    parser.add_argument("--minutes", type=float, default=5, help="to watch memory")
    parser.add_argument("--touches", type=int, default=parts.TOUCHES)
    parser.add_argument("--only", action="append", choices=STEPS, help="may be given again")
    given = parser.parse_args()
    steps = given.only or STEPS
    figures: dict[str, Any] = {"cpus": os.cpu_count()}
    state_dir = TemporaryDirectory(prefix="hugescope-bench-")
    os.environ["HUGESCOPE_STATE_DIR"] = state_dir.name
    if "updates" in steps:
        figures |= measure_updates(given.seconds, given.minutes)
    if "first-picture" in steps:
        figures |= measure_first_picture()
    if "fault" in steps:
        figures |= measure_fault(given.touches)
    state_dir.cleanup()
    found = missed(figures)
    print(json.dumps(figures | {"missed": found}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
