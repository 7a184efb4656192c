"""What an update costs the page: main thread and updates a second.

With the synthetic server's largest mapping on screen:

python frontend/dev/measure.py http://127.0.0.1:8766 [SECONDS]
"""

from __future__ import annotations

import json
import sys

from playwright.sync_api import CDPSession, sync_playwright

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
BIG = "#/host/synthetic-a/pid/9000/map/600000000000"
READ = """() => {
  const handle = window.__hugescope;
  return {
    drawn: handle.framesDrawn,
    applied: handle.mapping.framesApplied,
    ours_ms: handle.timings.totalMs,
    cells: handle.mapping.info.cell_count,
    at_ms: performance.now(),
  };
}"""


def tasks(session: CDPSession) -> dict[str, float]:
    """Chromium's own counters of the page."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}


def main() -> None:
    """Measure and print one line of JSON."""
    base, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 20
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        session = page.context.new_cdp_session(page)
        # Ticks of the thread, not of the wall: other processes must not count.
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(f"{base}/{BIG}")
        # The page's CSP forbids eval, with which wait_for_function works.
        while page.evaluate("() => window.__hugescope.framesDrawn") < 20:
            page.wait_for_timeout(100)
        before, tasks_before = page.evaluate(READ), tasks(session)
        page.wait_for_timeout(seconds * 1000)
        after, tasks_after = page.evaluate(READ), tasks(session)
        updates = after["drawn"] - before["drawn"]
        span_s = (after["at_ms"] - before["at_ms"]) / 1000
        task_s = tasks_after["TaskDuration"] - tasks_before["TaskDuration"]
        script_s = tasks_after["ScriptDuration"] - tasks_before["ScriptDuration"]
        result = {
            "cells": after["cells"],
            "updates_per_s": round(updates / span_s, 2),
            "apply_and_draw_ms_per_update": round(
                (after["ours_ms"] - before["ours_ms"]) / updates, 2
            ),
            "main_cpu_ms_per_update": round(1000 * task_s / updates, 2),
            "script_cpu_ms_per_update": round(1000 * script_s / updates, 2),
            "heap_mib": round(tasks_after["JSHeapUsedSize"] / 2**20, 1),
            "heap_growth_mib": round(
                (tasks_after["JSHeapUsedSize"] - tasks_before["JSHeapUsedSize"]) / 2**20, 1
            ),
        }
        print(json.dumps(result))
        browser.close()


if __name__ == "__main__":
    main()
