"""`hugescope serve`, a process of its own, killed at random moments while an agent sends to it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests import access
from tests.unit.server.made_host import MadeHost, hello
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from hugescope_server.history.archive import HistoryArchive
from hugescope_wire.archive import applied
from hugescope_wire.frames import decode_frame, encode_frame, split_frame
from hugescope_wire.messages import AGENT_PATH
from hugescope_wire.picture import HostPicture
from hugescope_wire.statehash import state_hash

HZ = 20
PATIENCE_S = 60.0


class Agent:
    """Sends a made-up host's frames, and remembers what each made of it.

    Attributes:
        truth: hashes by the host's monotonic clock, which names a frame.
        sent: of each life of the server, that clock's time of every frame, and when it was sent.
    """

    def __init__(self, url: str) -> None:
        self.truth: dict[float, str] = {}
        self.sent: list[list[tuple[float, float]]] = []
        self._url = url.replace("http", "ws", 1) + AGENT_PATH
        self._host = MadeHost(random.Random(5))
        self._host.add(1, 200)

    def live(self, for_s: float) -> None:
        """One connection, that long."""
        self._host.restart_agent()
        self.sent.append([])
        with self._joined() as link:
            picture, until_s = HostPicture(), time.monotonic() + for_s
            raw = self._host.full()
            while time.monotonic() < until_s:
                self._send(link, picture, raw)
                time.sleep(1 / HZ)
                raw = self._host.step()

    def _joined(self) -> ClientConnection:
        headers = access.agent_bearer("h1")
        ends_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                link = connect(self._url, additional_headers=headers, proxy=None, max_size=None)
                link.send(hello("h1", self._host.epoch).model_dump_json())
                link.recv(timeout=PATIENCE_S)
                return link
            except (OSError, ConnectionClosed):
                if time.monotonic() > ends_s:
                    raise
                time.sleep(0.02)

    def _send(self, link: ClientConnection, picture: HostPicture, raw: bytes) -> None:
        frame = split_frame(raw)
        now_s = time.monotonic()
        update = {"taken_at": datetime.now(UTC), "monotonic_s": now_s}
        meta = frame.meta.model_copy(update=update)
        data = encode_frame(frame.kind, picture.seq + 1, meta, frame.blocks)
        picture.apply(decode_frame(data))
        self.truth[now_s] = state_hash(picture)
        self.sent[-1].append((now_s, now_s))
        link.send(data)


def kill_servers(directory: Path, kills: int) -> dict[str, Any]:
    """One history that so many servers wrote, each killed; what it holds, and what is wrong."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    agent, draw, killed_s = Agent(f"http://127.0.0.1:{port}"), random.Random(2), []
    for _ in range(kills):
        command = [sys.executable, "-m", "hugescope", "serve", "--port", str(port)]
        environment = {
            **os.environ,
            "HUGESCOPE_HISTORY": "true",
            "HUGESCOPE_HISTORY_DIR": str(directory),
        }
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            agent.live(0.3 + draw.random() * 2.5)
            os.kill(process.pid, signal.SIGKILL)
            killed_s.append(time.monotonic())
    return {"server_kills": kills, **_found(directory, agent, killed_s)}


def _found(directory: Path, agent: Agent, killed_s: list[float]) -> dict[str, Any]:
    archive = HistoryArchive(directory / "h1", "h1")
    picture, there, wrong = HostPicture(), set(), 0
    for record in archive.records():
        applied(picture, record.frame)
        assert picture.about is not None
        named_s = picture.about.monotonic_s
        wrong += agent.truth.get(named_s) != state_hash(picture)
        there.add(named_s)
    newest_s = [max((a for a, _ in sent if a in there), default=None) for sent in agent.sent]
    ages_s = [
        end_s - (sent[0][1] if newest is None else newest)
        for sent, newest, end_s in zip(agent.sent, newest_s, killed_s, strict=True)
    ]
    holes = sum(
        one not in there
        for sent, newest in zip(agent.sent, newest_s, strict=True)
        for one, _ in sent
        if newest is not None and one < newest
    )
    return {
        "server_frames": len(there),
        "server_wrong": wrong,
        "server_holes": holes,
        "server_losses": len(archive.losses),
        "server_lost_most_s": round(max(ages_s), 2),
    }
