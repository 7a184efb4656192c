"""Pixels of the map, with the legend's colours and the classes of what is there.

All of one moment: between two readings cells may change, and the page may move.
"""

from typing import Any, NamedTuple

from tests.browser.screen import Screen

# The most frequent colour around the middle of each cell: a hatch covers less than half of it.
_LOOK = """([asked, step]) => {
    const mapping = window.__hugescope?.mapping;
    const canvas = document.querySelector('[data-testid=heatmap-canvas]');
    if (!mapping || !canvas) return null;
    const box = canvas.getBoundingClientRect();
    const scale = [canvas.width / box.width, canvas.height / box.height];
    // Neighbours may stand at the two ends of two rows: then by the columns that lie between them.
    const size = (one, other, axis) => {
        const [a, b] = [mapping.centerOf(one), mapping.centerOf(other)];
        if (!a || !b) return 0;
        const [from, to] = [mapping.entryOf(one), mapping.entryOf(other)];
        const columns = from.row === to.row ? 1 : Math.abs(to.column - from.column) || 1;
        return Math.abs(b[axis] - a[axis]) / (axis === 'x' ? columns : 1);
    };
    const last = mapping.info.cell_count - 1;
    const across = Math.max(size(0, step, 'x'), size(last, last - step, 'x')) || 8;
    const down = size(0, Math.min(512 * step, last), 'y') || 8;
    const width = Math.max(1, Math.min(8, Math.floor(across * scale[0]) - 2));
    const height = Math.max(1, Math.min(8, Math.floor(down * scale[1]) - 2));
    const colorAt = cell => {
        const at = mapping.centerOf(cell);
        if (!at) return null;
        const x = Math.floor((at.x - box.left) * scale[0] - (width - 1) / 2);
        const y = Math.floor((at.y - box.top) * scale[1] - (height - 1) / 2);
        const pixels = canvas.getContext('2d').getImageData(x, y, width, height).data;
        const counts = new Map();
        for (let i = 0; i < pixels.length; i += 4) {
            const color = pixels.slice(i, i + 3).join(', ');
            if (pixels[i + 3] === 255) counts.set(color, (counts.get(color) ?? 0) + 1);
        }
        return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
    };
    const lines = document.querySelectorAll('[data-testid=legend] [data-key]');
    return [
        asked.map(colorAt),
        asked.map(cell => mapping.keyOf(cell)),
        Object.fromEntries([...lines].map(one => [
            one.dataset.key,
            getComputedStyle(one.querySelector('.swatch'))
                .backgroundColor.replace(/^rgb.|.$/g, ''),
        ])),
    ];
}"""


class Look(NamedTuple):
    """What is drawn at each cell that was asked for, and what the legend has."""

    colors: list[str | None]
    """"red, green, blue"."""
    keys: list[str | None]
    """Keys of classes."""
    swatches: dict[str, str]
    """Colours by the keys of classes."""


def look(screen: Screen, cells: list[int], step: int = 1) -> Look:
    """Now; empty without a map. `step`: cells from the middle of a square to that of the next."""
    found: Any = screen.page.evaluate(_LOOK, [cells, step])
    return Look(*(found or ([None] * len(cells), [None] * len(cells), {})))


def shows_colors(screen: Screen, asked: dict[int, str], what: str, step: int = 1) -> None:
    """Return once each cell has the colour that the legend has for this class."""

    def wrong() -> dict[int, Any]:
        now = look(screen, list(asked), step)
        pairs = zip(asked.items(), now.colors, strict=True)
        return {at: (name, color) for (at, name), color in pairs if color != now.swatches.get(name)}

    screen.comes_to(wrong, lambda cells: not cells, f"the legend's colours by {what} at {asked}")
