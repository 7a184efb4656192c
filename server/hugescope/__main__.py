"""`hugescope`: the entry point. Imports late, so that Ctrl-C while it starts is no traceback."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it with code 130."""
    try:
        from hugescope.cli import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        # Another Ctrl-C would meet the interpreter while it ends, which prints a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
