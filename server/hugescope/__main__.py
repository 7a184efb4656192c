"""`hugescope`: the entry point. Imports late, so that Ctrl-C while it starts is no traceback."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it with code 130."""
    try:
        from hugescope.cli import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
