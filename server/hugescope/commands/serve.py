"""`hugescope serve`: the server alone; agents connect to it."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from hugescope.serving import Listening, settings_of

NAME: Final = "serve"

Host = Annotated[
    str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]", show_default=False)
]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="0: any free one.  [default: 8765]", show_default=False),
]
AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Listen beyond loopback, though nobody must log in.")
]


def run(host: Host = None, port: Port = None, allow_remote: AllowRemote = False) -> None:
    """Serve browsers and take agents in, until stopped."""
    Listening(settings_of(host, port, allow_remote)).serve(announce)


def announce(url: str) -> None:
    """Say where to look."""
    print(f"HugeScope is at {url}", flush=True)
