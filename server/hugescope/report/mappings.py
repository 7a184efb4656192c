"""Mappings in a report: all of them as numbers, the larger ones as maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hugescope.report.figures import Figure, heatmap
from hugescope.report.gather import Gathered
from hugescope.report.html import Html, joined, tag
from hugescope.report.maps import Grid, count_words, grid_of, node_words
from hugescope.report.palette import (
    SHARED_TABLE,
    SPARSE,
    WRITE_PROTECTED,
    Paint,
    paint_of,
    state_paint,
)
from hugescope.report.tables import fold, number, section, table
from hugescope.report.words import FLAG_WORDS, integer, percent, plural, size
from hugescope_wire.cells import CellState
from hugescope_wire.report import MappingReport
from hugescope_wire.snapshot import Mapping, Process

MAX_MAPS: Final = 40
"""Pictures in one page; what is poisoned or in flight comes first, then what is largest."""

MAX_RUNS: Final = 100
"""Rows of runs that are listed of one mapping."""

_ORDER: Final = (
    *(CellState.POISONED, CellState.MIGRATING, CellState.MAPPED, CellState.FULL),
    *(CellState.SPLIT, CellState.PARTIAL, CellState.SMALL, CellState.MARKER, CellState.HOLE),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A mapping of the snapshot, with what the picture knows of it."""

    process: Process
    mapping: Mapping
    grid: Grid | None
    report: MappingReport | None

    @property
    def key(self) -> str:
        """By which its numbers are found in the page."""
        return f"mapping.{self.process.pid}.{self.mapping.start:x}"

    @property
    def title(self) -> str:
        """Whose it is."""
        return f"{called(self.process)} {self.process.pid}"

    def counts(self) -> dict[str, int]:
        """Cells by state."""
        counts: dict[str, int] = {}
        for run in self.mapping.runs:
            counts[run.state] = counts.get(run.state, 0) + run.count
        return counts

    def present_bytes(self) -> int:
        """Bytes in page tables."""
        return sum(run.count * run.mapped_bytes for run in self.mapping.runs)


def called(process: Process) -> str:
    """What people call it."""
    name = process.comm or "?"
    return name if process.name is None else f"{process.name.name} ({name})"


def shown_of(gathered: Gathered) -> list[Shown]:
    """All mappings of the snapshot, by pid and address; the most telling ones with a map."""
    infos = {
        (process.pid, info.start, info.kind): info
        for process in gathered.about.processes
        for info in process.mappings
    }
    report = gathered.snapshot.report
    reports = {(one.pid, one.start): one for one in (report.mappings if report else ())}
    listed = [(p, m) for p in gathered.snapshot.processes for m in p.mappings]
    drawn = {id(mapping) for _, mapping in sorted(listed, key=_telling)[:MAX_MAPS]}
    shown = []
    for process, mapping in listed:
        info = infos[process.pid, mapping.start, mapping.kind]
        cells = gathered.picture.cells[info.id]
        grid = grid_of(info, cells) if id(mapping) in drawn else None
        shown.append(Shown(process, mapping, grid, reports.get((process.pid, mapping.start))))
    return shown


def _telling(listed: tuple[Process, Mapping]) -> tuple[bool, int]:
    mapping = listed[1]
    harmless = all(run.state not in ("poisoned", "migrating") for run in mapping.runs)
    return (harmless, mapping.start - mapping.end)


def numbers_section(shown: list[Shown]) -> Html:
    """Every mapping in numbers."""
    if not shown:
        return section("Mappings", tag("p", "No process shown here maps huge pages."))
    head = ("process", "address", "page", "memory", "cells", "present", "by state")
    rows = [_row(one) for one in shown]
    total = sum(one.present_bytes() for one in shown)
    beside = joined(
        plural(len(shown), "mapping"),
        ", ",
        number("total.present", total, bytes_=True),
        " in page tables, each mapping counted",
    )
    return section(
        "Mappings",
        table("mappings", head, rows, right=(4, 5), wide=True),
        beside=beside,
        name="mappings",
    )


