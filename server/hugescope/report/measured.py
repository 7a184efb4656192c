"""What was measured and how: what the agent could read, what is missing, and what it cost."""

from __future__ import annotations

from hugescope import __version__
from hugescope.archived import loss_words
from hugescope.report.gather import GAP_S, Gathered
from hugescope.report.html import Html, tag
from hugescope.report.plotly_js import PlotlyJs
from hugescope.report.tables import facts, number, section, table
from hugescope.report.words import UNKNOWN, clock, duration, plural, size
from hugescope_wire.snapshot import Capabilities

_CAPABILITIES = (
    ("pfn", "page frame numbers"),
    ("kpageflags", "kpageflags, kpagecount"),
    ("pagemap_scan", "PAGEMAP_SCAN"),
    ("procmap_query", "PROCMAP_QUERY"),
    ("hgm", "HGM mappings"),
)


def measured_section(
    gathered: Gathered, plotly: PlotlyJs, page_bytes: int, snapshot_words: str
) -> Html:
    """All of it."""
    about, cost = gathered.about, gathered.about.cost
    pairs: list[tuple[str, str]] = [
        ("source", source_words(gathered)),
        ("host", about.host.name or UNKNOWN),
        ("kernel", f"Linux {about.host.kernel}" if about.host.kernel else UNKNOWN),
        ("boot", about.host.boot_id or UNKNOWN),
        ("range", f"{clock(gathered.since_s)} to {clock(gathered.until_s)}"),
        ("frames in it", number("frames", gathered.frames)),
    ]
    if cost is not None:
        pairs += [
            ("agent's CPU", f"{cost.cpu_percent:.1f} % of a core"),
            ("tick", f"{cost.tick_ms:.2f} ms, {cost.tick_hz:.1f} a second"),
            ("agent's memory", size(cost.rss_bytes) if cost.rss_bytes is not None else UNKNOWN),
            ("cells watched", number("cost.cells", cost.cells)),
            ("all re-read in", UNKNOWN if cost.refresh_s is None else duration(cost.refresh_s)),
        ]
    skipped = about.skipped
    pairs.append(
        (
            "processes not read",
            f"{skipped.denied} denied, {skipped.failed} failed, {skipped.gone} left",
        )
    )
    return section(
        "What was measured, and how",
        facts(pairs),
        _capabilities(about.capabilities),
        _limits(gathered),
        _missing(gathered),
        *_how(plotly, page_bytes, snapshot_words),
        name="measured",
    )


def source_words(gathered: Gathered) -> str:
    """Where the frames are from."""
    kind = gathered.about.source.kind
    if gathered.live:
        return "a captured tree" if kind == "capture" else "recorded for this report"
    of = {"live": "", "capture": " of a captured tree", "replay": " of a replay"}[kind]
    return f"recording{of}: {gathered.name}"


def _capabilities(known: Capabilities) -> Html:
    lines = []
    for name, words in _CAPABILITIES:
        has = getattr(known, name)
        mark = tag("span", "✓" if has else "✗", class_="yes" if has else "no", aria_hidden="true")
        said = tag("span", "" if has else " not there", class_="unseen")
        lines.append(tag("li", mark, " ", words, said, class_=None if has else "muted"))
    return tag("ul", *lines, class_="legend capabilities")


def _limits(gathered: Gathered) -> Html:
    limits = gathered.about.limits
    if not limits:
        return tag("p", "Nothing that this kernel has was out of reach.", class_="note")
    rows = [[one.capability, one.reason, one.cost, one.remedy or "–"] for one in limits]
    return table(
        "what is missing", ("missing", "why", "what that costs", "how to get it"), rows, wide=True
    )


def _missing(gathered: Gathered) -> Html:
    """Times of which nothing is known."""
    words = [loss_words(loss) for loss in gathered.losses]
    words += [
        f"no frame came from {clock(gap.since_s)} to {clock(gap.until_s)}, "
        f"{duration(gap.until_s - gap.since_s)}: what was then is not known"
        for gap in gathered.gaps
    ]
    if not words:
        return tag(
            "p",
            f"No loss, and no frame that came later than {duration(GAP_S)} after the one before.",
            class_="note",
        )
    head = plural(len(words), "time") + " of which nothing is known (shaded in the charts):"
    return tag(
        "div",
        tag("p", head),
        tag("ul", *(tag("li", one) for one in words)),
        class_="notice notice-late",
        id="missing",
    )


def _how(plotly: PlotlyJs, page_bytes: int, snapshot_words: str) -> list[Html]:
    return [
        tag(
            "p",
            "Cells are what the page tables held at that moment, one huge page each: state, the "
            "kernel's mapcount, mappings found by joining all processes (mappers), and the NUMA "
            "node. What is inferred says so; what could not be read is unknown, never 0. A page "
            f"that comes and goes between two looks is not seen. {snapshot_words}",
            class_="note",
        ),
        tag(
            "p",
            f"Made by HugeScope {__version__} with plotly.js {plotly.version} ({plotly.kind}, MIT)."
            f" This page is {size(page_bytes)} and loads nothing; plotly is most of it.",
            class_="note",
        ),
    ]
