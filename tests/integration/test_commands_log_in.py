"""`up`, `serve` and the agent as people start them: one command, a one-time URL, and clean logs."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from hugescope_server.auth.principal import Role
from hugescope_server.auth.secret import SECRET_PATTERN
from hugescope_server.auth.store import TokenStore
from tests.integration.live_server import PATIENCE_S
from tests.kernel import commands
from tests.kernel.commands import children_of
from tests.unit.agent.tree_builder import MadeTree, build


class Running:
    """A command, at its most talkative; what it prints and what it logs, apart."""

    def __init__(self, state: Path, words: tuple[str, ...], env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hugescope", "-vv", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HUGESCOPE_STATE_DIR": str(state), **env},
        )
        self.printed: list[str] = []
        self.logged: list[str] = []
        self._readers = [
            threading.Thread(target=lambda: self.printed.extend(self.process.stdout or ())),
            threading.Thread(target=lambda: self.logged.extend(self.process.stderr or ())),
        ]
        for reader in self._readers:
            reader.start()

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def url(self) -> str:
        """The first URL that it printed."""

        def found() -> str | None:
            words = [word for line in list(self.printed) for word in line.split()]
            return next((word for word in words if word.startswith("http")), None)

        return str(until(found, self))


@contextlib.contextmanager
def running(state: Path, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    command = Running(state, words, env or {})
    try:
        yield command
    finally:
        command.end()


def until(true: Callable[[], Any], command: Running) -> Any:
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s and command.process.poll() is None:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"never came: {command.printed} {command.logged}")


def browser(base: str, **more: Any) -> httpx.Client:
    return httpx.Client(base_url=base, trust_env=False, timeout=PATIENCE_S, **more)


def enter(client: httpx.Client, one_time: str) -> int:
    """As the login page's script does."""
    code = one_time.partition("#code=")[2].partition("&")[0]
    return client.post("/api/v1/login", json={"secret": code}).status_code


def lives(pid: int) -> bool:
    """Whether it runs; one that has ended may wait for whoever is to hear of it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


def hosts(client: httpx.Client) -> list[str]:
    answer = client.get("/api/v1/hosts").json()
    return [host["host_id"] for host in answer["hosts"]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What an agent reads, in place of this machine."""
    place = tmp_path / "tree"
    place.mkdir()
    build(place, MadeTree())
    return place


def test_up_is_one_command_and_its_log_holds_nothing(tmp_path: Path, tree: Path) -> None:
    state = tmp_path / "state"
    with running(state, "up", "--port", "0", "--root", str(tree), "--host-id", "box") as up:
        one_time = up.url()
        base, _, code = one_time.partition("/login#code=")
        with browser(base) as client:
            assert client.get("/api/v1/hosts").status_code == 401
            assert enter(client, one_time) == 200
            until(lambda: hosts(client) == ["box"], up)
            (cookie,) = client.cookies.values()
        with browser(base) as other:
            assert enter(other, one_time) == 401
            # What no page of ours does: a token where logs could get it.
            other.get(f"/api/v1/hosts?token={code}")
            printed = subprocess.check_output(
                [sys.executable, "-m", "hugescope", "token", "url", "--state-dir", str(state)],
                text=True,
            )
            assert printed.startswith(f"{base}/login#code=")
            assert enter(other, printed.strip()) == 200
        children = children_of(up.process.pid)
    log = "".join(up.logged)
    assert "not_logged_in" in log
    assert "host box: agent" in log
    assert SECRET_PATTERN.search(log) is None
    for secret in (code, cookie, *cookie.split(".")):
        assert secret not in log
    assert children, "the agent is one"
    commands.until(lambda: not any(map(lives, children)), "the agent's end")
    assert [one for one in TokenStore(state).tokens() if not one.is_session] == []


def test_an_agent_with_a_token_file_and_its_log(tmp_path: Path, tree: Path) -> None:
    state = tmp_path / "state"
    token, record = TokenStore(state).create(Role.AGENT, "box")
    operator, _ = TokenStore(state).create(Role.OPERATOR)
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    with running(state, "serve", "--port", "0") as server:
        base = server.url()
        words = ["--server", base.replace("http", "ws", 1), "--root", str(tree)]
        with (
            browser(base) as client,
            running(state, "agent", *words, "--host-id", "box", "--token-file", str(file)) as agent,
        ):
            client.headers["Authorization"] = f"Bearer {operator}"
            until(lambda: hosts(client) == ["box"], agent)
            assert token not in Path(f"/proc/{agent.process.pid}/cmdline").read_text()
            TokenStore(state).revoke(record.id)
            until(lambda: any("does not know this token" in line for line in agent.logged), agent)
    for log in (agent.logged, server.logged, server.printed, agent.printed):
        assert SECRET_PATTERN.search("".join(log)) is None
    assert any("To log in" in line for line in server.printed)


def test_an_agent_that_names_another_host(tmp_path: Path, tree: Path) -> None:
    state = tmp_path / "state"
    token, _ = TokenStore(state).create(Role.AGENT, "box")
    with running(state, "serve", "--port", "0") as server:
        words = ["--server", server.url().replace("http", "ws", 1), "--root", str(tree)]
        env = {"HUGESCOPE_TOKEN": token}
        with running(state, "agent", *words, "--host-id", "other", env=env) as agent:
            until(lambda: any("this token is for host box" in line for line in agent.logged), agent)
        # The server's line has a way of its own to this process.
        until(lambda: any("wrong_host" in line for line in server.logged), server)
    for log in (agent.logged, server.logged):
        assert token not in "".join(log)


def test_serve_tells_a_terminal_more_than_a_log(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "HUGESCOPE_STATE_DIR": str(tmp_path / "state")}
    command = [sys.executable, "-m", "hugescope", "serve", "--port", "0"]
    said = ""
    with subprocess.Popen(command, stdout=theirs, env=env) as server:
        os.close(theirs)
        try:
            while "logged in finds it" not in said:
                said += os.read(ours, 4096).decode()
        finally:
            server.terminate()
    os.close(ours)
    assert SECRET_PATTERN.search(said) is not None


def test_up_with_tls_reaches_itself(tmp_path: Path, tree: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=box"
    subprocess.run(
        ["openssl", *new.split(), "-keyout", key, "-out", cert], check=True, capture_output=True
    )
    state = tmp_path / "state"
    words = ["--root", str(tree), "--tls-cert", str(cert), "--tls-key", str(key)]
    with running(state, "up", "--port", "0", "--host-id", "box", *words) as up:
        one_time = up.url()
        assert one_time.startswith("https://")
        base = one_time.partition("/login")[0]
        with browser(base, verify=False) as client:
            assert enter(client, one_time) == 200
            until(lambda: hosts(client) == ["box"], up)


def test_a_demo_forgets_who_was_logged_in(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "HUGESCOPE_STATE_DIR"}
    env |= {"TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "hugescope", "demo", "--hgm", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as demo:
        assert demo.stdout is not None
        one_time = next(line for line in demo.stdout if line.startswith("http"))
        assert "&to=%23/host/" in one_time
        with browser(one_time.partition("/login")[0]) as client:
            assert enter(client, one_time) == 200
        assert list(tmp_path.glob("hugescope-demo-*"))
        demo.terminate()
    assert list(tmp_path.glob("hugescope-demo-*")) == []
    assert not (tmp_path / "home").exists()
