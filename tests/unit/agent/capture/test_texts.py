"""Entries of hugetlb mappings come out as they were, and no other."""

from hugescope_agent.capture.texts import boot_words, entries_of, policies_of

MAPS = (
    b"00400000-00500000 r-xp 00000000 08:01 12 /usr/bin/secret\n"
    b"7f0000000000-7f0000400000 rw-s 00000000 00:0f 5 /memfd:ram (deleted)\n"
    b"7f1000000000-7f1000001000 rw-p 00000000 00:00 0 \n"
)
SMAPS = (
    b"00400000-00500000 r-xp 00000000 08:01 12 /usr/bin/secret\nSize: 4 kB\nVmFlags: rd ex\n"
    b"7f0000000000-7f0000400000 rw-s 00000000 00:0f 5 /memfd:ram (deleted)\n"
    b"Size: 4096 kB\nVmFlags: rd wr ht\n"
)
NUMA = b"00400000 default file=/usr/bin/secret N0=1\n7f0000000000 bind:0 huge N0=2\n"


def test_entries() -> None:
    kept = {0x7F0000000000}
    assert entries_of(MAPS, kept) == MAPS.splitlines(keepends=True)[1]
    assert entries_of(SMAPS, kept) == SMAPS[SMAPS.index(b"7f0") :]
    assert policies_of(NUMA, kept) == b"7f0000000000 bind:0 huge N0=2\n"
    assert entries_of(MAPS, set()) == policies_of(NUMA, set()) == entries_of(b"", kept) == b""


def test_boot_words() -> None:
    text = "root=UUID=1 hugepagesz=1G hugepages=4 key=secret hugetlb_cma=0 -- hugepages=9"
    assert boot_words(text) == "hugepagesz=1G hugepages=4 hugetlb_cma=0\n"
    assert boot_words("") == "\n"
