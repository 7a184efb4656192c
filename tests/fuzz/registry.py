"""What a fuzz target is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

WHERE: Final = "made/up"
"""The name of a file, for parsers that want one for their errors."""


@dataclass(frozen=True, slots=True)
class Target:
    """One way in for bytes that somebody else made.

    Attributes:
        name: as `--only` takes it.
        run: takes any bytes; checks by itself what must hold of the result.
        seeds: real or made-up input that is as it should be, from which others are made.
        covers: the functions that it is there for, by module and qualified name.
        allowed: what `run` may raise, as the functions document it; anything else is a finding.
        examples: that CI tries of it.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    covers: tuple[str, ...]
    allowed: tuple[type[Exception], ...] = ()
    examples: int = 100

    def finding(self, data: bytes) -> Exception | None:
        """What it raised and may not; None where all is well."""
        try:
            self.run(data)
        except self.allowed:
            return None
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return error
        return None


def of_text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """A parser of text, with its bytes read as those of small kernel files are."""
    return lambda data: parse(data.decode("utf-8", "replace"))


def of_names(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """A parser of text in which bytes that are no UTF-8 stay, as in names of files."""
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))
