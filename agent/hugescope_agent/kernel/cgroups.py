"""The hugetlb controller of cgroup v1 and v2: use, limits and refusals of each cgroup.

v2: hugetlb.SIZE.{current,max,rsvd.current,rsvd.max,events,numa_stat}, "max" for no limit; the root
cgroup has no such files. v1: hugetlb.SIZE.{usage_in_bytes,limit_in_bytes,failcnt,...} with `rsvd.`
forms, and no limit is the largest whole number of huge pages in a long. SIZE is as 64KB, 2MB, 1GB.
Use, limits and refusals count what lies below a cgroup too. `rsvd` counts what is promised, also
after it was touched, and pages that were touched without a promise. v2's `events` counts refusals
of pages and of reservations together, in the cgroup that asked and all above it, whichever one's
limit it hit. Source: mm/hugetlb_cgroup.c; tried on Linux 6.18.

A record without limit_bytes but with usage_bytes is of a cgroup without a limit.
"""

from __future__ import annotations

import errno
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, Literal

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.cgroup_mounts import find_mounts, membership
from hugescope_agent.kernel.decimals import decimal
from hugescope_agent.kernel.hugetlbfs import printable
from hugescope_agent.kernel.root import Root
from hugescope_wire.account import CgroupUse

_SIZE_FILE: Final = re.compile(r"hugetlb\.([0-9]{1,12})(KB|MB|GB)\.(?:current|usage_in_bytes)")
_UNITS: Final = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_LEFT: Final = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.ENOTDIR})
"""The cgroup was removed; ENODEV from a file that was open then."""

_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})
_NO_LIMIT_FROM: Final = 1 << 62
_NODE_BYTES: Final = re.compile(r"N([0-9]{1,9})=([0-9]{1,20})(?![0-9])")
_MAX_WALKED: Final = 4096
"""Cgroups that a walk looks at: some 100 microseconds each."""


@dataclass(frozen=True, slots=True)
class _Names:
    """The files of one version, after hugetlb.SIZE."""

    usage: str
    limit: str
    reserved: str
    reserved_limit: str
    failures: str
    reserved_failures: str | None


Reasons = dict[str, str]
"""One of each kind, for a thousand processes may be closed to us for one reason."""

Key = tuple[Literal[1, 2], str]
"""Version and path."""

_NAMES: Final = {
    1: _Names(
        "usage_in_bytes",
        "limit_in_bytes",
        "rsvd.usage_in_bytes",
        "rsvd.limit_in_bytes",
        "failcnt",
        "rsvd.failcnt",
    ),
    2: _Names("current", "max", "rsvd.current", "rsvd.max", "events", None),
}


