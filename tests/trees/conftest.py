"""Captured kernel trees, unpacked once a session."""

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ARCHIVES = Path(__file__).parents[1] / "data" / "trees"
# Debian 12's Python 3.11.2 has no filters yet.
FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
NAMES = sorted(archive.name.removesuffix(".tar.xz") for archive in ARCHIVES.glob("*.tar.xz"))


def unpack(name: str, into: Path) -> Path:
    """Unpack a captured tree; its huge sparse files stay sparse. Gives the directory back."""
    with tarfile.open(ARCHIVES / f"{name}.tar.xz") as archive:
        archive.extractall(into, **FILTER)
    return into


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from a tree's name to its root, for tests that only read it."""
    roots: dict[str, Path] = {}

    def root_of(name: str) -> Path:
        if name not in roots:
            roots[name] = unpack(name, tmp_path_factory.mktemp(name))
        return roots[name]

    return root_of
