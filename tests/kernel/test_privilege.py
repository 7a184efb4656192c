"""As a non-root user with just the capabilities of each tier, and with none but an opener beside:
what the tier allows is seen, no more and no less.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from hugescope_agent.kernel import perf
from tests.kernel import cases
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.commands import command, free_port, get, mappings_of, until
from tests.kernel.puppets import LOOKS, Mappings, all_capabilities, fresh_look, puppet
from tests.kernel.tier_readers import NOBODY, Reader, opener, reader

pytestmark = pytest.mark.kernel

TIERS = {
    "nothing": "",
    "maps": "PERFMON",
    "page tables": "PERFMON,DAC_READ_SEARCH",
    "frames": "SYS_ADMIN,DAC_READ_SEARCH",
    "descriptors": "SYS_ADMIN,DAC_READ_SEARCH,SYS_PTRACE",
}
HELD = {
    "nothing": ["counters"],
    "maps": ["counters", "maps"],
    "page tables": ["counters", "maps", "page tables"],
    "frames": ["counters", "maps", "page tables", "frames", "mapped files"],
    "descriptors": ["counters", "maps", "page tables", "frames", "descriptors", "mapped files"],
}


def ours(shown: dict[str, Any], *pids: int) -> dict[int, Mappings]:
    """The mappings of these processes, by pid."""
    found = {int(pid): mappings for pid, mappings in shown["processes"].items()}
    return {pid: found[pid] for pid in pids if pid in found}


def without(shown: dict[int, Mappings], *facts: str) -> list[list[dict[str, Any]]]:
    """The cells of every mapping, without these facts and without what follows from counts."""
    return [
        [
            {key: value for key, value in run.items() if key not in (*facts, "first", "count")}
            | {"flags": [flag for flag in run["flags"] if flag != "shared_table"]}
            for run in mapping["runs"]
            for _ in range(run["count"])
        ]
        for mappings in shown.values()
        for mapping in mappings
    ]


@pytest.fixture(scope="module")
def extra_page() -> Iterator[None]:
    """What every reader touches itself: one page each, of this module's readers one at a time
    but for that of the opener.
    """
    with extra_pages(MIB2, 4):
        yield


@pytest.fixture(scope="module")
def by_opener(extra_page: None) -> Iterator[Reader]:
    """A reader without any capability, beside an opener."""
    with opener() as path, reader("", path) as found:
        yield found


@pytest.fixture(scope="module", params=list(cases.ALL))
def case(request: pytest.FixtureRequest) -> Iterator[cases.Case]:
    """Each kind of mapping in turn, in processes of root that stand still."""
    with cases.ALL[request.param]() as made:
        yield made


def test_through_the_opener_all_that_root_sees(case: cases.Case, by_opener: Reader) -> None:
    """Cell for cell; the reader itself may open nothing."""
    all_capabilities()
    for _ in range(LOOKS):
        expected = fresh_look(*case.pids)
        found = by_opener.look(*case.pids)
        if expected == fresh_look(*case.pids):
            break
    else:
        pytest.fail("the page tables of an idle process did not stand still")
    assert set(expected) == set(case.pids)
    assert ours(found, *case.pids) == expected
    assert found["caps"] == 0
    assert set(found["opened"].values()) == {"EACCES"}
    assert set(found["asked"].values()) == {""}
    assert found["capabilities"] == all_capabilities().model_dump()
    assert perf.CAPABILITY not in found["limits"]


def test_through_the_opener_its_own_pages_too(case: cases.Case, by_opener: Reader) -> None:
    found = by_opener.look(*case.pids)
    (mapping,) = ours(found, found["own"])[found["own"]]
    first, second = mapping["runs"]
    assert (first["state"], first["mapcount"], second["state"]) == ("mapped", 1, "hole")


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_gives_what_it_allows(extra_page: None, tier: str) -> None:
    """Of a process of root, and of its own."""
    all_capabilities()
    with cases.aliased_memfd() as case, reader(TIERS[tier]) as nobody:
        expected = fresh_look(*case.pids)
        found = nobody.look(*case.pids)
    level = list(TIERS).index(tier)
    assert bin(found["caps"]).count("1") == len([c for c in TIERS[tier].split(",") if c])
    refused = dict.fromkeys(("maps", "smaps", "pagemap"), "EACCES")
    if level >= 1:
        refused |= {"maps": "", "smaps": ""}
    if level >= 2:
        refused |= {"pagemap": ""}
    assert found["opened"] == found["asked"] == refused
    assert found["capabilities"]["kpageflags"] == (level >= 2)
    assert found["capabilities"]["pfn"] == (level >= 3)
    assert [name for name, held in found["tiers"].items() if held] == HELD[tier]
    shown = ours(found, *case.pids)
    if level < 2:
        assert shown == {}
        what = "maps" if level == 0 else "pagemap"
        assert found["why"] == [f"proc/{pid}/{what}: Permission denied" for pid in case.pids]
    elif level == 2:
        unknown = without(shown)
        assert {(run["mapcount"], run["node"]) for m in unknown for run in m if told(run)} == {
            (None, None)
        }
        assert without(shown, "mapcount", "node") == without(expected, "mapcount", "node")
    else:
        assert shown == expected
    (own,) = ours(found, found["own"])[found["own"]]
    assert (own["runs"][0]["state"], own["runs"][1]["state"]) == ("mapped", "hole")
    known = own["runs"][0]["mapcount"] is not None and own["runs"][0]["node"] is not None
    assert known == (level >= 3)


def told(run: dict[str, Any]) -> bool:
    """Whether there is a page to be told of."""
    return bool(run["state"] != "hole")


def test_private_pages_without_frames_have_no_mappers(extra_page: None) -> None:
    """Whether a parent and its child show the same page is in the frame numbers alone."""
    with cases.forked_private() as case, reader(TIERS["page tables"]) as nobody:
        shown = ours(nobody.look(*case.pids), *case.pids)
    private = [m for mappings in shown.values() for m in mappings if not m["shared"]]
    assert private
    present = [run for mapping in private for run in mapping["runs"] if told(run)]
    assert {run["mappers"] for run in present} == {None}


def test_what_is_kept_open_takes_its_own_tier(extra_page: None, by_opener: Reader) -> None:
    """Pages of a memfd that nobody maps: told with CAP_SYS_PTRACE and by the opener alike."""
    with extra_pages(MIB2, 2), puppet() as process:
        process.do("memfd", 0, 2)
        process.do("touch", 0, [0, 1])
        process.do("unmap", 0)
        asked = held_by(by_opener.look(process.pid), process.pid)
        found = {}
        for tier in ("frames", "descriptors"):
            with reader(TIERS[tier]) as nobody:
                found[tier] = held_by(nobody.look(process.pid), process.pid)
    (held,) = asked
    assert (held["by"], held["pages"]) == ("fd", 2)
    assert found == {"frames": [], "descriptors": asked}


def held_by(shown: dict[str, Any], pid: int) -> list[dict[str, Any]]:
    """What a process keeps beside page tables."""
    return [
        held for held in shown["holdings"] if pid in {holder["pid"] for holder in held["holders"]}
    ]


def test_what_only_has_a_name_is_found_through_the_opener(by_opener: Reader) -> None:
    """A file of a hugetlbfs in a directory that is root's alone."""
    with extra_pages(MIB2, 2), cases.mounted_hugetlbfs(MIB2) as place, puppet() as process:
        os.chmod(place, 0o700)
        process.do("file", 0, 2, str(place / "left"))
        process.do("touch", 0, [1])
        inode = os.stat(place / "left").st_ino
        process.kill()
        found = by_opener.look(os.getpid())["holdings"]
        (held,) = [one for one in found if one["file"]["name"] == str(place / "left")]
    assert (held["by"], held["pages"], held["file"]["inode"]) == ("hugetlbfs", 1, inode)


def test_an_agent_that_drops_all_shows_what_root_sees() -> None:
    """`hugescope agent --drop-to nobody`, by the server's word."""
    if os.geteuid() != 0:
        pytest.skip("no root: there is nothing to drop")
    port = free_port()
    with cases.aliased_memfd() as case, command("serve", "--port", str(port)) as server:
        server.line("HugeScope is at")
        words = ("--server", f"ws://127.0.0.1:{port}", "--host-id", "here", "--drop-to", "nobody")
        with command("agent", *words) as agent:
            agent.line("->")
            url = f"http://127.0.0.1:{port}/api/v1/hosts/here/snapshot"
            expected = [(one["start"], one["runs"]) for one in fresh_look(case.pid)[case.pid]]
            until(lambda: mappings_of(get(url), case.pid) == expected, "the cells that root sees")
            with open(f"/proc/{agent.process.pid}/status") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    assert status["Uid"].split() == [str(NOBODY)] * 4
    assert int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
