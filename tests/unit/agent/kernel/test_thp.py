"""Settings of transparent huge pages."""

import gzip
from pathlib import Path

import pytest

from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.thp import average_mapcount, read_settings
from tests.unit.wire.made_wire import little_memory

DIRECTORY = "sys/kernel/mm/transparent_hugepage"


def root_with(directory: Path, files: dict[str, str]) -> Root:
    """A root that holds these settings."""
    for name, text in files.items():
        path = directory / DIRECTORY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Root(str(directory), live=False)


def test_settings_of_each_size(tmp_path: Path) -> None:
    root = root_with(
        tmp_path,
        {
            "enabled": "[always] madvise never\n",
            "shmem_enabled": "always within_size [advise] never deny force\n",
            "hugepages-64kB/enabled": "always inherit [madvise] never\n",
            "hugepages-2048kB/enabled": "always [inherit] madvise never\n",
            "khugepaged/defrag": "1\n",
        },
    )
    found = read_settings(root)
    assert (found.enabled, found.shmem_enabled) == ("always", "advise")
    assert found.sizes == {64 << 10: "madvise", 2 << 20: "always"}
    assert found.everywhere


@pytest.mark.parametrize(
    ("files", "everywhere"),
    [
        ({}, False),
        ({"enabled": "[always] madvise never"}, True),  # Linux 6.1 has no sizes
        ({"enabled": "always [madvise] never"}, False),
        ({"enabled": "[always] x", "hugepages-2048kB/enabled": "always [never]"}, False),
        ({"enabled": "?"}, False),
    ],
)
def test_whether_every_mapping_gets_them(
    tmp_path: Path, files: dict[str, str], everywhere: bool
) -> None:
    assert read_settings(root_with(tmp_path, files)).everywhere is everywhere


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (b"X=y\nCONFIG_NO_PAGE_MAPCOUNT=y\n", True),
        (b"X=y\n# CONFIG_NO_PAGE_MAPCOUNT is not set\n", False),
        (None, None),
    ],
)
def test_average_mapcount(tmp_path: Path, config: bytes | None, expected: bool | None) -> None:
    (tmp_path / "proc").mkdir()
    if config is not None:
        (tmp_path / "proc/config.gz").write_bytes(gzip.compress(config))
    assert average_mapcount(Root(str(tmp_path), live=False)) is expected


def test_a_config_that_unpacks_to_any_length(tmp_path: Path) -> None:
    """It is read as far as any kernel's goes."""
    (tmp_path / "proc").mkdir()
    packed = gzip.compress(b"\nCONFIG_NO_PAGE_MAPCOUNT=y\n" + bytes(256 << 20))
    (tmp_path / "proc/config.gz").write_bytes(packed)
    with little_memory(64 << 20):
        assert average_mapcount(Root(str(tmp_path), live=False)) is True


def test_a_damaged_config(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/config.gz").write_bytes(b"no gzip")
    assert average_mapcount(Root(str(tmp_path), live=False)) is None
