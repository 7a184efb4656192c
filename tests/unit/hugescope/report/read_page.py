"""Reads a report's page as a test needs it: numbers with what is shown of them, and its blocks."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

UNITS: Final = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}


@dataclass(eq=False)
class Page(HTMLParser):
    """What stands in the page.

    Attributes:
        numbers: by `data-key`: the exact number, and the text that is shown.
        tags: every element with its attributes.
        blocks: the text of scripts and styles by id, or by name.
    """

    text: str
    numbers: dict[str, list[tuple[int | None, str]]] = field(default_factory=dict)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    blocks: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        tag, attributes = self._open[-1]
        key = attributes.get("data-key")
        if key is not None:
            exact = json.loads(attributes["data-n"] or "null")
            self.numbers.setdefault(key, []).append((exact, data))
        if tag in ("script", "style"):
            self.blocks[attributes.get("id") or tag] = data

    def snapshot(self) -> Any:
        """The JSON that stands in the page."""
        return json.loads(self.blocks["snapshot"])

    def figures(self) -> list[dict[str, Any]]:
        """What the script draws."""
        packed = base64.b64decode(self.blocks["figures"])
        found: list[dict[str, Any]] = json.loads(gzip.decompress(packed))
        return found


def fits(exact: int | None, shown: str) -> bool:
    """Whether a text says this number: exactly, or as bytes rounded to the digits shown."""
    if exact is None:
        return shown in ("unknown", "–")
    plain = shown.replace("−", "-").replace(",", "")
    if re.fullmatch("-?[0-9]+", plain):
        return int(plain) == exact
    value, unit = plain.split(" ")
    digits = len(value.partition(".")[2])
    off = abs(float(value) - exact / (1 << UNITS[unit]))
    return off <= 0.5 / float(10**digits) + 1e-9


def wanted(snapshot: Any) -> Iterator[tuple[str, int | None]]:
    """Every number of a snapshot that a report shows, by its key."""
    for pool in snapshot["pools"]:
        node = "host" if pool["node"] is None else pool["node"]
        for name in ("total", "free", "reserved", "surplus"):
            yield f"pool.{pool['page_size']}.{node}.{name}", pool[name]
    mappings = [(p, m) for p in snapshot["processes"] for m in p["mappings"]]
    present = 0
    for process, mapping in mappings:
        key = f"mapping.{process['pid']}.{mapping['start']:x}"
        counts: dict[str, int] = {}
        held = 0
        for run in mapping["runs"]:
            counts[run["state"]] = counts.get(run["state"], 0) + run["count"]
            held += run["count"] * run["mapped_bytes"]
        present += held
        yield f"{key}.cells", sum(counts.values())
        yield f"{key}.present", held
        for state, count in counts.items():
            yield f"{key}.state.{state}", count
            yield f"{key}.legend.{state}", count
        for level, count in mapping["level_bytes"].items():
            yield f"{key}.level.{level}", count
    yield "total.present", present
    yield "total.cells", sum(m["runs"][-1]["first"] + m["runs"][-1]["count"] for _, m in mappings)
    yield "total.mappings", len(mappings)
    yield "total.processes", len(snapshot["processes"])
    report = snapshot["report"]
    yield "total.findings", None if report is None else len(report["findings"])
    for account in report["accounts"] if report else ():
        node = "host" if account["node"] is None else account["node"]
        parts = account | account["held"]
        for name in ("total", "mapped", "free", "fd", "hugetlbfs", "sysv", "mapping", "poisoned"):
            yield f"account.{account['page_size']}.{node}.{name}", parts[name]
        for name in ("unattributed", "reserved", "available", "surplus", "overcommit"):
            yield f"account.{account['page_size']}.{node}.{name}", parts[name]
