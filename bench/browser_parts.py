"""The measurements of `bench/browser.py`, one function each; each gives its figures."""

from __future__ import annotations

import base64
import random
import statistics
import subprocess
import time
from collections.abc import Sequence
from typing import Any, Final

from bench.browser_tab import Tab
from playwright.sync_api import Browser

Figures = dict[str, Any]

WARM_UP_UPDATES: Final = 50
PLOTLY_STATES: Final = 6
PLOTLY_S: Final = 10.0
LOADS: Final = 9
TOUCHES: Final = 200
TOUCHED_PAGES: Final = 50
_ENTRIES: Final = 512
_COLORS: Final = (
    *("#f1f3f6", "#638cff", "#19338b", "#5cccff", "#1b7774"),
    *("#fdc30c", "#710a2f", "#cf2200", "#aa9b92"),
)
"""One a state, about as the page has them."""

_READ: Final = """({
    drawn: h.framesDrawn, applied: h.mapping.framesApplied, ours_ms: h.timings.totalMs,
    at_ms: performance.now(),
})"""

_CANVAS: Final = "document.querySelector('[data-testid=heatmap-canvas]')"
_PLOT_SIZE: Final = f"(c => [c.clientWidth, c.clientHeight])({_CANVAS})"

_CELLS_SHOWN: Final = f"""(() => {{
    const canvas = {_CANVAS};
    if (window.__hugescope?.mapping?.complete !== true || canvas === null) return false;
    const {{ width, height }} = canvas;
    const middle = canvas.getContext('2d').getImageData(width >> 1, height >> 1, 1, 1);
    return middle.data[3] === 255;
}})()"""
"""All cells came, and the middle of the canvas shows one."""

_FIRST_PICTURE: Final = f"""(() => {{
    const look = () => {{
        if (document.querySelector('[data-testid=no-hosts]') !== null || {_CELLS_SHOWN}) {{
            window.__benchFirst = performance.now();
        }} else requestAnimationFrame(look);
    }};
    requestAnimationFrame(look);
}})()"""
"""Runs before the page's own scripts; drawn cells, or the words that there is no host yet."""

_PLOTLY_SETUP: Final = """async ({ url, states, colors, period_ms, entries, width, height }) => {
    const chunk = await import(url);
    const plotly = Object.values(chunk)
        .flatMap(one => [one, one?.default])
        .find(one => typeof one?.react === 'function');
    const frames = states.map(text => {
        const cells = Uint8Array.from(atob(text), one => one.charCodeAt(0));
        const rows = [];
        for (let at = 0; at < cells.length; at += entries) {
            rows.push(cells.subarray(at, at + entries));
        }
        return rows;
    });
    const element = document.createElement('div');
    document.body.replaceChildren(element);
    const trace = z => [{
        type: 'heatmap', z, zmin: -0.5, zmax: colors.length - 0.5, showscale: false,
        colorscale: colors.flatMap((color, at) => [
            [at / colors.length, color], [(at + 1) / colors.length, color],
        ]),
    }];
    const layout = {
        width: width + 80, height: height + 60, margin: { l: 60, r: 20, t: 20, b: 40 },
        yaxis: { autorange: 'reversed' },
    };
    const config = { displayModeBar: false };
    const frame = () => new Promise(resolve => {
        requestAnimationFrame(() => setTimeout(resolve, 0));
    });
    await plotly.newPlot(element, trace(frames[0]), layout, config);
    let next = 1;
    window.__benchPlotly = async (seconds, period_ms) => {
        const end = performance.now() + 1000 * seconds;
        let count = 0;
        while (performance.now() < end) {
            const due = performance.now() + period_ms;
            await plotly.react(element, trace(frames[next++ % frames.length]), layout, config);
            await frame();
            count++;
            const left = due - performance.now();
            if (left > 0) await new Promise(resolve => setTimeout(resolve, left));
        }
        return count;
    };
    await window.__benchPlotly(1, period_ms);
}"""

