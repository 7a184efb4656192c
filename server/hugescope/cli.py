"""The command line as a whole, and how errors reach the person who typed."""

from __future__ import annotations

import logging
import sys
from typing import Annotated, Any

import typer

from hugescope import __version__
from hugescope.commands import (
    agent,
    capture,
    cat,
    demo,
    diff,
    doctor,
    findings,
    opener,
    page,
    pool,
    record,
    replay,
    report,
    schema,
    serve,
    snapshot,
    token,
    up,
)
from hugescope.errors import CommandError
from hugescope.piped import until_nobody_reads
from hugescope.plain import log_to_stderr, visible, visible_lines
from hugescope_agent.errors import AgentError, ProcessError
from hugescope_wire.errors import WireError

_UsageError: Any = typer.BadParameter.__base__
"""The base of every complaint about arguments; typer exports no name for it."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # As rich markup a help text would lose its "[default: ...]", and keep line ends of its source.
    rich_markup_mode="markdown",
    help="See how Linux hosts' huge pages are mapped.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"hugescope {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say more on stderr; twice: all.")
    ] = 0,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and end.")
    ] = False,
) -> None:
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    log_to_stderr(level)


COMMANDS = (
    *(snapshot, page, pool, findings, doctor),
    *(up, demo, serve, agent, opener),
    *(record, replay, cat, diff, report, capture, schema),
)
for command in COMMANDS:
    app.command(name=command.NAME)(command.run)
app.add_typer(token.app, name=token.NAME)


def run() -> None:
    """Run a command; an error of the input is one line on stderr, and the exit code is not 0."""
    with until_nobody_reads():
        _run()


def _run() -> None:
    try:
        sys.exit(app(standalone_mode=False))
    except _UsageError as error:
        context = error.ctx.command_path if error.ctx else "hugescope"
        if not error.format_message():
            sys.exit(2)  # no command was given, and the help was printed
        said = visible_lines(error.format_message())
        print(f"{context}: {said} (see `{context} --help`)", file=sys.stderr)
        sys.exit(2)
    except (CommandError, AgentError, ProcessError, WireError) as error:
        print(f"hugescope: {visible_lines(str(error))}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        raise
    except OSError as error:
        place = visible(str(error.filename or "I/O"))
        print(f"hugescope: {place}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
