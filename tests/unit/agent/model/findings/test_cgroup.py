from typing import Any

import pytest

from hugescope_wire.account import CgroupUse, FdHolder, Holding
from hugescope_wire.cells import CellFlag
from tests.unit.agent.model.findings.made_facts import (
    about,
    cells,
    facts,
    found,
    mapping,
    memfd,
    only,
    private,
    process,
)
from tests.unit.wire.made_wire import GIB, MIB2


def use(path: str = "/vm", **parts: Any) -> CgroupUse:
    known: dict[str, Any] = {
        "path": path,
        "version": 2,
        "page_size": MIB2,
        "usage_bytes": 2 * MIB2,
        "limit_bytes": None,
        "reserved_bytes": 0,
        "reserved_limit_bytes": None,
        "failures": 0,
        "pids": [41],
        "directory": f"/sys/fs/cgroup{path}",
    }
    return CgroupUse(**(known | parts))


def test_a_limit_that_was_hit() -> None:
    finding = only(facts(cgroups=[use(failures=3, limit_bytes=4 * MIB2)]), "cgroup-limit-hit")
    assert finding.severity == "warning"
    assert finding.what == (
        "Cgroup /vm was refused 2 MiB pages 3 times at its limit (now 8 MiB) since it was made."
    )
    assert finding.command == "echo 10485760 > /sys/fs/cgroup/vm/hugetlb.2MB.max"
    assert finding.pids == [41]


def test_version_1_has_files_of_other_names() -> None:
    known = use(version=1, page_size=GIB, reserved_failures=1, limit_bytes=GIB, directory="/v1/vm")
    finding = only(facts(cgroups=[known]), "cgroup-limit-hit")
    assert finding.command == ("echo 2147483648 > /v1/vm/hugetlb.1GB.limit_in_bytes")
    assert finding.evidence[1].source == "/v1/vm/hugetlb.1GB.rsvd.failcnt"


def test_a_refusal_below_is_told_of_the_cgroup_that_asked_and_the_limit_above_it() -> None:
    above = use("/all", failures=3, limit_bytes=4 * MIB2, pids=[41, 42])
    finding = only(facts(cgroups=[above, use("/all/vm", failures=3)]), "cgroup-limit-hit")
    assert "Cgroup /all/vm was refused" in finding.what
    assert "at the limit of /all (now 8 MiB)" in finding.what
    assert finding.command == "echo 10485760 > /sys/fs/cgroup/all/hugetlb.2MB.max"


def test_refusals_of_its_own_beside_those_below() -> None:
    below = [use("/all/vm", failures=2), use("/all/vm/io", failures=2), use("/all/b", failures=1)]
    look = facts(cgroups=[use("/all", failures=4), *below])
    keys = [finding.key.rsplit(":", 1)[1] for finding in found(look, "cgroup-limit-hit")]
    assert keys == ["/all", "/all/b", "/all/vm/io"]


def test_a_cgroup_of_a_similar_name_is_not_below() -> None:
    look = facts(cgroups=[use("/vm", failures=1), use("/vm2", failures=1)])
    assert len(found(look, "cgroup-limit-hit")) == 2


@pytest.mark.parametrize("failures", [0, None])
def test_a_limit_that_was_never_hit(failures: int | None) -> None:
    look = facts(cgroups=[use(failures=failures, limit_bytes=4 * MIB2)])
    assert not found(look, "cgroup-limit-hit")


# --- sigbus-risk --------------------------------------------------------------------------------


def test_more_to_touch_than_the_limit_lets_in() -> None:
    info = private(1, "mmhhw")
    look = facts(process(41, info), shown={1: cells("mmhhw")}, cgroups=[use(limit_bytes=4 * MIB2)])
    finding = only(look, "sigbus-risk")
    assert finding.severity == "warning"
    assert finding.what == (
        "qemu (41) can touch 3 pages of 2 MiB (6 MiB) more, and the limit of cgroup /vm leaves "
        "room for 2."
    )
    assert finding.command == "echo 10485760 > /sys/fs/cgroup/vm/hugetlb.2MB.max"