@dataclass(frozen=True, slots=True)
class CgroupLook:
    """What was read, and in words what could not be."""

    uses: list[CgroupUse] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class Cgroups:
    """The cgroups of one root; where they are mounted is found once."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._mounts = find_mounts(root)

    def look(self, pids: Iterable[int], *, walk: bool = False) -> CgroupLook:
        """Cgroups with a limit or use of huge pages, by version, path and page size.

        Those of `pids` and all above them; with `walk` every other one too, which is for a look at
        leisure: it finds use that no process is left to explain. `pids` of a record are those of
        the given ones in the cgroup or below it.

        Raises:
            BadCapture: a file is not what the kernel writes.
        """
        reasons: Reasons = {}
        if not self._mounts:
            reasons["mount"] = "no cgroup file system is mounted here"
        members = self._members(pids, reasons)
        places = {
            (mount.version, path): place
            for mount in self._mounts
            for version, path in members
            if version == mount.version and (place := mount.place(path)) is not None
        }
        hidden = [path for version, path in members if self._hides(version, path)]
        if hidden:
            reasons["hidden"] = f"cgroup {hidden[0]} lies outside of what is mounted here"
        if walk:
            places |= self._walk(reasons)
        uses: list[CgroupUse] = []
        for key, place in sorted(places.items()):
            uses += self._uses(key, place, sorted(members.get(key, ())), reasons)
        return CgroupLook(uses, list(map(printable, reasons.values())))

    def _members(self, pids: Iterable[int], reasons: Reasons) -> dict[Key, set[int]]:
        """Processes by version and path of their cgroup and each above it."""
        versions = {mount.version for mount in self._mounts}
        exact = defaultdict[Key, set[int]](set)
        for pid in pids:
            name = f"proc/{pid}/cgroup"
            text = _read(self._root, name, reasons) if versions else None
            for version, path in membership(text or "", name):
                if version in versions:
                    exact[version, path].add(pid)
        members = defaultdict[Key, set[int]](set)
        for (version, path), inside in exact.items():
            for above in (path, *map(str, PurePosixPath(path).parents)):
                members[version, above] |= inside
        return dict(members)

    def _hides(self, version: int, path: str) -> bool:
        """Whether no mount shows a cgroup; that ancestors of a container's root are hidden is no
        loss of ours to tell: their limits are the host's.
        """
        mounts = [mount for mount in self._mounts if mount.version == version]
        below = [mount for mount in mounts if PurePosixPath(mount.base).is_relative_to(path)]
        return not below and all(mount.place(path) is None for mount in mounts)

    def _walk(self, reasons: Reasons) -> dict[Key, str]:
        """Every cgroup that has the controller: one without it has none below either."""
        found: dict[Key, str] = {}
        for mount in self._mounts:
            pending = [(mount.base, mount.directory)]
            while pending:
                path, place = pending.pop()
                files, below = _entries(self._root, place)
                if not any(map(_SIZE_FILE.fullmatch, files)) and place != mount.directory:
                    continue
                if len(found) == _MAX_WALKED:
                    reasons["walk"] = f"only {_MAX_WALKED} cgroups were looked at"
                    return found
                found[mount.version, path] = place
                inside = sorted(below, reverse=True)
                pending += [(f"{path.rstrip('/')}/{name}", f"{place}/{name}") for name in inside]
        return found

    def _uses(self, key: Key, place: str, pids: list[int], reasons: Reasons) -> Iterator[CgroupUse]:
        """A record for each page size that is used or limited."""
        version, path = key
        names = _NAMES[version]
        matches = map(_SIZE_FILE.fullmatch, _entries(self._root, place)[0])
        sizes = sorted((int(m[1]) * _UNITS[m[2]], f"{m[1]}{m[2]}") for m in matches if m)
        for page_size, size in sizes:
            reader = _SizeReader(self._root, f"{place}/hugetlb.{size}.", reasons)
            usage = reader.count(names.usage)
            use = CgroupUse(
                path=printable(path),
                version=version,
                page_size=page_size,
                usage_bytes=usage,
                limit_bytes=reader.limit(names.limit),
                reserved_bytes=reader.count(names.reserved),
                reserved_limit_bytes=reader.limit(names.reserved_limit),
                failures=reader.count(names.failures),
                reserved_failures=reader.count(names.reserved_failures),
                node_bytes=reader.node_bytes() if usage else {} if usage == 0 else None,
                pids=pids,
                directory=f"/{printable(place)}",
            )
            if _tells(use):
                yield use


def _tells(use: CgroupUse) -> bool:
    """Whether a record holds anything but zeros and absences."""
    limited = use.limit_bytes is not None or use.reserved_limit_bytes is not None
    counts = (use.usage_bytes, use.reserved_bytes, use.failures, use.reserved_failures)
    return limited or any(counts)


@dataclass(frozen=True, slots=True)
class _SizeReader:
    """The files of one page size in one cgroup; `prefix` ends before what the version names."""

    root: Root
    prefix: str
    reasons: Reasons

    def count(self, name: str | None) -> int | None:
        """A number; of v2's events, lines of a name and a number each, that of max."""
        text = None if name is None else self._text(name)
        if name is None or text is None:
            return None
        if name != "events":
            return self._number(text, name)
        events = dict(line.partition(" ")[::2] for line in text.splitlines())
        return self._number(events["max"], name) if "max" in events else None

    def limit(self, name: str) -> int | None:
        """A limit in bytes; None for none."""
        text = self._text(name)
        if text is None or text == "max":
            return None
        number = self._number(text, name)
        return None if number >= _NO_LIMIT_FROM else number

    def node_bytes(self) -> dict[int, int] | None:
        """Use by node: `total=58720256 N0=6291456 N1=52428800`; v1 has a second line, with what
        lies below, which is the one that its usage counts.
        """
        text = self._text("numa_stat")
        if text is None:
            return None
        pairs = _NODE_BYTES.findall(text.splitlines()[-1] if text else "")
        return {int(node): int(size) for node, size in pairs}

    def _number(self, text: str, name: str) -> int:
        number = decimal(text)
        if number is None:
            raise BadCapture(f"{self.prefix}{name}: {text[:40]!r} is no number of bytes or events")
        return number

    def _text(self, name: str) -> str | None:
        return _read(self.root, f"{self.prefix}{name}", self.reasons)


def _read(root: Root, name: str, reasons: Reasons) -> str | None:
    """The stripped text of a file, its bytes as in names of files; None, with a reason where it is
    there and not for us.
    """
    try:
        return os.fsdecode(root.read(name)).strip()
    except OSError as error:
        if error.errno in _DENIED:
            reasons.setdefault(name.partition("/")[0], f"{name}: {error.strerror}")
        elif error.errno not in _LEFT:
            raise BadCapture(f"{name}: {error.strerror}") from None
        return None


def _entries(root: Root, directory: str) -> tuple[list[str], list[str]]:
    """Names of the files and of the directories in a cgroup; none where it is gone."""
    files: list[str] = []
    below: list[str] = []
    try:
        with os.scandir(f"{root.path}/{directory}") as entries:
            for entry in entries:
                (below if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    except OSError:
        return [], []
    return files, below
