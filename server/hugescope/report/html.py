"""Elements of HTML whose text and attributes cannot end them: whatever a process calls itself."""

from __future__ import annotations

import html
import json
from typing import Any, Final

_VOID: Final = frozenset({"meta", "br"})


class Html(str):
    """Markup that was made here; any other string is text, and is escaped."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | int | bool | None) -> Html:
    """An element. `_` in a name of an attribute is `-`, one at its end is dropped (`class_`); False
    and None leave an attribute out.
    """
    opened = name
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        opened += f" {word}" if value is True else f' {word}="{html.escape(_visible(str(value)))}"'
    if name in _VOID:
        return Html(f"<{opened}>")
    return Html(f"<{opened}>{joined(*children)}</{name}>")


def joined(*children: str) -> Html:
    """One after the other."""
    return Html(
        "".join(
            child if isinstance(child, Html) else html.escape(_visible(child)) for child in children
        )
    )


def json_block(name: str, document: str) -> Html:
    """JSON that a script, or a person, finds in the page by this id; it is never run."""
    for sign in "<>&":
        document = document.replace(sign, f"\\u{ord(sign):04x}")
    return Html(f'<script type="application/json" id="{name}">{document}</script>')


def compact(value: list[dict[str, Any]]) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _visible(text: str) -> str:
    """A control character, or one that turns the direction of text, is shown and does nothing."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
