"""A captured archive shown without privileges: ``python tree_as_nobody.py ARCHIVE`` prints JSON."""

import sys

from hugescope.commands.snapshot import take
from hugescope.privilege import place_of
from hugescope_agent import privileges
from hugescope_wire.picture import HostPicture

NOBODY = 65534


def main(archive: str) -> None:
    """Give up root, then unpack and look."""
    # Modules that are loaded later may lie where nobody may read.
    HostPicture()
    privileges.become(NOBODY, NOBODY)
    _, snapshot = take(place_of(archive, None), None)
    print(snapshot.model_dump_json(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
