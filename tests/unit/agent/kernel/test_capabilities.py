"""What a root allows, as tried; and what is said of what is missing."""

from pathlib import Path

import pytest

from hugescope_agent.errors import ProcessDenied
from hugescope_agent.kernel import capabilities
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_wire.snapshot import Capabilities
from tests.unit.agent.tree_builder import GIB, MIB2, MadeTree, build

ALL = Capabilities(pfn=True, kpageflags=True, pagemap_scan=True, procmap_query=True, hgm=False)
NONE = Capabilities(pfn=False, kpageflags=False, pagemap_scan=False, procmap_query=False, hgm=False)


@pytest.mark.parametrize("kpage", [True, False])
def test_a_capture_has_no_ioctl(tmp_path: Path, kpage: bool) -> None:
    root = Root.at(str(build(tmp_path, MadeTree(kpage=kpage))))
    assert capabilities.probe(root) == NONE.model_copy(update={"kpageflags": kpage})


def test_nothing_is_missing_where_all_is_there() -> None:
    assert capabilities.limits(ALL, Root("", True)) == []


@pytest.mark.parametrize("name", ["pfn", "kpageflags", "pagemap_scan", "procmap_query"])
def test_each_missing_one_is_named_with_its_cost_and_remedy(name: str) -> None:
    (limit,) = capabilities.limits(ALL.model_copy(update={name: False}), Root("", True))
    assert limit.capability == name
    assert limit.reason
    assert limit.cost
    assert limit.remedy


def test_hidden_pfns_of_a_capture_are_not_this_agent_s_rights(tmp_path: Path) -> None:
    root = Root.at(str(build(tmp_path, MadeTree())))
    limit = capabilities.limits(NONE, root)[0]
    assert limit.capability == "pfn"
    assert "capture" in (limit.remedy or "")


def test_an_own_pagemap_that_may_not_be_opened_hides_pfns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with file capabilities is not dumpable: its /proc/self belongs to root."""

    class Closed:
        def __init__(self, _root: Root, pid: int) -> None:
            raise ProcessDenied(f"proc/{pid}/pagemap: Permission denied")

    monkeypatch.setattr(capabilities, "Pagemap", Closed)
    assert not capabilities.probe(Root.at("/")).pfn


def test_host_files_of_a_capture(tmp_path: Path) -> None:
    tree = MadeTree(pools={(GIB, None): (1, 1, 0, 0), (MIB2, None): (2, 2, 0, 0)})
    files = HostFiles(Root.at(str(build(tmp_path, tree))))
    assert files.info.model_dump() == {"name": None, "kernel": "6.12.1", "boot_id": None}
    assert files.pools.page_sizes == [MIB2, GIB]
    assert files.scanner is None
    assert files.kpage is not None
    files.close()


def test_host_info_prefers_what_the_running_kernel_says(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    for name, text in (("osrelease", "6.12.1-arch"), ("hostname", "box"), ("random/boot_id", "b")):
        path = tmp_path / "proc/sys/kernel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    files = HostFiles(Root.at(str(tmp_path)))
    assert files.info.model_dump() == {"name": "box", "kernel": "6.12.1-arch", "boot_id": "b"}
    files.close()


def test_an_unknown_version_is_null(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    (tmp_path / "proc/version").write_text("something else\n")
    files = HostFiles(Root.at(str(tmp_path)))
    assert files.info.kernel is None
    files.close()


def test_narrowed_capabilities_take_the_path_of_an_older_kernel() -> None:
    files = HostFiles(Root.at("/"), narrowed=NONE)
    assert (files.scanner, files.kpage, files.capabilities) == (None, None, NONE)
    files.close()