def _row(one: Shown) -> list[str]:
    mapping, counts, key = one.mapping, one.counts(), one.key
    kind = "THP" if mapping.kind == "thp" else ""
    return [
        one.title,
        tag("span", f"0x{mapping.start:x}–0x{mapping.end:x}", class_="mono"),
        tag("span", f"{size(mapping.page_size)} {kind}".strip(), class_="one-line"),
        backing_words(mapping),
        number(f"{key}.cells", sum(counts.values())),
        number(f"{key}.present", one.present_bytes(), bytes_=True),
        joined(*_states(key, counts)),
    ]


def _states(key: str, counts: dict[str, int]) -> list[str]:
    parts: list[str] = []
    for state in _ORDER:
        if counts.get(state.label):
            parts += [", "] if parts else []
            parts += [number(f"{key}.state.{state.label}", counts[state.label]), f" {state.label}"]
    return parts


def backing_words(mapping: Mapping) -> str:
    """What it maps."""
    shared = "shared" if mapping.shared else "private"
    return " ".join(filter(None, (shared, mapping.backing.kind, mapping.backing.name)))


def maps_section(shown: list[Shown]) -> tuple[Html, list[Figure]]:
    """The maps, and the figures that the page's script draws into them."""
    figures: list[Figure] = []
    parts: list[str] = []
    for one in shown:
        if one.grid is not None:
            parts.append(_map(one, one.grid, len(figures)))
            figures.append(_with_places(one, one.grid))
    if len(figures) < len(shown):
        parts.insert(0, tag("p", _left_out(len(shown), len(figures)), class_="notice"))
    if not parts:
        return Html(""), []
    return section("Maps", *parts, name="maps"), figures


def _left_out(total: int, drawn: int) -> str:
    return (
        f"{drawn} of {total} mappings are drawn, those with poisoned or migrating pages first, "
        "then the largest; the numbers above are of all."
    )


def _map(one: Shown, grid: Grid, figure: int) -> Html:
    mapping = one.mapping
    title = tag(
        "h3",
        tag("b", one.title),
        " ",
        tag("span", f"0x{mapping.start:x}–0x{mapping.end:x}", class_="mono"),
        " ",
        tag(
            "span",
            f"{size(mapping.end - mapping.start)} of {size(mapping.page_size)} pages, ",
            backing_words(mapping),
            class_="beside",
        ),
        class_="map-title",
    )
    plot = tag(
        "div",
        tag("div", class_="plot plot-map", data_figure=figure),
        class_="plot-box",
        tabindex=0,  # where it is wider than the window, keys scroll it
        role="img",
        aria_label=f"map of the mapping at 0x{mapping.start:x}: {_aria(one)}",
    )
    return tag(
        "article",
        title,
        _coarse(grid),
        _legend(one, grid),
        plot,
        _facts(one),
        _runs(one),
        class_="map",
    )


def _aria(one: Shown) -> str:
    counts = one.counts()
    return ", ".join(f"{integer(counts[s.label])} {s.label}" for s in _ORDER if counts.get(s.label))


def _coarse(grid: Grid) -> Html:
    if grid.shift == 0:
        return Html("")
    each = size(grid.cells_each * grid.info.page_size)
    return tag(
        "p",
        f"Coarser than the cells: one square is {grid.cells_each} cells, {each}. It shows what "
        "most of them are; poisoned and migrating cells always show. The numbers are of cells.",
        class_="note",
        data_factor=grid.cells_each,
    )


def _legend(one: Shown, grid: Grid) -> Html:
    """Cells by state, then squares in colours that stand for more than a state."""
    counts, lines = one.counts(), []
    total = sum(counts.values())
    for state in _ORDER:
        if counts.get(state.label):
            paint = state_paint(state)
            words = paint_of(paint, grid.info.page_size)
            count = number(f"{one.key}.legend.{state.label}", counts[state.label])
            share = tag("span", percent(counts[state.label], total), class_="muted")
            lines.append(_line(words, paint, grid, tag("b", count), " ", share))
    for paint in (SHARED_TABLE, WRITE_PROTECTED, SPARSE):
        if squares := int(grid.counts[paint]):
            unit = "cell" if grid.shift == 0 else "square"
            before = "" if paint == SPARSE else "of these "
            words = paint_of(paint, grid.info.page_size)
            lines.append(_line(words, paint, grid, tag("b", plural(squares, unit)), before=before))
    return tag("ul", *lines, class_="legend")


