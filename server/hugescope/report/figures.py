"""The plots of a report, made with plotly's graph_objects, once for each theme.

Numbers are the same in both themes, so of the dark one only what differs is kept. No text in a plot
is anybody's but ours: plotly reads some of it as markup.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import plotly.graph_objects as go

from hugescope.report.gather import Gap, Gathered, Point
from hugescope.report.maps import Grid, Mark
from hugescope.report.palette import PAINTS, POISONED, Theme, color_of, state_paint
from hugescope.report.words import size
from hugescope_wire.cells import CellState
from hugescope_wire.view import TABLE_ENTRIES

Figure = dict[str, Any]

_INK: Final[dict[Theme, dict[str, str]]] = {
    "light": {"text": "#55606e", "line": "#d5dae1", "gap": "#fff3d6"},
    "dark": {"text": "#98a4b3", "line": "#2c3541", "gap": "#2e2410"},
}
_HUES: Final[dict[Theme, tuple[str, ...]]] = {
    "light": ("#2450b8", "#c25400", "#55606e", "#1b7774"),
    "dark": ("#6899fa", "#ff9a4d", "#98a4b3", "#02ffba"),
}
DASHES: Final = ("solid", "dash", "dot", "dashdot")
_FONT: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_MONO: Final = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'
_NUMBERS: Final = ("x", "y", "z", "customdata", "text")
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
COUNTERS: Final = ("total", "free", "reserved", "surplus")

ORDER: Final = (
    *(CellState.MAPPED, CellState.FULL, CellState.SPLIT, CellState.PARTIAL, CellState.SMALL),
    *(CellState.MARKER, CellState.MIGRATING, CellState.POISONED, CellState.HOLE),
)
"""Of a stack, from below."""

ROW_PX: Final = 40
MAP_PX: Final = 400


def both(make: Callable[[Theme], go.Figure]) -> Figure:
    """A figure, and under `dark` what is different in the dark."""
    light, dark = (json.loads(make(theme).to_json()) for theme in ("light", "dark"))
    for figure in (light, dark):
        figure["layout"].pop("template", None)
    for trace in dark["data"]:
        for name in _NUMBERS:
            trace.pop(name, None)
    return {**light, "dark": dark}


def heatmap(grid: Grid) -> Figure:
    """One mapping by state; squares with poisoned or migrating cells are marked as well."""
    return both(lambda theme: _heatmap(grid, theme))


def _heatmap(grid: Grid, theme: Theme) -> go.Figure:
    rows, columns = grid.paints.shape
    height = min(ROW_PX, max(6, MAP_PX // rows)) * rows
    marks = grid.marks()
    figure = go.Figure(
        [
            go.Heatmap(
                z=grid.paints,
                customdata=grid.codes,
                zmin=-0.5,
                zmax=PAINTS - 0.5,
                colorscale=_scale(theme, grid.info.page_size),
                showscale=False,
                hoverinfo="none",
                ygap=1 if rows <= TABLE_ENTRIES // 4 else 0,
            ),
            go.Scatter(
                x=[mark.column for mark in marks],
                y=[mark.row for mark in marks],
                mode="markers",
                hoverinfo="skip",
                marker=_signs(marks, theme, grid.info.page_size),
            ),
        ]
    )
    figure.update_layout(_layout(theme, height + 56, left=112))
    each = grid.cells_each
    x_title = "entry in its page table" if each == 1 else f"squares of {each} cells"
    ticks = list(range(0, columns, max(1, columns // 16))) if columns > 16 else list(range(columns))
    figure.update_xaxes(
        _axis(theme, x_title),
        showgrid=False,
        tickvals=ticks,
        ticktext=[str(_entry(grid, tick)) for tick in ticks],
        range=[-0.5, columns - 0.5],
    )
    step = max(1, -(-rows // 16))
    figure.update_yaxes(
        _axis(theme, ""),
        showgrid=False,
        tickvals=list(range(0, rows, step)),
        ticktext=[hex(row_address(grid, row)) for row in range(0, rows, step)],
        tickfont={"family": _MONO, "size": 11},
        range=[rows - 0.5, -0.5],
    )
    return figure


def _signs(marks: list[Mark], theme: Theme, page_size: int) -> dict[str, Any]:
    ring = [color_of(mark.paint, theme, page_size) for mark in marks]
    return {
        "symbol": [
            "circle-open" if mark.ring else "x-thin" if mark.paint == POISONED else "line-ne"
            for mark in marks
        ],
        "size": [12 if mark.ring else 7 for mark in marks],
        "color": ring,
        "line": {
            "width": [2 if mark.ring else 1.5 for mark in marks],
            "color": [
                color if mark.ring else "#ffffff" for mark, color in zip(marks, ring, strict=True)
            ],
        },
    }


def _entry(grid: Grid, column: int) -> int:
    """What a column is called: of single cells the entry of the page table."""
    if grid.shift:
        return column
    before = (grid.info.start // grid.info.page_size) % TABLE_ENTRIES
    return column + (before if grid.first_column == 0 and grid.paints.shape[0] == 1 else 0)


def row_address(grid: Grid, row: int) -> int:
    """Where a row begins; the first one where the mapping does."""
    columns, info = int(grid.paints.shape[1]), grid.info
    cell_0 = info.start - info.start % info.page_size
    if row == 0:
        return info.start
    before = (cell_0 // info.page_size) % TABLE_ENTRIES
    cells = ((row * columns - grid.first_column) << grid.shift) - (
        before % grid.cells_each if grid.shift else 0
    )
    return cell_0 + cells * info.page_size


def _scale(theme: Theme, page_size: int) -> list[list[Any]]:
    """A colour for each paint, without anything between."""
    scale: list[list[Any]] = [[0.0, "rgba(0,0,0,0)"], [1 / PAINTS, "rgba(0,0,0,0)"]]
    for paint in range(1, PAINTS):
        color = color_of(paint, theme, page_size)
        scale += [[paint / PAINTS, color], [(paint + 1) / PAINTS, color]]
    scale[-1][0] = 1.0
    return scale


def composition(gathered: Gathered) -> Figure:
    """Memory of the mappings by the state of its cells, stacked."""
    points = gathered.points
    page_size = smallest_page(gathered)
    states = [state for state in ORDER if any(point.states[state] for point in points)]
    top = max((int(point.states.sum()) for point in points), default=0)
    unit, each = _unit(top)

    def make(theme: Theme) -> go.Figure:
        figure = go.Figure()
        for state in states:
            values = [int(point.states[state]) for point in points]
            color = color_of(state_paint(state), theme, page_size)
            figure.add_scatter(
                name=state.label,
                **_series(points, values, gathered.gaps, each),
                stackgroup="states",
                stackgaps="interpolate",
                fillcolor=color,
                line={"width": 0.5, "color": color, "shape": "hv"},
                mode="lines",
                hovertemplate="%{text}",
            )
        return _over_time(figure, gathered, theme, unit)

    return both(make)


def smallest_page(gathered: Gathered) -> int:
    """Whose colours stand for all sizes."""
    sizes = (m.page_size for p in gathered.snapshot.processes for m in p.mappings)
    return min(sizes, default=2 << 20)


def pool_over_time(gathered: Gathered, page_size: int) -> Figure:
    """The host's counters of one page size, in pages."""
    points = gathered.points

    def make(theme: Theme) -> go.Figure:
        figure = go.Figure()
        for at, counter in enumerate(COUNTERS):
            values = [counter_at(point, page_size, counter) for point in points]
            figure.add_scatter(
                name=counter,
                **_series(points, values, gathered.gaps, None),
                line={"width": 1.5, "color": hue(theme, at), "dash": DASHES[at], "shape": "hv"},
                mode="lines",
                hovertemplate="%{text}",
            )
        return _over_time(figure, gathered, theme, "pages")

    return both(make)


