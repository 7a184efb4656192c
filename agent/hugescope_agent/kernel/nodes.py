"""Which NUMA node a PFN lies on, from /proc/zoneinfo or, where zones of nodes overlap, from memory
blocks.

zoneinfo prints for each zone `Node N, zone NAME`, `spanned PAGES` and `start_pfn: PFN`; a zone of 0
spanned pages holds nothing. Sysfs links the memory blocks of each node as node*/memory*, of
block_size_bytes (hexadecimal) each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.root import Root
from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_NODE

_ZONE: Final = re.compile(r"^Node ([0-9]{1,9}), zone", re.MULTILINE)
_SPANNED: Final = re.compile(r"^[ \t]+spanned[ \t]+([0-9]{1,16})$", re.MULTILINE)
_START: Final = re.compile(r"^[ \t]+start_pfn:[ \t]+([0-9]{1,16})$", re.MULTILINE)
_NODE: Final = re.compile(r"node[0-9]{1,9}")
_BLOCK: Final = re.compile(r"memory([0-9]{1,9})")
_HEX: Final = re.compile(r"[0-9a-f]{1,9}")

Span = tuple[int, int, int]
"""First PFN, PFN after the last, node."""


@dataclass(frozen=True, slots=True)
class NodeMap:
    """Spans of PFNs by node, rising and apart."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.uint8]

    @classmethod
    def of_spans(cls, spans: list[Span]) -> NodeMap:
        """From spans in any order; where those of different nodes clash, the node is unknown."""
        merged = _merged(spans)
        borders = sorted({pfn for first, end, _ in merged for pfn in (first, end)})
        pieces = list(pairwise(borders))
        nodes = [_node_of_piece(first, merged) for first, _ in pieces]
        return cls(
            np.array([first for first, _ in pieces], np.int64),
            np.array([end for _, end in pieces], np.int64),
            np.array(nodes, np.uint8),
        )

    @classmethod
    def read(cls, root: Root) -> NodeMap:
        """What the root tells; empty where it tells nothing."""
        spans = zone_spans(root.read_text("proc/zoneinfo") or "")
        if overlap(spans):
            spans = _block_spans(root) or spans
        return cls.of_spans(spans)

    def of(self, pfns: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """The node of each PFN, `UNKNOWN_NODE` where no span holds it; u8 of the same length."""
        if not len(self.starts):
            return np.full(len(pfns), UNKNOWN_NODE, np.uint8)
        wide = pfns.astype(np.int64)
        at = np.searchsorted(self.starts, wide, side="right") - 1
        inside = (at >= 0) & (wide < self.ends[at])
        return np.where(inside, self.nodes[at], np.uint8(UNKNOWN_NODE)).astype(np.uint8)


def _merged(spans: list[Span]) -> list[Span]:
    """Neighbours of one node made one: a large machine has thousands of memory blocks."""
    merged: list[Span] = []
    for first, end, node in sorted(spans, key=lambda span: (span[2], span[0])):
        if merged and merged[-1][2] == node and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), node)
        else:
            merged.append((first, end, node))
    return merged


def _node_of_piece(pfn: int, spans: list[Span]) -> int:
    nodes = {node for first, end, node in spans if first <= pfn < end}
    return nodes.pop() if len(nodes) == 1 and max(nodes) < UNKNOWN_NODE else UNKNOWN_NODE


def zone_spans(text: str) -> list[Span]:
    """The spans of all zones of a zoneinfo text."""
    spans = []
    heads = list(_ZONE.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=False):
        body = text[head.end() : end]
        spanned, start = _SPANNED.search(body), _START.search(body)
        if spanned and start and int(spanned[1]):
            first = int(start[1])
            spans.append((first, first + int(spanned[1]), int(head[1])))
    return spans


def overlap(spans: list[Span]) -> bool:
    """Whether spans of different nodes lie over each other: nodes that interleave."""
    highest: dict[int, int] = {}
    for first, end, node in sorted(spans):
        if any(other != node and first < reached for other, reached in highest.items()):
            return True
        highest[node] = max(end, highest.get(node, 0))
    return False


def _block_spans(root: Root) -> list[Span]:
    text = root.read_text("sys/devices/system/memory/block_size_bytes") or ""
    if not _HEX.fullmatch(text):
        return []
    pages = int(text, 16) // PAGE_BYTES
    spans = []
    for name in root.names("sys/devices/system/node"):
        if _NODE.fullmatch(name):
            blocks = map(_BLOCK.fullmatch, root.names(f"sys/devices/system/node/{name}"))
            numbers = [int(match[1]) for match in blocks if match]
            spans += [(n * pages, (n + 1) * pages, int(name[4:])) for n in numbers]
    return spans
