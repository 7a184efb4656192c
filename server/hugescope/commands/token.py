"""`hugescope token`: who may look, and which agents may speak for which host."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hugescope.durations import seconds_of
from hugescope.errors import CommandError
from hugescope.serving import StateDir, one_time_url, server_errors

if TYPE_CHECKING:
    from hugescope_server.auth.principal import Role
    from hugescope_server.auth.records import TokenRecord
    from hugescope_server.auth.store import TokenStore

NAME: Final = "token"

app = typer.Typer(
    no_args_is_help=True, help="Make, list and revoke what agents and people log in with."
)

_MAX_S: Final = 10 * 366 * 86_400.0


@app.command()
def create(
    role: Annotated[
        str,
        typer.Option(
            help="agent; metrics; viewer; operator, who sees addresses; admin, tokens too."
        ),
    ],
    host_id: Annotated[
        str | None, typer.Option(help="With role agent: the one host it may speak for.")
    ] = None,
    label: Annotated[str, typer.Option(help="For people: who or what it is for.")] = "",
    expires: Annotated[
        str | None, typer.Option(help="Such as 12h or 30d; absent: when it is revoked.")
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Make a token and print it, once: only its hash is kept."""
    lasts_s = None if expires is None else seconds_of("--expires", expires)
    if lasts_s is not None and lasts_s > _MAX_S:
        raise CommandError(f"--expires {expires}: ten years at most")
    wanted = _role(role)
    if (wanted == "agent") != (host_id is not None):
        raise CommandError("--host-id: is needed with --role agent, and is for that role only")
    with _store(state_dir) as store:
        try:
            text, record = store.create(wanted, host_id, label, lasts_s)
        except ValueError as error:
            raise CommandError(_first_line(error)) from None
    print(text)
    print(f"hugescope: token {record.id}, {_until(record)}; keep it safe", file=sys.stderr)


@app.command("list")
def list_(
    sessions: Annotated[
        bool, typer.Option("--sessions", help="Browsers that are logged in, too.")
    ] = False,
    state_dir: StateDir = None,
) -> None:
    """List tokens, without what is secret of them."""
    with _store(state_dir) as store:
        kept = [one for one in store.tokens() if sessions or not one.is_session]
    for one in kept:
        kind = "session" if one.is_session else one.host_id or ""
        print(f"{one.id}  {one.role:8}  {kind:20}  {_until(one):32}  {one.label}".rstrip())
    if not kept:
        print("hugescope: no tokens", file=sys.stderr)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `hugescope token list` has it")],
    state_dir: StateDir = None,
) -> None:
    """End a token or a session at once; its open connections end within seconds."""
    with _store(state_dir) as store:
        record = store.revoke(token_id)
    if record is None:
        raise CommandError(f"{token_id}: no token or session has this id")
    print(f"hugescope: {record.id} ({record.role}) is revoked", file=sys.stderr)


@app.command()
def url(
    role: Annotated[
        str, typer.Option(help="viewer, operator or admin: what the browser may do.")
    ] = "operator",
    base: Annotated[
        str | None,
        typer.Option("--url", help="The server's URL.  [default: where it was started last]"),
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Print a URL that logs one browser in, once, in the next ten minutes."""
    wanted = _role(role)
    if not wanted.logs_in:
        raise CommandError(f"--role {role}: has a token, and opens no URL")
    started_at = base or _noted_url(state_dir)
    with _store(state_dir) as store:
        print(one_time_url(store, started_at, role=wanted))


@contextlib.contextmanager
def _store(state_dir: Path | None) -> Iterator[TokenStore]:
    with server_errors():
        store = _untouched(state_dir)
        store.check()
        yield store


def _noted_url(state_dir: Path | None) -> str:
    """Where a server of this directory was reached; nothing is created where there was none."""
    with server_errors():
        store = _untouched(state_dir)
        noted = store.noted_url()
    if noted is None:
        raise CommandError(
            f"no server was started with the state directory {store.directory}: run this as "
            "the server's user, or give its --state-dir, or --url"
        )
    return noted


def _untouched(state_dir: Path | None) -> TokenStore:
    from hugescope_server.auth.state_dir import default_state_dir
    from hugescope_server.auth.store import TokenStore

    return TokenStore(state_dir or default_state_dir())


def _role(text: str) -> Role:
    from hugescope_server.auth.principal import Role

    try:
        return Role(text)
    except ValueError:
        raise CommandError(f"--role {text}: is none of {', '.join(Role)}") from None


def _until(record: TokenRecord) -> str:
    if record.revoked_at is not None:
        return f"revoked {_day(record.revoked_at)}"
    if record.expires_at is None:
        return "until revoked"
    return f"until {_day(record.expires_at)}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _first_line(error: ValueError) -> str:
    """What pydantic found, without its links and without the value."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        field = "".join(f"--{part}".replace("_", "-") for part in first["loc"][:1])
        return f"{field}: {first['msg']}"
    return str(error)
