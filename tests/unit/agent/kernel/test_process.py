"""One process of a captured tree: its name, its age, and its hugetlb mappings."""

from pathlib import Path

import pytest

from hugescope_agent.errors import AgentError, BadCapture, ProcessDenied, ProcessUnreadable
from hugescope_agent.kernel.process import VmaFinder, comm, read_smaps, start_ticks
from hugescope_agent.kernel.root import Root
from tests.unit.agent.tree_builder import HOLE, MIB2, MadeMapping, MadeProcess, MadeTree, build

MAPPING = MadeMapping(0x7E0000000000, (HOLE, HOLE))
STAT = "41 ({}) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 {} 20 21\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One process with one mapping."""
    return build(tmp_path / "tree", MadeTree({41: MadeProcess((MAPPING,))}))


def finder(tree: Path) -> VmaFinder:
    """As for a kernel without PROCMAP_QUERY."""
    return VmaFinder(Root.at(str(tree)), procmap_query=False, page_sizes=[MIB2])


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"qemu\n", "qemu"),
        (b"\n", ""),
        (b"a\nb\n", "a\nb"),
        (b"\xff\x01x\n", "\ufffd\x01x"),
        # A name is what it is, blanks at its ends too.
        (b"  two \n", "  two "),
        (b"\x1f\n", "\x1f"),
    ],
)
def test_name(tree: Path, raw: bytes, name: str) -> None:
    (tree / "proc/41/comm").write_bytes(raw)
    assert comm(Root.at(str(tree)), 41) == name


def test_name_of_nobody(tree: Path) -> None:
    assert comm(Root.at(str(tree)), 42) is None


@pytest.mark.parametrize("name", ["x", ") S 1 2", "a b) (c", "", "\n"])
def test_start_time_whatever_the_name_is(tree: Path, name: str) -> None:
    (tree / "proc/41/stat").write_text(STAT.format(name, 777))
    assert start_ticks(Root.at(str(tree)), 41) == 777


@pytest.mark.parametrize("text", ["", "41", "41 (x)", "41 (x) S 1 2", STAT.format("x", "then")])
def test_no_start_time(tree: Path, text: str) -> None:
    (tree / "proc/41/stat").write_text(text)
    assert start_ticks(Root.at(str(tree)), 41) is None


def test_hugetlb_mappings_only(tree: Path) -> None:
    found = finder(tree).vmas(41)
    assert [(vma.start, vma.end, vma.page_size) for vma in found] == [
        (MAPPING.start, MAPPING.end, MIB2)
    ]
    assert found == [entry.vma for entry in read_smaps(Root.at(str(tree)), 41)]
    assert finder(tree).stands(41, found[0])


@pytest.mark.parametrize("name", ["maps", "smaps"])
def test_a_missing_file_is_this_process_only(tree: Path, name: str) -> None:
    (tree / "proc/41" / name).unlink()
    with pytest.raises(ProcessUnreadable, match=f"proc/41/{name}"):
        finder(tree).vmas(41)


@pytest.mark.parametrize("name", ["maps", "smaps"])
def test_a_directory_is_this_process_only(tree: Path, name: str) -> None:
    (tree / "proc/41" / name).unlink()
    (tree / "proc/41" / name).mkdir()
    with pytest.raises(ProcessUnreadable, match="proc/41/"):
        finder(tree).vmas(41)


def test_smaps_cut_between_entries_is_found_by_maps(tree: Path) -> None:
    smaps = tree / "proc/41/smaps"
    text = smaps.read_text()
    smaps.write_text(text[: text.index("7e0000000000")])
    with pytest.raises(BadCapture, match="proc/41/smaps"):
        finder(tree).vmas(41)


def test_denied_is_told_from_gone(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read any file, so the refusal is made up."""

    def refuse(_: Root, name: str) -> int:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(Root, "open", refuse)
    with pytest.raises(ProcessDenied, match="proc/41/maps"):
        finder(tree).vmas(41)


@pytest.mark.parametrize("name", ["/memfd:\\777 (deleted)", "/memfd:a\rb (deleted)"])
@pytest.mark.parametrize("huge", [True, False])
def test_a_name_of_any_bytes_ends_nothing(tmp_path: Path, name: str, huge: bool) -> None:
    """Any user may name a memfd, of small pages or huge ones, and map it."""
    flags = MAPPING.flags if huge else "rd wr"
    odd = MadeMapping(0x7D0000000000, (HOLE,), path=name, flags=flags)
    build(tmp_path / "tree", MadeTree({41: MadeProcess((odd, MAPPING))}))
    try:
        found = finder(tmp_path / "tree").vmas(41)
    except AgentError as error:
        pytest.fail(f"refused for a name: {error}")
    assert len(found) == 1 + huge
    assert not huge or found[0].path == name


@pytest.mark.parametrize("chunk_bytes", [1, 7, 100, 4096, 1 << 16])
def test_smaps_is_read_no_further_than_asked(
    tree: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    """What is above the last hugetlb mapping is not read, wherever the kernel's pieces end."""
    monkeypatch.setattr("hugescope_agent.kernel.upto._CHUNK_BYTES", chunk_bytes)
    root = Root.at(str(tree))
    whole = read_smaps(root, 41)
    end = max(entry.vma.end for entry in whole)
    assert read_smaps(root, 41, end) == whole
    assert read_smaps(root, 41, whole[0].vma.end) == [
        entry for entry in whole if entry.vma.start < whole[0].vma.end
    ]
    path = tree / "proc/41/smaps"
    path.write_text(path.read_text() + f"{end:x}-{end + 4096:x} rw-p garbage from here on")
    assert read_smaps(root, 41, end) == whole