def hue(theme: Theme, at: int) -> str:
    """Colour of a series."""
    return _HUES[theme][at % len(_HUES[theme])]


def counter_at(point: Point, page_size: int, counter: str) -> int | None:
    """A counter of the host's pool at that moment; None: not there."""
    for pool in point.pools:
        if pool.page_size == page_size and pool.node is None:
            return pool.model_dump(include={counter})[counter]  # type: ignore[no-any-return]
    return None


def _series(
    points: Sequence[Point],
    values: Sequence[int | None],
    gaps: Sequence[Gap],
    each: int | None,
) -> dict[str, Any]:
    """x, y and words; nothing where nothing was told. `each`: bytes of the unit, None for pages."""
    x: list[datetime] = []
    y: list[float | None] = []
    text: list[str] = []
    ends = {gap.until_s: gap for gap in gaps}
    for point, value in zip(points, values, strict=True):
        gap = ends.get(point.at_s)
        if gap is not None and each is None:
            x.append(_utc((gap.since_s + gap.until_s) / 2))
            y.append(None)
            text.append("")
        x.append(_utc(point.at_s))
        y.append(None if value is None else value / (each or 1))
        text.append("unknown" if value is None else f"{value:,}" if each is None else size(value))
    return {"x": x, "y": y, "text": text}


