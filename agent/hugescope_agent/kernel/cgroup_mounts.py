"""Where the hierarchies with the hugetlb controller are mounted, and which cgroup a process is in.

/proc/PID/cgroup has a line `ID:CONTROLLERS:PATH` for each hierarchy, `0::PATH` for that of v2. A
mountinfo line such as `41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw` tells by its
fourth field which part of the hierarchy is mounted, and v1's last field names the controllers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel import mountinfo
from hugescope_agent.kernel.root import Root

_V2_PLACES: Final = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
_V1_PLACE: Final = "sys/fs/cgroup/hugetlb"
_MEMBERSHIP: Final = re.compile(r"([0-9]+):([^:]*):(/.*)")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted hierarchy.

    Attributes:
        directory: below the root that is read from, without a leading slash.
        base: the cgroup that `directory` shows; "/" for all of the hierarchy.
    """

    version: Literal[1, 2]
    directory: str
    base: str

    def place(self, path: str) -> str | None:
        """The directory of a cgroup; None where this mount does not show it.

        A path with `..` lies beyond the reader's cgroup namespace.
        """
        base = self.base.rstrip("/")
        if path != self.base and not path.startswith(f"{base}/"):
            return None
        rest = path[len(base) :].strip("/")
        if ".." in rest.split("/"):
            return None
        return f"{self.directory}/{rest}".rstrip("/")


def find_mounts(root: Root) -> list[Mount]:
    """At most one mount for each version: of several, the one that shows most.

    By mountinfo; where that is missing, as in captured trees, at the usual places.
    """
    # What is mounted at "/" we see as ourselves; anything else as its first process.
    owner = "proc/self/mountinfo" if root.path == "" else "proc/1/mountinfo"
    found = list(parse_mountinfo(root.read_text(owner) or "")) or list(_usual(root))
    best = {}
    for mount in sorted(found, key=lambda mount: (len(mount.base), len(mount.directory))):
        if mount.version not in best and root.names(mount.directory):
            best[mount.version] = mount
    return list(best.values())


def parse_mountinfo(text: str) -> Iterator[Mount]:
    """The mounts of v2, and of v1's hugetlb controller, in a mountinfo text."""
    for mount in mountinfo.parse(text):
        if mount.type == "cgroup2":
            yield Mount(2, mount.point.strip("/"), mount.base)
        elif mount.type == "cgroup" and "hugetlb" in mount.options:
            yield Mount(1, mount.point.strip("/"), mount.base)


def membership(text: str, where: str) -> Iterator[tuple[Literal[1, 2], str]]:
    """Version and path of the cgroups that limit huge pages, from the text of /proc/PID/cgroup.

    Raises:
        BadCapture: a line is not what the kernel prints; names `where`.
    """
    for line in filter(None, text.split("\n")):
        match = _MEMBERSHIP.fullmatch(line)
        if match is None:
            raise BadCapture(f"{where}: {line[:60]!r}, expected ID:CONTROLLERS:/PATH")
        if match[1] == "0" and not match[2]:
            yield 2, match[3]
        elif "hugetlb" in match[2].split(","):
            yield 1, match[3]


def _usual(root: Root) -> Iterator[Mount]:
    """Where systemd mounts them, where they are."""
    for place in _V2_PLACES:
        if "cgroup.controllers" in root.names(place):
            yield Mount(2, place, "/")
    if any(name.startswith("hugetlb.") for name in root.names(_V1_PLACE)):
        yield Mount(1, _V1_PLACE, "/")
