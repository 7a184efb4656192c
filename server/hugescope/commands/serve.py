"""`hugescope serve`: the server alone; agents connect to it."""

from __future__ import annotations

import sys
from typing import Final

from hugescope.serving import (
    Address,
    BehindProxy,
    Host,
    Listening,
    NoHistory,
    Port,
    StateDir,
    TlsCert,
    TlsKey,
    settings_of,
    tell_once,
)

NAME: Final = "serve"


def run(
    host: Host = None,
    port: Port = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    behind_proxy: BehindProxy = False,
    state_dir: StateDir = None,
    no_history: NoHistory = False,
) -> None:
    """Serve browsers and take agents in, until stopped."""
    Listening(
        settings_of(host, port, tls_cert, tls_key, behind_proxy, state_dir, no_history)
    ).serve(announce)


def announce(address: Address) -> None:
    """Say where to look; what is no terminal may be a log, and gets nothing that opens."""
    if sys.stdout.isatty():
        announce_once(address)
        return
    print(f"HugeScope is at {address.base}")
    state_dir = address.store.directory
    print(f"To log in: `hugescope token url --state-dir {state_dir}`", flush=True)


def announce_once(address: Address) -> None:
    """With a URL that opens it, once."""
    print(f"HugeScope is at {address.one_time()}")
    tell_once(address)
    print(f"A browser that is logged in finds it at {address.base}", flush=True)
