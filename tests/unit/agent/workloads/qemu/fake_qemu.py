"""A program that stands in for QEMU: it listens, answers as one does, and has no guest.

Run with QEMU's own arguments. The environment variable FAKE_QEMU is a JSON object: `console` is
written there, `stderr` too; `exit` ends it at once with that status; `statuses` are what
query-migrate answers, one after the other, the last one again and again.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

_REMAINING = 1000


def values(name: str) -> list[str]:
    """Of every option of this name."""
    return [sys.argv[at + 1] for at, one in enumerate(sys.argv) if one == name]


class Fake:
    """Its state."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.statuses: list[str] = list(told.get("statuses", ["none"]))
        self.commands: list[Any] = []

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """What a command returns."""
        name = command["execute"]
        self.commands.append([name, command.get("arguments")])
        if name == "query-commands-so-far":
            return {"commands": self.commands[:-1]}
        if name != "query-migrate":
            return {}
        status = self.statuses[0] if len(self.statuses) == 1 else self.statuses.pop(0)
        ram = {"remaining": _REMAINING, "dirty-sync-count": 1}
        return {"status": status, "ram": ram, "total-time": 5}

    def serve(self, listener: socket.socket) -> None:
        """One client after the other."""
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b'{"QMP": {}}\r\n')
                for line in lines:
                    command = json.loads(line)
                    if command["execute"] == "quit":
                        os._exit(3)
                    said = json.dumps({"return": self.answer(command), "id": command["id"]})
                    stamp = {"seconds": len(self.commands), "microseconds": 0}
                    data = {"status": command["execute"]}
                    event = {"timestamp": stamp, "event": "MIGRATION", "data": data}
                    connection.sendall(f"{json.dumps(event)}\r\n{said}\r\n".encode())


def main() -> None:
    """Listen until killed."""
    told = json.loads(os.environ.get("FAKE_QEMU", "{}"))
    sys.stderr.write(told.get("stderr", ""))
    sys.stderr.flush()
    if "exit" in told:
        sys.exit(told["exit"])
    Path(values("-serial")[0].removeprefix("file:")).write_text(told.get("console", ""))
    fake = Fake(told)
    for option in values("-qmp"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(option.removeprefix("unix:").partition(",")[0])
        listener.listen()
        threading.Thread(target=fake.serve, args=(listener,), daemon=True).start()
    threading.Event().wait()


main()
