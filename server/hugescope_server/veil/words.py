"""Addresses in text: the agent writes them with 0x (`words.address`), in findings and elsewhere.

What lies in a mapping of one of the processes that the text is about becomes what stands in for it;
any other is hidden. No other process is asked: memory that somebody mapped at an address of his
choice must not tell him whether a text about another process has that address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from hugescope_server.veil.spaces import Space

HIDDEN: Final = "(hidden)"

_TOKEN: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"0[xX](?P<marked>[0-9a-fA-F]{4,})"
    r"|(?P<low>[0-9a-f]{6,16})-(?P<high>[0-9a-f]{6,16})"
    r"|(?P<number>[0-9]{1,10})"
    r"|(?P<bare>[0-9a-f]{6,16})"
    r")(?![0-9A-Za-z])"
)
"""An address, a range as in maps, a pid, or what would be an address if a mapping were there."""

_SHORT: Final = 9
"""Digits without a mark that are fewer are a number: a pid, a count."""


def hidden(text: str) -> str:
    """The text where nobody knows any more what lay where: all that may be an address is hidden."""

    def replace(token: re.Match[str]) -> str:
        digits = token["number"] or token["bare"]
        return token[0] if digits and len(digits) < _SHORT else HIDDEN

    return _TOKEN.sub(replace, text)


def veiled(text: str, pids: Sequence[int], spaces: Mapping[int, Space]) -> str:
    """The text for who may not see addresses; `pids` are the processes that it is about.

    Of several that have something at an address, the one that the text named last before it.
    """
    asked = list(pids)

    def shown(digits: str) -> int | None:
        found = (spaces[pid].shown(int(digits, 16)) for pid in asked if pid in spaces)
        return next((address for address in found if address is not None), None)

    def replace(token: re.Match[str]) -> str:
        if token["marked"]:
            address = shown(token["marked"])
            return HIDDEN if address is None else f"{address:#x}"
        if token["low"]:
            low, high = shown(token["low"]), shown(f"{int(token['high'], 16) - 1:x}")
            return HIDDEN if low is None or high is None else f"{low:x}-{high + 1:x}"
        if token["number"]:
            pid = int(token["number"])
            if pid in asked:
                asked.remove(pid)
                asked.insert(0, pid)
            return token[0]
        address = shown(token["bare"])
        return token[0] if address is None else f"{address:x}"

    return _TOKEN.sub(replace, text)
