import pytest

from hugescope_agent.model.findings import words
from hugescope_wire.account import FileRef, ProcessRef


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1000, "1000 bytes"),
        (4096, "4 KiB"),
        (3 << 20, "3 MiB"),
        (1536 << 20, "1536 MiB"),
        (2 << 40, "2 TiB"),
    ],
)
def test_sizes_are_exact(count: int, text: str) -> None:
    assert words.size(count) == text


def test_names_are_made_printable() -> None:
    assert words.process(ProcessRef(pid=7, comm="a\x1b[31mb\n")) == "a\\x1b[31mb\\x0a (7)"
    assert words.process(ProcessRef(pid=7, comm=None)) == "process 7"
    assert words.process(ProcessRef(pid=7, comm="q\n"), "w\t1") == "w\\x091 (q\\x0a pid 7)"
    assert words.process(ProcessRef(pid=7, comm=None), "web1") == "web1 (? pid 7)"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c", "d"], "a, b, c and d"),
        (list("abcdef"), "a, b, c, d and 2 more"),
    ],
)
def test_long_lists_end_in_a_number(names: list[str], text: str) -> None:
    assert words.listing(names) == text


@pytest.mark.parametrize(
    ("path", "argument"),
    [
        ("/mnt/huge/a", "/mnt/huge/a"),
        ("/mnt/a b;rm", "'/mnt/a b;rm'"),
        ("/mnt/it's", "'/mnt/it'\"'\"'s'"),
        ("/mnt/a\nb", None),
        ("-rf", None),
        (None, None),
    ],
)
def test_paths_in_commands_are_quoted(path: str | None, argument: str | None) -> None:
    assert words.path_argument(path) == argument


def test_files_by_kind() -> None:
    def ref(kind: str, name: str | None) -> str:
        return words.file(
            FileRef.model_validate({"kind": kind, "device": None, "inode": 5, "name": name})
        )

    assert ref("sysv", "SYSV00000000") == "SysV segment 5"
    assert ref("memfd", "ram") == "memfd ram"
    assert ref("anonymous", None) == "anonymous memory"
    assert ref("hugetlbfs", "/a") == "file /a"
