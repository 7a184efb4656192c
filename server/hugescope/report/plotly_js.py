"""The plotly.js that goes into a page: once, compressed, and unpacked by the browser.

The smallest is what the app's own build leaves beside its chunks, the cartesian bundle; without a
built front end it is the whole one that the Python package carries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import plotly

BUNDLE: Final = "plotly-cartesian.min.js"
"""As vite.config.ts names it."""

_VERSION: Final = re.compile(r"plotly\.js (?:\(cartesian - minified\) )?v([0-9][0-9a-z.-]*)")


@dataclass(frozen=True, slots=True)
class PlotlyJs:
    """A script that leaves `window.Plotly`."""

    text: str
    version: str
    kind: str


def plotly_js(static_dir: Path) -> PlotlyJs:
    """The smallest that is installed.

    Raises:
        OSError: there is none.
    """
    own = static_dir / BUNDLE
    if own.is_file():
        return _read(own, "cartesian bundle")
    package = Path(str(plotly.__file__)).parent / "package_data" / "plotly.min.js"
    return _read(package, "whole bundle")


def _read(path: Path, kind: str) -> PlotlyJs:
    text = path.read_text(encoding="utf-8")
    match = _VERSION.search(text[:500])
    return PlotlyJs(text, match[1] if match else "of unknown version", kind)
