"""A server and an agent as people start them, everything that is refused, and what the logs hold.

One run: who has no token, a foreign page, a rebound name, a one-time URL shown twice, a viewer that
asks for what it may not see, an agent that speaks for another host. Each is refused with its code
and logged, and no token, code or cookie stands in any log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.auth.secret import SECRET_PATTERN
from hugescope_server.auth.store import TokenStore
from hugescope_server.settings import ServerSettings
from hugescope_server.veil.places import UNIT_BYTES
from tests.integration.test_commands_log_in import Running, browser, running, until
from tests.unit.agent.tree_builder import (
    MIB2,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    frame,
    mapped,
)
from tests.unit.server.test_every_route import OPEN, flat, path_of
from tests.unit.server.veil.peeping import addresses_in

START = 0x7E12_3440_0000
FIRST_FRAME = 0x2_D5E6
"""Far from every other number that a host tells."""

TRUE = [(0x7000_0000_0000, 1 << 47)]
FRAMES = [(frame(FIRST_FRAME), frame(FIRST_FRAME + 40))]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the agent reads, in place of this machine: a process with a mapping."""
    place = tmp_path / "tree"
    place.mkdir()
    cells = tuple(mapped(FIRST_FRAME + at, exclusive=True) for at in range(8))
    processes = {41: MadeProcess((MadeMapping(START, cells),))}
    build(place, MadeTree(processes=processes, node_border=frame(FIRST_FRAME + 4)))
    return place


class Secrets:
    """Everything that no log may hold."""

    def __init__(self, state: Path) -> None:
        store = TokenStore(state)
        self.agent, self.agent_record = store.create(Role.AGENT, "box")
        self.other_agent, _ = store.create(Role.AGENT, "other")
        self.viewer, self.viewer_record = store.create(Role.VIEWER)
        self.operator, _ = store.create(Role.OPERATOR)
        self.code = store.new_code(Role.VIEWER)
        self.cookies: list[str] = []

    def hits(self, log: str) -> list[str]:
        """What of it stands in a log."""
        tokens = (self.agent, self.other_agent, self.viewer, self.operator, self.code)
        parts = [part for cookie in self.cookies for part in (cookie, *cookie.split("."))]
        bare = [token.split("_", 2)[2] for token in tokens]
        found = [one for one in (*tokens, *bare, *parts) if one in log]
        return found + SECRET_PATTERN.findall(log)


def code_of(answer: httpx.Response, status: int) -> str:
    """Why it was refused."""
    assert answer.status_code == status, answer.text
    return str(answer.json()["code"])


def strangers_get_nothing(base: str) -> None:
    with browser(base) as stranger:
        asked = 0
        for route in flat(create_app(ServerSettings()).routes):
            if not isinstance(route, APIRoute):
                continue
            for method in route.methods or ():
                if (method, path_of(route)) in OPEN:
                    continue
                answer = stranger.request(method, path_of(route))
                assert answer.status_code in (303, 401), (method, path_of(route))
                asked += 1
        assert asked > 12
        assert stranger.get("/api/v1/health").json() == {"status": "ok"}
        assert stranger.get("/login").status_code == 200


def foreign_pages_get_nothing(base: str, secrets: Secrets) -> None:
    with browser(base) as page:
        entered = page.post("/api/v1/login", json={"secret": secrets.code})
        assert entered.status_code == 200
        secrets.cookies += list(page.cookies.values())
        assert page.get("/api/v1/hosts").status_code == 200
        for origin in ("https://evil.example", "null", "http://localhost:1"):
            answer = page.get("/api/v1/hosts", headers={"Origin": origin})
            assert code_of(answer, 403) == "origin_not_allowed"
        answer = page.get("/api/v1/hosts", headers={"Host": "rebound.example"})
        assert code_of(answer, 403) == "host_not_allowed"
    with browser(base) as late:
        replayed = late.post("/api/v1/login", json={"secret": secrets.code})
        assert code_of(replayed, 401)
        assert late.get("/api/v1/hosts").status_code == 401


