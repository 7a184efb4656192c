"""huge-pages-not-got: memory that huge pages would fit and that has none."""

from __future__ import annotations

from typing import Final

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts, NotHuge
from hugescope_wire.account import ProcessRef
from hugescope_wire.findings import Evidence, Finding

HUGE_BYTES: Final = 2 << 20
"""With less than one huge page of memory there, nothing was missed yet."""

_SETTING: Final = "/sys/kernel/mm/transparent_hugepage/enabled"


def find_not_got(facts: Facts) -> list[Finding]:
    """One finding a mapping."""
    return [_not_got(facts, item) for item in facts.not_huge if item.present_bytes >= HUGE_BYTES]


def _not_got(facts: Facts, item: NotHuge) -> Finding:
    who = facts.who(ProcessRef(pid=item.pid, comm=item.comm))
    return Finding(
        key=f"huge-pages-not-got:{item.pid}:{item.start:x}",
        code="huge-pages-not-got",
        severity="notice" if item.wanted else "info",
        what=f"{who} has {words.size(item.present_bytes)} at {words.address(item.start)} in base "
        f"pages only, {_wish(item)}.",
        why="Each 4 KiB page takes a place in the TLB of its own, where one huge page would stand "
        "for 512.",
        advice="Look for free memory in large pieces (/proc/buddyinfo), or have the process call "
        "madvise(MADV_COLLAPSE) on the range."
        if item.wanted
        else "If the memory is used at random, have the process call madvise(MADV_HUGEPAGE) before "
        "it touches it, or map it with MAP_HUGETLB.",
        command="cat /proc/buddyinfo" if item.wanted else f"cat {_SETTING}",
        evidence=[
            Evidence(
                name="present",
                value=words.size(item.present_bytes),
                source=f"/proc/{item.pid}/pagemap",
            ),
            Evidence(name="size of the mapping", value=words.size(item.end - item.start)),
            Evidence(
                name="huge pages asked for",
                value={True: "yes", False: "no", None: "unknown"}[item.asked],
                source=f"VmFlags hg in /proc/{item.pid}/smaps, {_SETTING}",
            ),
        ],
        links=[links.to_mapping(item.pid, item.start)],
        pids=[item.pid],
    )


def _wish(item: NotHuge) -> str:
    if item.asked:
        return "although it asked for huge pages there"
    if item.wanted:
        return "although this host gives huge pages to every mapping"
    if item.asked is None:
        return "and whether it asked for huge pages cannot be read"
    return "and did not ask for huge pages there"
