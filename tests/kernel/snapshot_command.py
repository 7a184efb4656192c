"""Runs ``hugescope snapshot --json`` as a user would, and compares it with a plain reading."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.kernel.plain_reader import Cell, Vma

# A hang is a failure; no test waits for this long otherwise.
GIVE_UP_AFTER_S = 120


@dataclass(frozen=True)
class Shown:
    """One cell as the command shows it: the facts of the run that covers it."""

    state: str
    mapped_bytes: int
    mapcount: int | None
    mappers: int | None
    node: int | None
    flags: frozenset[str]


def run(
    *arguments: str, before_exec: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``hugescope`` and give back what it printed and its exit code.

    ``before_exec`` runs in the new process before the command does.
    """
    return subprocess.run(
        [sys.executable, "-m", "hugescope", *arguments],
        capture_output=True,
        text=True,
        timeout=GIVE_UP_AFTER_S,
        check=False,
        preexec_fn=before_exec,
    )


def snapshot(*arguments: str) -> dict[str, Any]:
    """What ``hugescope snapshot --json`` prints; a failure shows what it wrote to stderr."""
    done = run("snapshot", "--json", *arguments)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def mappings(shown: dict[str, Any], pid: int) -> dict[int, dict[str, Any]]:
    """The hugetlb mappings that a snapshot shows of a process, by start address."""
    found = [process for process in shown["processes"] if process["pid"] == pid]
    assert len(found) == 1, f"pid {pid} is shown {len(found)} times"
    listed = [m for m in found[0]["mappings"] if m["kind"] == "hugetlb"]
    assert [m["start"] for m in listed] == sorted({m["start"] for m in listed})
    return {mapping["start"]: mapping for mapping in listed}


def cells(mapping: dict[str, Any]) -> list[Shown]:
    """Unroll the runs of a mapping; fails on a gap, an overlap or a cell too many or too few."""
    unrolled: list[Shown] = []
    for run_ in mapping["runs"]:
        assert run_["first"] == len(unrolled), f"run begins at {run_['first']}, not {len(unrolled)}"
        assert run_["count"] > 0
        facts = {name: run_[name] for name in Shown.__dataclass_fields__ if name != "flags"}
        unrolled += [Shown(**facts, flags=frozenset(run_["flags"]))] * run_["count"]
    assert len(unrolled) == (mapping["end"] - mapping["start"]) // mapping["page_size"]
    return unrolled


def state_agrees(plain: Cell, shown: Shown) -> bool:
    """Whether two states say the same.

    ``full`` means that the kernel does not tell which of an HGM mapping's pages are split: the
    command may then name either, but only marked as inferred. A hole may be shown as poisoned, also
    inferred: smaps may count a page that pagemap hides because a memory error took it.
    """
    if plain.state == "hole" and shown.state == "poisoned":
        return "inferred" in shown.flags
    if plain.state == "full" and shown.state in ("mapped", "split"):
        return "inferred" in shown.flags
    return plain.state == shown.state


def differences(vma: Vma, plain: list[Cell], mapping: dict[str, Any]) -> list[str]:
    """One line for each fact of each cell in which the command and the plain reading differ."""
    found = []
    for index, (ours, theirs) in enumerate(zip(plain, cells(mapping), strict=True)):
        place = f"pid {vma.pid} mapping {vma.start:#x} cell {index}"
        if not state_agrees(ours, theirs):
            found.append(f"{place}: state is {ours.state}, shown {theirs.state} {theirs.flags}")
        for name in ("mapped_bytes", "mapcount", "node"):
            if getattr(ours, name) != getattr(theirs, name):
                found.append(
                    f"{place}: {name} is {getattr(ours, name)}, shown {getattr(theirs, name)}"
                )
    return found


def frame_differences(vma: Vma, mapping: dict[str, Any]) -> list[str]:
    """One line for each fact about the mapping itself that is shown otherwise than maps has it."""
    kind, name = vma.backing
    truth = {
        "end": vma.end,
        "page_size": vma.page_size,
        "shared": vma.shared,
        "backing.kind": kind,
        "backing.offset": vma.offset,
    }
    shown = {**mapping, **{f"backing.{key}": value for key, value in mapping["backing"].items()}}
    # An anonymous mapping has neither name nor file of its own: what maps shows is the kernel's.
    if kind != "anonymous":
        truth |= {"backing.name": name, "backing.inode": vma.inode}
    return [
        f"pid {vma.pid} mapping {vma.start:#x}: {key} is {value!r}, shown {shown[key]!r}"
        for key, value in truth.items()
        if shown[key] != value
    ]