_ARM: Final = """cell => new Promise(resolve => {
    const canvas = document.querySelector('[data-testid=heatmap-canvas]');
    const context = canvas.getContext('2d');
    const pixel = () => {
        const at = window.__hugescope.mapping.centerOf(cell);
        const box = canvas.getBoundingClientRect();
        const x = Math.floor((at.x - box.left) * canvas.width / box.width);
        const y = Math.floor((at.y - box.top) * canvas.height / box.height);
        return context.getImageData(x, y, 1, 1).data.join();
    };
    const before = pixel();
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
        if (pixel() !== before) resolve(performance.now());
        else requestAnimationFrame(ask);
    };
    // A message comes after all that draws in this frame has drawn.
    const ask = () => channel.port2.postMessage(null);
    requestAnimationFrame(ask);
})"""


def open_map(tab: Tab, url: str) -> None:
    """Open a map and wait for its cells and for plotly's axes."""
    tab.open(url)
    tab.until(lambda: tab.read(_CELLS_SHOWN), "cells on screen")
    tab.page.wait_for_selector(".plot .xtick text")


def updates(tab: Tab, url: str, seconds: float) -> Figures:
    """What an update costs the main thread of a page with all cells on screen, one by one."""
    open_map(tab, url)
    tab.until(lambda: tab.read(f"h.framesDrawn > {WARM_UP_UPDATES}"), "updates")
    width, height = tab.read(_PLOT_SIZE)
    view, cells = tab.read("h.mapping.view"), tab.read("h.mapping.info.cell_count")
    print(f"updates: plot {width}x{height}, view {view} of {cells} cells")
    if view is None or view["shift"] != 0 or view["count"] != cells:
        raise SystemExit(f"bench-browser: the page did not ask for each of {cells} cells: {view}")
    before, main_before_s = tab.read(_READ), tab.main_thread_s()
    tab.page.wait_for_timeout(1000 * seconds)
    after, main_after_s = tab.read(_READ), tab.main_thread_s()
    drawn = after["drawn"] - before["drawn"]
    span_s = (after["at_ms"] - before["at_ms"]) / 1000
    return {
        "cells": cells,
        "plot": [width, height],
        "seconds": round(span_s, 1),
        "main_ms_per_update": round(1000 * (main_after_s - main_before_s) / drawn, 2),
        "apply_and_draw_ms": round((after["ours_ms"] - before["ours_ms"]) / drawn, 2),
        "updates_per_s": round(drawn / span_s, 2),
        "frames_per_s": round((after["applied"] - before["applied"]) / span_s, 2),
    }


def memory(tab: Tab, minutes: float) -> Figures:
    """Heap and resident memory of the page that is open, each minute."""
    end_s = time.monotonic() + 60 * minutes
    heap, rss = [tab.heap_bytes()], [tab.rss_bytes()]
    while (left_s := end_s - time.monotonic()) > 0.5:
        tab.page.wait_for_timeout(1000 * min(60.0, left_s))
        heap.append(tab.heap_bytes())
        rss.append(tab.rss_bytes())
        print(f"memory: heap {_mib(heap)} MiB, resident {_mib(rss)} MiB", flush=True)
    return {
        "minutes": minutes,
        "heap_mib": _mib(heap),
        "heap_growth_mib": round((heap[-1] - heap[0]) / 2**20, 2),
        "rss_mib": _mib(rss),
        "rss_growth_mib": round((rss[-1] - rss[0]) / 2**20, 1),
    }


def _mib(sizes: Sequence[int]) -> list[float]:
    return [round(size / 2**20, 1) for size in sizes]


def moments(tab: Tab) -> list[bytes]:
    """States of all cells at several moments, for plotly to draw."""
    found = []
    for _ in range(PLOTLY_STATES):
        seq = tab.read("h.mapping.seq")
        tab.until(lambda seq=seq: tab.read(f"h.mapping.seq > {seq}"), "another frame")  # type: ignore[misc]
        found.append(tab.states())
    return found


