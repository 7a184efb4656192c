"""guest-memory-unmapped: memory of confidential VMs, which no page table of the host maps."""

from __future__ import annotations

from collections import defaultdict

from hugescope_agent.model.findings import words
from hugescope_agent.model.findings.facts import Facts
from hugescope_wire.findings import Evidence, Finding
from hugescope_wire.report import GuestMemory


def find_guest_memory(facts: Facts) -> list[Finding]:
    """One finding a process."""
    found: dict[int, list[GuestMemory]] = defaultdict(list)
    for memory in facts.report.guest_memory:
        found[memory.pid].append(memory)
    return [_guest_memory(facts, memories) for _, memories in sorted(found.items())]


def _guest_memory(facts: Facts, memories: list[GuestMemory]) -> Finding:
    first = memories[0]
    sizes = [memory.size_bytes for memory in memories if memory.size_bytes is not None]
    unsized = len(memories) - len(sizes)
    size = words.size(sum(sizes)) if sizes else "an unknown amount"
    more = f" and {unsized} of unknown size" if sizes and unsized else ""
    return Finding(
        key=f"guest-memory-unmapped:{first.pid}",
        code="guest-memory-unmapped",
        severity="info",
        what=f"{facts.who(first)} holds {size} of guest memory{more} in "
        f"{words.counted(len(memories), 'guest_memfd')}, outside every page table.",
        why="It is the memory of a confidential VM (SEV-SNP, TDX): only the guest reaches it, so "
        "no cell here shows it.",
        advice="Add it to what the cells of this process show when you count its memory.",
        command=f"ls -l /proc/{first.pid}/fd",
        evidence=[
            Evidence(
                name=f"descriptor {memory.fd}",
                value=f"{_amount(memory.size_bytes)}, {_amount(memory.allocated_bytes)} allocated",
                source=f"stat -L /proc/{memory.pid}/fd/{memory.fd}",
            )
            for memory in memories
        ],
        pids=[first.pid],
    )


def _amount(count: int | None) -> str:
    return "unknown" if count is None else words.size(count)