def _line(words: Paint, paint: int, grid: Grid, *count: str, before: str = "") -> Html:
    size_class = "gib" if grid.info.page_size >= 1 << 30 else "mib"
    swatch = tag(
        "span",
        class_=f"swatch swatch-{words.pattern} paint-{size_class}-{paint}",
        aria_hidden="true",
    )
    return tag("li", swatch, f" {before}{words.label} ", *count)


def _facts(one: Shown) -> Html:
    """What the host's report adds of this mapping."""
    levels, report, mapping = one.mapping.level_bytes, one.report, one.mapping
    by_level: list[str] = []
    for name in ("pud", "pmd", "pte"):
        by_level += [" / "] if by_level else []
        by_level.append(number(f"{one.key}.level.{name}", getattr(levels, name), bytes_=True))
    pairs: list[tuple[str, str]] = [("mapped by PUD / PMD / PTE", joined(*by_level))]
    flags = "unknown" if mapping.vm_flags is None else " ".join(mapping.vm_flags)
    pairs.append(("VmFlags", tag("span", flags, class_="mono")))
    if report is not None:
        pairs += _report_facts(one.key, report)
    return tag(
        "dl", *(tag("div", tag("dt", k), tag("dd", v)) for k, v in pairs), class_="facts facts-line"
    )


def _report_facts(key: str, report: MappingReport) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    if report.policy is not None and report.policy.mode != "default":
        pairs.append(("NUMA policy", report.policy.text))
        misplaced = number(f"{key}.misplaced", report.misplaced_bytes, bytes_=True)
        pairs.append(("on nodes it does not allow", misplaced))
    if report.reserved_pages:
        pairs.append(("reserved, not faulted", number(f"{key}.reserved", report.reserved_pages)))
    if report.lost_pages:
        pairs.append(("poisoned or migrating by smaps", number(f"{key}.lost", report.lost_pages)))
    if report.split is not None and report.split.pages != 0:
        pairs.append(("split pages", number(f"{key}.split", report.split.pages)))
    if report.uffd:
        pairs.append(("userfaultfd", ", ".join(report.uffd)))
    return pairs


def _runs(one: Shown) -> Html:
    runs = one.mapping.runs
    head = ("first cell", "count", "state", "mapped, each", "mapcount", "mappers", "node", "flags")
    rows = [
        [
            integer(run.first),
            integer(run.count),
            run.state,
            size(run.mapped_bytes),
            *_counts(run.state, run.mapcount, run.mappers, run.node),
            ", ".join(FLAG_WORDS[flag] for flag in run.flags) or "none",
        ]
        for run in runs[:MAX_RUNS]
    ]
    more = len(runs) - len(rows)
    rest = tag("p", f"and {plural(more, 'more run')}", class_="note") if more else Html("")
    summary = f"{plural(len(runs), 'run')} of equal cells as a table"
    made = table(f"runs of {one.title}", head, rows, right=(0, 1, 3, 4, 5, 6), wide=True)
    return fold(summary, made, rest)


def _counts(state: str, *counts: int | None) -> list[str]:
    if state in ("hole", "marker", "poisoned", "migrating"):
        return ["–", "–", "–"]
    mapcount, mappers, node = counts
    return [count_words(mapcount), count_words(mappers), node_words(node)]


def _with_places(one: Shown, grid: Grid) -> dict[str, Any]:
    """The figure, and what the script needs to say which cells a square is."""
    info, mapping = grid.info, one.mapping
    before = (info.start // info.page_size) % grid.cells_each if grid.shift else 0
    return {
        **heatmap(grid),
        "map": {
            "words": grid.words,
            "columns": grid.paints.shape[1],
            "firstColumn": grid.first_column,
            "each": grid.cells_each,
            "before": before,
            "cells": info.cell_count,
            "cell0": info.start - info.start % info.page_size,
            "start": info.start,
            "pageSize": info.page_size,
            "offset": None if mapping.backing.kind == "anonymous" else mapping.backing.offset,
            "guest": None if mapping.guest is None else mapping.guest.offset,
        },
    }
