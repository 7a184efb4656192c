"""The page: everything in one file of HTML, and a policy that lets it load nothing.

Scripts run by their hashes only: ours, and plotly, which the page carries compressed and the
browser unpacks. The snapshot stands in it as JSON, exactly as `hugescope cat --json` prints it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from importlib.resources import files
from typing import Final

from hugescope.report.figures import hue
from hugescope.report.gather import Gathered
from hugescope.report.host import findings_section, pools_section, time_section
from hugescope.report.html import Html, compact, joined, json_block, tag
from hugescope.report.mappings import Shown, maps_section, numbers_section, shown_of
from hugescope.report.measured import measured_section, source_words
from hugescope.report.palette import PAINTS, color_of
from hugescope.report.plotly_js import PlotlyJs
from hugescope.report.tables import facts, number
from hugescope.report.words import UNKNOWN, clock, duration, integer, plural

MAX_RUNS: Final = 20_000
"""Of the JSON in the page: some three megabytes."""


def page_of(gathered: Gathered, plotly: PlotlyJs) -> str:
    """The whole document."""
    shown = shown_of(gathered)
    maps, figures = maps_section(shown)
    over_time, more = time_section(gathered, len(figures))
    figures = [*figures, *more]
    packed = _packed(plotly.text)
    snapshot, left_out = _snapshot(gathered, shown)
    data = joined(snapshot, _block("figures", _packed(compact(figures))))
    parts = [
        _header(gathered, shown),
        findings_section(gathered),
        numbers_section(shown),
        over_time,
        maps,
        pools_section(gathered),
    ]
    so_far = sum(map(len, (*parts, data, packed)))
    main = tag("main", *parts, measured_section(gathered, plotly, so_far, left_out))
    script = _own("report.js")
    body = tag(
        "body",
        main,
        tag("div", id="tip", role="status", hidden=True),
        data,
        _block("plotly", packed),
        Html(f"<script>{script}</script>"),
    )
    head = _head(gathered, script, plotly.text)
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _head(gathered: Gathered, *scripts: str) -> Html:
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    host = gathered.about.host.name or "host"
    title = f"HugeScope: {host}, {clock(gathered.about.taken_at)}"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        # Before anything that it is to hold for.
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        Html(f"<style>{_own('parts.css')}{_own('page.css')}{_colors()}</style>"),
    )


def _header(gathered: Gathered, shown: list[Shown]) -> Html:
    about = gathered.about
    kind = "not live: recorded" if about.source.kind == "live" else "recorded, not a live host"
    name = about.host.name or "(host name not known)"
    heading = tag(
        "h1",
        tag("span", _icon(), "HugeScope report", class_="brand"),
        tag("span", name),
        tag("span", kind, class_="tag"),
    )
    cells = sum(sum(one.counts().values()) for one in shown)
    present = sum(one.present_bytes() for one in shown)
    report = gathered.snapshot.report
    captured = about.source.kind == "capture"
    pairs: list[tuple[str, str]] = [
        ("captured tree, read at" if captured else "shown as of", tag("b", clock(about.taken_at))),
        (
            "range",
            f"{duration(gathered.until_s - gathered.since_s)} from {clock(gathered.since_s)}",
        ),
        ("kernel", f"Linux {about.host.kernel}" if about.host.kernel else UNKNOWN),
        ("processes", number("total.processes", len(gathered.snapshot.processes))),
        ("mappings", number("total.mappings", len(shown))),
        ("cells", number("total.cells", cells)),
        ("present", number("total.present", present, bytes_=True)),
        (
            "findings of the host",
            number("total.findings", len(report.findings) if report else None),
        ),
        ("source", source_words(gathered)),
    ]
    if gathered.pids is not None:
        pairs.append(("only processes", ", ".join(map(str, sorted(gathered.pids)))))
    notes = []
    if gathered.losses or gathered.gaps:
        times = plural(len(gathered.losses) + len(gathered.gaps), "stretch", "stretches")
        words = f"Of {times} of this range nothing is known: the last part says when, and why."
        notes.append(tag("p", words, class_="notice notice-late"))
    broken = tag(
        "p",
        "Maps and charts could not be drawn; they need a browser of 2024 or later, with "
        "JavaScript. The numbers do not.",
        id="not-drawn",
        class_="notice notice-late",
        hidden=True,
    )
    without = tag(
        "noscript",
        tag(
            "p", "Maps and charts need JavaScript; the numbers do not.", class_="notice notice-late"
        ),
    )
    return tag("header", heading, facts(pairs), *notes, broken, without)


def _snapshot(gathered: Gathered, shown: list[Shown]) -> tuple[Html, str]:
    """The snapshot as JSON, and words on it; left out where it would outweigh all the rest."""
    runs = sum(len(one.mapping.runs) for one in shown)
    if runs > MAX_RUNS:
        return Html(""), (
            f"Its {integer(runs)} runs of equal cells are left out: they would outweigh all else. "
            "`hugescope cat FILE --at TIME` prints them."
        )
    words = "All of it stands in this page as JSON too, in the element #snapshot."
    return json_block("snapshot", gathered.snapshot.model_dump_json()), words


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _block(name: str, packed: str) -> Html:
    return Html(f'<script type="application/octet-stream" id="{name}">{packed}</script>')


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _own(name: str) -> str:
    return (files("hugescope.report") / name).read_text(encoding="utf-8")


def _colors() -> str:
    """Colours of swatches, of cells up to 2 MiB and of 1 GiB."""
    rules = []
    for group, page_size in (("mib", 2 << 20), ("gib", 1 << 30)):
        for paint in range(1, PAINTS):
            light, dark = (color_of(paint, theme, page_size) for theme in ("light", "dark"))
            rules.append(f".paint-{group}-{paint}{{background-color:light-dark({light},{dark})}}")
    for at in range(4):
        rules.append(f".series-{at}{{color:light-dark({hue('light', at)},{hue('dark', at)})}}")
    return "".join(rules)


def _icon() -> Html:
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="6" height="6" fill="{fill}"/>'
        for x, y, fill in (
            *((x, y, "#6899fa") for x, y in ((6, 6), (13, 6), (6, 13), (20, 13), (13, 20))),
            *((x, y, "#2b3542") for x, y in ((20, 6), (6, 20), (20, 20))),
            (13, 13, "#f07a1f"),
        )
    )
    return Html(
        '<svg viewBox="0 0 32 32" aria-hidden="true">'
        f'<rect width="32" height="32" rx="6" fill="#10151c"/>{squares}</svg>'
    )
