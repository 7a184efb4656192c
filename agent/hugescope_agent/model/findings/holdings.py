"""leaked-file, fd-held-pages and detached-segment: pages that no page
table maps and that are kept.
"""

from __future__ import annotations

from typing import Final

from hugescope_agent.model.findings import words
from hugescope_agent.model.findings.facts import Facts, same_file
from hugescope_wire.account import Holding
from hugescope_wire.findings import Evidence, Finding

_MINOR: Final = "ui"
"""VmFlags of a VMA that is registered for minor faults."""


def find_held(facts: Facts) -> list[Finding]:
    """One finding a file; none for pages of a mapped file that wait for UFFDIO_CONTINUE, which
    userfaultfd-registered speaks of.
    """
    findings = []
    for held in facts.report.holdings:
        if not held.pages or _awaited(facts, held):
            continue
        if held.holders or held.by in ("fd", "mapping"):
            findings.append(_kept_open(facts, held))
        elif held.by == "sysv":
            findings.append(_segment(held))
        else:
            findings.append(_leaked(facts, held))
    return findings


def _awaited(facts: Facts, held: Holding) -> bool:
    """Whether a mapping of the file is registered for minor faults: a fault on a page that the file
    has is then answered by mapping it.
    """
    return any(
        _MINOR in (place.info.vm_flags or ())
        for what, places in facts.sharers.items()
        if same_file(what, held.file, held.page_size)
        for place in places
    )


def _leaked(facts: Facts, held: Holding) -> Finding:
    path = words.path_argument(held.file.name)
    remove = "rm" if facts.all_seen else "fuser -v"
    unread = (
        f"{words.counted(facts.unread, 'process', 'processes')} could not be read and may use it: "
        "ask who does before you remove it."
        if facts.unread
        else "Remove the file, unless a program means to map it again."
    )
    return Finding(
        key=f"leaked-file:{_key(held)}",
        code="leaked-file",
        severity="notice",
        what=f"{_amount(held)} in {words.file(held.file)}, which {facts.nobody} maps or has open.",
        why="A file in a hugetlbfs keeps its pages until it is removed, whether anybody uses them "
        "or not.",
        advice=unread,
        command=None if path is None else f"{remove} {path}",
        evidence=_evidence(held, "allocated blocks of the file (stat)"),
    )


def _kept_open(facts: Facts, held: Holding) -> Finding:
    pids = sorted({holder.pid for holder in held.holders})
    holders = [words.holder(holder, facts.name(holder.pid)) for holder in held.holders]
    who = f", held by {words.listing(holders)}" if holders else ""
    mapped = held.by == "mapping" or (
        bool(held.holders) and all(holder.fd is None for holder in held.holders)
    )
    fds = [holder for holder in held.holders if holder.fd is not None]
    return Finding(
        key=f"fd-held-pages:{held.by}:{_key(held)}",
        code="fd-held-pages",
        severity="info" if mapped else "notice",
        what=f"{_amount(held)} in {words.file(held.file)} and in no page table{who}.",
        why="The file is mapped, but not these pages of it: a process may touch them later, and "
        "until then no count by process shows them."
        if mapped
        else "An open descriptor keeps the pages of a file, and no count by process shows them.",
        advice="Nothing needs to be done if the process is still filling or receiving its memory."
        if mapped
        else "If the memory is not wanted any more, have the process close the descriptor, or end "
        "it.",
        command=f"ls -l /proc/{fds[0].pid}/fd/{fds[0].fd}" if fds else None,
        evidence=[
            *_evidence(held, "stat -L /proc/PID/fd/N, less the pages in page tables"),
            *(
                Evidence(
                    name="held by",
                    value=words.holder(holder, facts.name(holder.pid)),
                    source=f"/proc/{holder.pid}/{'maps' if holder.fd is None else 'fd'}",
                )
                for holder in held.holders
            ),
        ],
        pids=pids,
    )


def _segment(held: Holding) -> Finding:
    number = held.file.inode
    return Finding(
        key=f"detached-segment:{_key(held)}",
        code="detached-segment",
        severity="notice",
        what=f"{_amount(held)} in {words.file(held.file)}, which no process has attached.",
        why="A SysV segment outlives its processes and keeps its pages until it is removed or the "
        "machine restarts.",
        advice="Remove the segment, unless a program means to attach it again.",
        command=None if number is None else f"ipcrm -m {number}",
        evidence=_evidence(held, "/proc/sysvipc/shm"),
    )


def _key(held: Holding) -> str:
    file = held.file
    return f"{held.page_size}:{file.kind}:{file.device or ''}:{file.inode}" + (
        f":{words.printable(file.name)}" if file.inode is None else ""
    )


def _amount(held: Holding) -> str:
    verb = "lies" if held.pages == 1 else "lie"
    about = "About " if held.inferred else ""
    return f"{about}{words.pages(held.pages, held.page_size)} {verb}"


def _evidence(held: Holding, source: str) -> list[Evidence]:
    number = "" if held.file.inode is None else f"{held.file.inode}"
    device = f" on device {held.file.device}" if held.file.device else ""
    evidence = [
        Evidence(
            name="pages in no page table",
            value=f"{held.pages}{' (inferred)' if held.inferred else ''}",
            source=source,
        ),
        Evidence(name="pages of the file", value=str(held.file_pages), source=source),
    ]
    if number:
        evidence.append(Evidence(name="inode", value=f"{number}{device}"))
    return evidence