def _utc(at_s: float) -> datetime:
    # Naive: plotly shows it as it is, whatever the zone of who looks.
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None)


def _over_time(figure: go.Figure, gathered: Gathered, theme: Theme, unit: str) -> go.Figure:
    figure.update_layout(_layout(theme, 220, left=56), hovermode="x unified")
    lost = [(loss.since_s, loss.until_s or gathered.until_s) for loss in gathered.losses]
    for since_s, until_s in (*lost, *((gap.since_s, gap.until_s) for gap in gathered.gaps)):
        if until_s > since_s:
            figure.add_vrect(
                x0=_utc(max(since_s, gathered.since_s)),
                x1=_utc(min(until_s, gathered.until_s)),
                fillcolor=_INK[theme]["gap"],
                line_width=0,
            )
    figure.add_vline(
        x=_utc(gathered.at_s), line={"color": _INK[theme]["text"], "width": 1, "dash": "dot"}
    )
    figure.update_xaxes(
        _axis(theme, "UTC, by the clock of the host"),
        type="date",
        range=[_utc(gathered.since_s), _utc(max(gathered.until_s, gathered.since_s + 1))],
        hoverformat="%H:%M:%S.%L",
        nticks=6,
        unifiedhovertitle={"text": "%{x|%H:%M:%S.%L}"},
    )
    figure.update_yaxes(_axis(theme, unit), rangemode="tozero", nticks=5)
    return figure


def _unit(top: int) -> tuple[str, int]:
    power = 0
    while top >= 1024 ** (power + 1) and power < len(_UNITS) - 1:
        power += 1
    return _UNITS[power], 1024**power


def _layout(theme: Theme, height: int, left: int) -> dict[str, Any]:
    ink = _INK[theme]
    return {
        "height": height,
        "margin": {"l": left, "r": 12, "t": 8, "b": 48, "pad": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "dragmode": "zoom",
        "font": {"family": _FONT, "size": 11, "color": ink["text"]},
        "hoverlabel": {
            "bgcolor": "#ffffff" if theme == "light" else "#1a222c",
            "bordercolor": ink["line"],
            "font": {"family": _FONT, "size": 12, "color": ink["text"]},
        },
    }


def _axis(theme: Theme, title: str) -> dict[str, Any]:
    ink = _INK[theme]
    return {
        "title": {"text": title, "standoff": 6},
        "gridcolor": ink["line"],
        "linecolor": ink["line"],
        "tickcolor": ink["line"],
        "zeroline": False,
        "tickangle": 0,
    }