def viewers_get_no_frames_and_no_addresses(base: str, secrets: Secrets) -> None:
    host = "/api/v1/hosts/box"
    shown = UNIT_BYTES + MIB2
    with browser(base) as client:
        client.headers["Authorization"] = f"Bearer {secrets.viewer}"
        for query in ("pfn=1", "pfn=1&pid=41", "frames=all", "addresses=true"):
            answer = client.get(f"{host}/snapshot?{query}")
            assert code_of(answer, 422) == "unknown_parameter"
        for query in (f"page?pid=41&address={START:#x}", f"page?pid=41&address={START + MIB2:#x}"):
            assert code_of(client.get(f"{host}/{query}"), 403) == "address_hidden"
        for name in ("extents", "extents.csv"):
            answer = client.get(f"{host}/{name}?pid=41&start={START:#x}")
            assert code_of(answer, 403) == "address_hidden"
        assert code_of(client.get("/api/v1/tokens"), 403) == "wrong_role"
        answers = [
            client.get("/api/v1/hosts"),
            client.get(f"{host}/snapshot"),
            client.get(f"{host}/page?pid=41&address={shown:#x}"),
            client.get(f"{host}/extents?pid=41&start={UNIT_BYTES:#x}"),
            client.get(f"{host}/extents.csv?pid=41&start={UNIT_BYTES:#x}"),
        ]
        for answer in answers:
            assert answer.status_code == 200, answer.text
            assert addresses_in(answer.text, [*TRUE, *FRAMES]) == []
        assert answers[2].json()["address"] == shown
        client.headers["Authorization"] = f"Bearer {secrets.operator}"
        page = client.get(f"{host}/page?pid=41&address={START + MIB2:#x}")
        assert page.json()["address"] == START + MIB2
        for answer in (page, client.get(f"{host}/snapshot"), client.get("/api/v1/hosts")):
            assert addresses_in(answer.text, TRUE) != []
            assert addresses_in(answer.text, FRAMES) == []


def other_agents_are_refused(state: Path, base: str, tree: Path, secrets: Secrets) -> str:
    """What the agent logged, which has another host's token."""
    words = ["--server", base.replace("http", "ws", 1), "--root", str(tree), "--host-id", "box"]
    env = {"HUGESCOPE_TOKEN": secrets.other_agent}
    with running(state, "agent", *words, env=env) as agent:
        until(lambda: any("this token is for host other" in line for line in agent.logged), agent)
    return "".join(agent.logged + agent.printed)


def says(command: Running, wanted: str) -> None:
    """Wait until its log has a line like this."""
    until(lambda: re.search(wanted, "".join(command.logged)), command)


@pytest.fixture
def site(tmp_path: Path, tree: Path) -> Iterator[tuple[Path, str, Secrets, list[Running]]]:
    """A server and an agent, at their most talkative."""
    state = tmp_path / "state"
    secrets = Secrets(state)
    with running(state, "serve", "--port", "0") as server:
        base = server.url()
        words = ["--server", base.replace("http", "ws", 1), "--root", str(tree)]
        env = {"HUGESCOPE_TOKEN": secrets.agent}
        with (
            running(state, "agent", *words, "--host-id", "box", env=env) as agent,
            browser(base) as client,
        ):
            client.headers["Authorization"] = f"Bearer {secrets.operator}"
            until(lambda: client.get("/api/v1/hosts").json()["hosts"], agent)
            yield state, base, secrets, [server, agent]


def test_all_that_is_refused_is_logged_and_no_secret_is(
    site: tuple[Path, str, Secrets, list[Running]], tree: Path
) -> None:
    state, base, secrets, commands = site
    strangers_get_nothing(base)
    foreign_pages_get_nothing(base, secrets)
    viewers_get_no_frames_and_no_addresses(base, secrets)
    others = other_agents_are_refused(state, base, tree, secrets)
    server = commands[0]
    who = f"viewer {secrets.viewer_record.id}"
    for wanted in (
        r"refused http '/api/v1/hosts' .*not_logged_in",
        r"refused http '/api/v1/hosts' .*origin_not_allowed",
        r"refused http '/api/v1/hosts' .*host_not_allowed",
        r"a login from 127\.0\.0\.1 was refused",
        rf"refused http '/api/v1/hosts/box/snapshot' .*\({who}\): unknown_parameter",
        rf"refused http '/api/v1/hosts/box/page' .*\({who}\): address_hidden",
        rf"refused http '/api/v1/hosts/box/extents' .*\({who}\): address_hidden",
        rf"refused http '/api/v1/tokens' .*\({who}\): wrong_role",
        r"host box: refused \(wrong_host\): token \w+ is for host other",
    ):
        says(server, wanted)
    for log in (*("".join(one.logged + one.printed) for one in commands), others):
        assert len(log) > 100
        assert secrets.hits(log) == []
    assert secrets.agent_record.id not in others
