"""The server: takes agents' frames, keeps each host's present picture, feeds viewers."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed_version() -> str:
    try:
        return version("hugescope")
    except PackageNotFoundError:
        return "unknown"


SERVER_VERSION: Final = _installed_version()
"""Of the installed distribution; "unknown" when run from a checkout that is not installed."""
