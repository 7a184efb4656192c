"""The command line, on top of agent and server."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("hugescope")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0"