def test_what_was_not_captured_may_be_charged_already() -> None:
    info = private(1, "hhh")
    shown = {1: cells("hhh", flags=[CellFlag.INFERRED] * 3)}
    assert not found(
        facts(process(41, info), shown=shown, cgroups=[use(limit_bytes=2 * MIB2)]), "sigbus-risk"
    )


def test_no_room_at_all_is_critical() -> None:
    info = private(1, "mmh")
    look = facts(process(41, info), shown={1: cells("mmh")}, cgroups=[use(limit_bytes=2 * MIB2)])
    finding = only(look, "sigbus-risk")
    assert finding.severity == "critical"
    assert finding.what.endswith("leaves room for none.")


@pytest.mark.parametrize(
    "known",
    [
        use(limit_bytes=5 * MIB2),
        use(limit_bytes=None),
        use(limit_bytes=2 * MIB2, usage_bytes=None),
        use(limit_bytes=2 * MIB2, pids=[42]),
        use(limit_bytes=2 * MIB2, page_size=GIB),
        use(reserved_limit_bytes=2 * MIB2),
    ],
    ids=["room", "no limit", "use unknown", "another's", "another size", "limit of reservations"],
)
def test_limits_that_endanger_nobody(known: CgroupUse) -> None:
    info = private(1, "mmhhh")
    look = facts(process(41, info), shown={1: cells("mmhhh")}, cgroups=[known])
    assert not found(look, "sigbus-risk")


def test_a_limit_above_counts_the_processes_below() -> None:
    info = private(1, "mmhhh")
    look = facts(
        process(41, info),
        shown={1: cells("mmhhh")},
        cgroups=[use("/all", limit_bytes=4 * MIB2, pids=[]), use("/all/vm")],
    )
    assert "cgroup /all leaves room for 2" in only(look, "sigbus-risk").what


def test_two_mappings_of_one_file_ask_for_its_pages_once() -> None:
    one, two = mapping(1, "hhmm"), mapping(2, "hhhm")
    shown = {1: cells("hhmm"), 2: cells("hhhm")}
    known = use(limit_bytes=4 * MIB2, pids=[41, 42])
    look = facts(process(41, one), process(42, two), shown=shown, cgroups=[known])
    assert not found(look, "sigbus-risk")


def test_pages_that_the_file_has_already_are_charged_already() -> None:
    """Another process, of another cgroup, maps two of them; a third is in no page table."""
    one, two = mapping(1, "hhhh"), mapping(2, "mmhh")
    held = Holding(
        by="mapping",
        page_size=MIB2,
        pages=1,
        file_pages=3,
        file=memfd(),
        holders=[FdHolder(pid=41, comm="qemu", fd=None)],
    )
    look = facts(
        process(41, one),
        process(42, two),
        shown={1: cells("hhhh"), 2: cells("mmhh")},
        cgroups=[use(limit_bytes=3 * MIB2)],
        holdings=[held],
    )
    assert not found(look, "sigbus-risk")


def test_a_poisoned_entry_that_looks_like_a_hole_needs_no_page() -> None:
    info = private(1, "mmhhh")
    look = facts(
        process(41, info),
        shown={1: cells("mmhhh")},
        mappings=[about(info, lost_pages=1)],
        cgroups=[use(limit_bytes=4 * MIB2)],
    )
    assert not found(look, "sigbus-risk")


def test_a_name_that_cannot_be_typed_gives_no_command() -> None:
    look = facts(cgroups=[use("/\x07", failures=1, limit_bytes=MIB2)])
    finding = only(look, "cgroup-limit-hit")
    assert finding.command is None
    assert "Cgroup /\\x07 was" in finding.what


def test_a_cgroup_whose_directory_is_not_known_gives_no_command() -> None:
    look = facts(cgroups=[use(failures=1, limit_bytes=MIB2, directory=None)])
    finding = only(look, "cgroup-limit-hit")
    assert finding.command is None
    assert finding.evidence[0].source == "hugetlb.2MB.events"