def plotly_heatmap(
    tab: Tab, url: str, chunk: str, states: Sequence[bytes], plot: Sequence[int], hz: float
) -> Figures:
    """The same cells as a heatmap trace of plotly's, in a page of ours without a map.

    As large, as often and in the same colours, each cell with plotly's own hover. Nothing of
    receiving the cells is in it.
    """
    tab.open(url)
    tab.until(lambda: tab.read("document.querySelector('[data-testid=no-hosts]') !== null"), "hint")
    setup = {
        "url": chunk,
        "states": [base64.b64encode(one).decode() for one in states],
        "colors": _COLORS,
        "period_ms": 1000 / hz,
        "entries": _ENTRIES,
        "width": plot[0],
        "height": plot[1],
    }
    tab.page.evaluate(_PLOTLY_SETUP, setup)
    before_s = tab.main_thread_s()
    count = tab.page.evaluate(f"() => window.__benchPlotly({PLOTLY_S}, {1000 / hz})")
    spent_s = tab.main_thread_s() - before_s
    return {
        "plotly_heatmap_ms": round(1000 * spent_s / count, 1),
        "plotly_updates_per_s": round(count / PLOTLY_S, 1),
    }


def first_picture(browser: Browser, map_url: str, empty_url: str) -> Figures:
    """A map of 1 TiB against the page that says that there is no host yet, in turn."""
    found: dict[str, list[float]] = {map_url: [], empty_url: []}
    # The first load of all warms up the browser's own caches, and counts for neither.
    for url in [empty_url, map_url, *[map_url, empty_url] * LOADS]:
        tab = Tab(browser, _FIRST_PICTURE)
        tab.open(url, wait_until="commit")
        at_ms = tab.until(lambda tab=tab: tab.read("window.__benchFirst"), "first picture")  # type: ignore[misc]
        found[url].append(float(at_ms))
        tab.close()
    maps_ms, empties_ms = found[map_url][1:], found[empty_url][1:]
    # Of each pair, as both met the same neighbours on the machine.
    ratios = [ours / empty for ours, empty in zip(maps_ms, empties_ms, strict=True)]
    return {
        "first_picture_ms": round(statistics.median(maps_ms), 1),
        "empty_page_ms": round(statistics.median(empties_ms), 1),
        "first_picture_ratio": round(statistics.median(ratios), 2),
    }


def fault_to_pixel(
    tab: Tab, url: str, toucher: subprocess.Popen[str], period_ms: float, touches: int
) -> Figures:
    """From before a real process touches a page until the canvas shows its cell in another colour.

    Both times are CLOCK_MONOTONIC (`Tab.monotonic_at_zero_s`). The pixel is read once a frame,
    after all drawing of that frame; what the compositor and a screen take comes on top.
    """
    open_map(tab, url)
    chance = random.Random(4)
    zero_s = tab.monotonic_at_zero_s()
    took_ms = []
    for number in range(touches):
        cell = number % TOUCHED_PAGES
        if cell == 0:
            told(toucher, "empty")
            tab.until(lambda: tab.read("h.mapping.presentPages === 0"), "an empty mapping")
            tab.page.wait_for_timeout(1000)
        # Any phase of the scan is as likely as any other, flashes of earlier cells have ended.
        wait_s = 0.25 + chance.uniform(0, 2 * period_ms / 1000)
        told(toucher, f"{cell} {wait_s}", wait=False)
        seen_ms = float(tab.page.evaluate(_ARM, cell))
        before_s, _ = map(float, heard(toucher).split())
        took_ms.append(seen_ms - 1000 * (before_s - zero_s))
    cuts = statistics.quantiles(took_ms, n=20, method="inclusive")
    return {
        "scan_period_ms": round(period_ms, 1),
        "fault_to_pixel_p50_ms": round(statistics.median(took_ms), 1),
        "fault_to_pixel_p95_ms": round(cuts[18], 1),
        "fault_to_pixel_max_ms": round(max(took_ms), 1),
        "touches": len(took_ms),
    }


def told(process: subprocess.Popen[str], line: str, *, wait: bool = True) -> str:
    """Tell it something, and what it answers."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return heard(process) if wait else ""


def heard(process: subprocess.Popen[str]) -> str:
    """Its next line.

    Raises:
        SystemExit: it ended.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"bench-browser: {process.args!r} ended")
    return line.strip()
