"""The closed list: nothing that is not in it gets by, whatever it looks like."""

import pathlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.kernel import privileged

VERBS = ("open", "faults", "names", "links", "look", "walk")
LISTED = [
    ("open", "proc/1/maps"),
    ("open", "proc/4194304/pagemap"),
    ("open", "proc/9/smaps"),
    ("open", "proc/9/numa_maps"),
    ("open", "proc/kpageflags"),
    ("open", "proc/kpagecount"),
    ("open", "proc/iomem"),
    ("open", "proc/9/task/10/wchan"),
    ("open", "proc/9/task/10/stack"),
    ("open", "proc/9/fdinfo/0"),
    ("open", "sys/kernel/debug/kvm/9-12/pages_2m"),
    ("faults", "proc/9"),
    ("names", "sys/kernel/debug/kvm"),
    ("links", "proc/9/fd"),
    ("look", "proc/9/fd/3"),
    ("look", "proc/9/map_files/7f0000000000-7f0000200000"),
    ("look", "proc/9/ns/mnt"),
    ("look", "proc/self/ns/pid".replace("self", "9")),
    ("walk", "proc/9/root/dev/hugepages"),
    ("walk", "proc/9/root/a b\nc"),
]
NOT_LISTED = [
    ("open", "proc/9/mem"),
    ("open", "proc/9/environ"),
    ("open", "proc/9/fd/3"),
    ("open", "proc/9/root/etc/shadow"),
    ("open", "proc/9/map_files/1-2"),
    ("open", "proc/kcore"),
    ("open", "proc/self/maps"),
    ("open", "proc/0/maps"),
    ("open", "proc/9/maps\n"),
    ("open", "/proc/9/maps"),
    ("open", "proc//9/maps"),
    ("open", "proc/9/../9/maps"),
    ("open", "proc/٩/maps"),
    ("open", "proc/9/clear_refs"),
    ("names", "sys/kernel/debug"),
    ("names", "proc/9/fd"),
    ("links", "proc/9/map_files"),
    ("look", "proc/9/exe"),
    ("look", "proc/9/root"),
    ("walk", "proc/9/root/a/../../etc"),
    ("walk", "proc/9/root"),
    ("walk", "proc/9/root/a\0b"),
    ("faults", "proc/0"),
    ("faults", "proc/-1"),
    ("write", "proc/9/maps"),
    ("", "proc/9/maps"),
]
SHAPES = re.compile(
    r"proc/\d+|proc/\d+/(maps|smaps|numa_maps|pagemap|fd|fd/\d+|fdinfo/\d+|ns/mnt|ns/pid|root/.*"
    r"|map_files/[0-9a-f]+-[0-9a-f]+|task/\d+/(wchan|stack))"
    r"|proc/(kpageflags|kpagecount|iomem)|sys/kernel/debug/kvm(/\d+-\d+/pages_(4k|2m|1g))?",
    re.ASCII | re.DOTALL,
)
PROC = ("proc", "self", "1", "09", "maps", "pagemap", "mem", "root", "fd", "fdinfo", "map_files")
REST = ("sys", "kernel", "debug", "kvm", "task", "stack", "ns", "mnt", "1-2", "etc", "..", ".", "")
PIECES = st.sampled_from((*PROC, *REST))
NAMES = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=7).map("/".join))


@pytest.mark.parametrize(("verb", "name"), LISTED)
def test_what_the_readers_ask(verb: str, name: str) -> None:
    assert privileged.is_listed(verb, name)


@pytest.mark.parametrize(("verb", "name"), NOT_LISTED)
def test_what_nobody_is_to_have(verb: str, name: str) -> None:
    assert not privileged.is_listed(verb, name)


@given(verb=st.one_of(st.sampled_from(VERBS), st.text(max_size=8)), name=NAMES)
def test_whatever_is_asked_what_is_granted_is_one_of_these(verb: str, name: str) -> None:
    if privileged.is_listed(verb, name):
        assert verb in VERBS
        assert SHAPES.fullmatch(name)
        assert ".." not in pathlib.PurePosixPath(name).parts
        assert "\0" not in name


@given(place=st.sampled_from(LISTED), at=st.integers(0, 60), extra=st.text(min_size=1, max_size=9))
def test_a_listed_name_with_more_in_it(place: tuple[str, str], at: int, extra: str) -> None:
    verb, name = place
    changed = name[: min(at, len(name))] + extra + name[min(at, len(name)) :]
    if privileged.is_listed(verb, changed):
        assert SHAPES.fullmatch(changed)
        assert ".." not in changed.split("/")


def test_only_small_files_are_copied() -> None:
    assert privileged.is_copied("proc/9/task/10/wchan")
    assert privileged.is_copied("proc/iomem")
    assert not privileged.is_copied("proc/9/pagemap")
    assert not privileged.is_copied("proc/kpageflags")
