"""Pool counters: of the host and of nodes, signed, null where there is none."""

from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.pools import PoolFiles
from hugescope_agent.kernel.root import Root
from hugescope_wire.snapshot import Pool
from tests.unit.agent.tree_builder import GIB, MIB2, MadeTree, build

TWO_NODES = MadeTree(
    pools={
        (GIB, 1): (1, 1, None, 0),
        (GIB, None): (2, 1, 0, 0),
        (MIB2, 10): (3, 3, None, 0),
        (MIB2, 0): (48, 40, None, 1),
        (MIB2, None): (96, 80, 7, 1),
        (MIB2, 1): (48, 40, None, 0),
    }
)


def read(path: Path) -> list[Pool]:
    """The pools of a tree."""
    files = PoolFiles(Root.at(str(path)))
    try:
        return files.parse(files.raw())
    finally:
        files.close()


def counter(path: Path, name: str) -> Path:
    """A file of the host's 2 MiB pool."""
    return path / "sys/kernel/mm/hugepages/hugepages-2048kB" / name


def test_by_size_then_host_then_nodes_in_order(tmp_path: Path) -> None:
    pools = read(build(tmp_path, TWO_NODES))
    assert [(pool.page_size, pool.node) for pool in pools] == [
        (MIB2, None),
        (MIB2, 0),
        (MIB2, 1),
        (MIB2, 10),
        (GIB, None),
        (GIB, 1),
    ]
    assert pools[0] == Pool(page_size=MIB2, node=None, total=96, free=80, reserved=7, surplus=1)
    assert pools[1] == Pool(page_size=MIB2, node=0, total=48, free=40, reserved=None, surplus=1)


def test_page_sizes(tmp_path: Path) -> None:
    files = PoolFiles(Root.at(str(build(tmp_path, TWO_NODES))))
    assert files.page_sizes == [MIB2, GIB]
    files.close()


def test_no_pools_at_all(tmp_path: Path) -> None:
    assert read(build(tmp_path, MadeTree(pools={}))) == []


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        (18446744073709551611, -5),
        (18446744073709551615, -1),
        (1 << 63, -(1 << 63)),
        ((1 << 63) - 1, (1 << 63) - 1),
        (0, 0),
    ],
)
def test_counters_are_signed(tmp_path: Path, printed: int, value: int) -> None:
    build(tmp_path, MadeTree())
    counter(tmp_path, "resv_hugepages").write_text(f"{printed}\n")
    assert read(tmp_path)[0].reserved == value


def test_a_missing_file_is_null_and_not_zero(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    counter(tmp_path, "surplus_hugepages").unlink()
    assert read(tmp_path)[0] == Pool(
        page_size=MIB2, node=None, total=64, free=60, reserved=0, surplus=None
    )


@pytest.mark.parametrize("text", ["", "x", "-5", "1.5", "0x10", "12 13", "٤", "9" * 40])
def test_a_counter_that_is_none_names_its_file(tmp_path: Path, text: str) -> None:
    build(tmp_path, MadeTree())
    counter(tmp_path, "free_hugepages").write_text(text)
    with pytest.raises(BadCapture, match="hugepages-2048kB/free_hugepages"):
        read(tmp_path)


def test_a_counter_that_is_a_directory_names_its_file(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    counter(tmp_path, "free_hugepages").unlink()
    counter(tmp_path, "free_hugepages").mkdir()
    with pytest.raises(BadCapture, match="hugepages-2048kB/free_hugepages"):
        read(tmp_path)


def test_a_counter_that_may_not_be_read_is_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that hides some of sysfs: unknown, and no reason to give up."""
    build(tmp_path, MadeTree())
    real = Root.open

    def refuse(root: Root, name: str) -> int:
        if name.endswith("surplus_hugepages"):
            raise PermissionError(13, "Permission denied", name)
        return real(root, name)

    monkeypatch.setattr(Root, "open", refuse)
    assert read(tmp_path)[0].surplus is None
    assert read(tmp_path)[0].free == 60


def test_directories_of_other_names_are_passed_over(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    for name in ("hugepages-2048", "hugepages-kB", "xhugepages-4kB", "demote"):
        (tmp_path / "sys/kernel/mm/hugepages" / name).mkdir()
    (tmp_path / "sys/devices/system/node/has_cpu").mkdir(parents=True)
    assert len(read(tmp_path)) == 1


def test_raw_shows_a_change_without_parsing(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    files = PoolFiles(Root.at(str(tmp_path)))
    before = files.raw()
    assert files.raw() == before
    with open(counter(tmp_path, "free_hugepages"), "r+") as file:
        file.write("59\n")
    assert files.raw() != before
    assert files.parse(files.raw())[0].free == 59
    files.close()
