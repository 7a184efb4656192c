"""Stage 2 tables of VMs in debugfs."""

from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.kvm import Stage2Look, stage2
from hugescope_agent.kernel.root import Root
from hugescope_wire.report import Stage2
from tests.unit.agent.tree_builder import MadeProcess, MadeTree, build


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A tree with one process."""
    return Root.at(str(build(tmp_path, MadeTree(processes={41: MadeProcess(())}))))


def vm(root: Root, name: str, **counters: object) -> None:
    """One VM's directory."""
    directory = Path(root.path, "sys/kernel/debug/kvm", name)
    directory.mkdir(parents=True)
    for counter, value in counters.items():
        (directory / counter).write_text(f"{value}\n")


def test_by_process_and_descriptor(root: Root) -> None:
    vm(root, "41-12", pages_4k=7, pages_2m=3, pages_1g=0)
    vm(root, "41-9", pages_4k=1)
    vm(root, "7-9", pages_4k=0, pages_2m=0, pages_1g=2)
    Path(root.path, "sys/kernel/debug/kvm/halt_exits").write_text("5\n")
    assert stage2(root) == Stage2Look(
        [
            Stage2(pid=7, comm=None, vm_fd=9, pages_4k=0, pages_2m=0, pages_1g=2),
            Stage2(pid=41, comm="qemu", vm_fd=9, pages_4k=1, pages_2m=None, pages_1g=None),
            Stage2(pid=41, comm="qemu", vm_fd=12, pages_4k=7, pages_2m=3, pages_1g=0),
        ]
    )


def test_no_kvm(root: Root) -> None:
    assert stage2(root) == Stage2Look()


def test_kvm_that_is_not_shown(root: Root) -> None:
    Path(root.path, "sys/module/kvm/parameters").mkdir(parents=True)
    found = stage2(root)
    assert found.vms == []
    assert "mount debugfs" in (found.reason or "")


def test_kvm_without_a_vm(root: Root) -> None:
    Path(root.path, "sys/module/kvm/parameters").mkdir(parents=True)
    Path(root.path, "sys/kernel/debug/kvm").mkdir(parents=True)
    Path(root.path, "sys/kernel/debug/kvm/halt_exits").write_text("5\n")
    assert stage2(root) == Stage2Look()


def test_no_counter(root: Root) -> None:
    vm(root, "41-9", pages_4k="lots")
    with pytest.raises(BadCapture, match="kvm/41-9/pages_4k"):
        stage2(root)
