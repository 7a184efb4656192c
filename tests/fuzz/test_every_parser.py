"""No parser without a target: modules are enumerated, and what is left out says why."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from types import FunctionType, ModuleType
from typing import Any, Final

import hugescope
import hugescope_agent
import hugescope_server
import hugescope_wire
from tests.fuzz.registry import Target
from tests.fuzz.targets import TARGETS

PACKAGES: Final = (hugescope, hugescope_agent, hugescope_server, hugescope_wire)
TEXT: Final = re.compile(r"\b(?:bytes|bytearray|memoryview|str)\b")
BYTES: Final = re.compile(r"\b(?:bytes|bytearray|memoryview)\b")

OURS = "its text is names, words and flags that our own code gives it"
TYPED = "its arguments are what the person who runs it typed, which typer and it check by name"
READS = "it reads files whose text the target captured-tree changes, and its parsers have targets"
KERNEL = "its bytes are what an ioctl or a ring gave, whole records by construction"
RECORDS = "it takes records that were checked where they entered"
SOCKETS = "a socket's shell: what comes is parsed by what has a target; tests/integration"
PAGE = "it puts checked records in words; text becomes markup in what page-text tries"
STORED = "a file's shell: bytes are read by what the recording and segment targets try"
PAST = "it takes archives, whose records those who read them check, and ids of our own"
HTTP = "a route: tests/fuzz/test_rest.py, by its own OpenAPI description"

EXCLUDED: Final = {
    "hugescope.child": OURS,
    "hugescope.commands": TYPED,
    "hugescope.guest_demo": OURS,
    "hugescope.plain": "takes any text: tests/unit/hugescope/test_plain.py",
    "hugescope.privilege": TYPED,
    "hugescope.replaying": TYPED,
    "hugescope.report.figures": PAGE,
    "hugescope.report.host": PAGE,
    "hugescope.report.live": OURS,
    "hugescope.report.mappings": PAGE,
    "hugescope.report.measured": PAGE,
    "hugescope.report.page": PAGE,
    "hugescope.report.palette": OURS,
    "hugescope.report.plotly_js": "it reads plotly.js, which is installed with us",
    "hugescope.report.tables": PAGE,
    "hugescope.report.words": OURS,
    "hugescope.serving": TYPED,
    "hugescope_agent.errors": OURS,
    "hugescope_agent.faultwatch": OURS,
    "hugescope_agent.kernel.asking": "its answers come from our own opener, over a socket of ours",
    "hugescope_agent.kernel.capabilities": OURS,
    "hugescope_agent.kernel.decimals": "by every parser of numbers; tests/unit/agent/kernel",
    "hugescope_agent.kernel.descriptors": READS,
    "hugescope_agent.kernel.kpage": READS,
    "hugescope_agent.kernel.pagemap": KERNEL,
    "hugescope_agent.kernel.textwalks": READS,
    "hugescope_agent.kernel.tiers": OURS,
    "hugescope_agent.model.findings": RECORDS,
    "hugescope_agent.model.holdings": RECORDS,
    "hugescope_agent.model.shared_table": RECORDS,
    "hugescope_agent.model.thp": RECORDS,
    "hugescope_agent.model.thp_cells": KERNEL,
    "hugescope_agent.model.whois": OURS,
    "hugescope_agent.outbox": "its frames are our own; tests/unit/test_link_model.py",
    "hugescope_agent.playback": PAST,
    "hugescope_agent.privileges": TYPED,
    "hugescope_agent.recording": "a file's shell: hugescope_wire.recording has a target",
    "hugescope_agent.replay": "archives: tests/unit/agent/test_replay.py",
    "hugescope_agent.survey": RECORDS,
    "hugescope_agent.vmwatch": OURS,
    "hugescope_agent.watch": RECORDS,
    "hugescope_agent.workloads": "talks to its own children and to a QEMU that it started",
    "hugescope_server.auth.limits": OURS,
    "hugescope_server.auth.records": RECORDS,
    "hugescope_server.bus": OURS,
    "hugescope_server.connections": SOCKETS,
    "hugescope_server.errors": OURS,
    "hugescope_server.history.archive": STORED,
    "hugescope_server.history.history": STORED,
    "hugescope_server.history.hostfiles": STORED,
    "hugescope_server.history.waiting": OURS,
    "hugescope_server.history.worker": OURS,
    "hugescope_server.hoststate": RECORDS,
    "hugescope_server.hub": RECORDS,
    "hugescope_server.metrics.families": RECORDS,
    "hugescope_server.metrics.hosts": RECORDS,
    "hugescope_server.metrics.reports": RECORDS,
    "hugescope_server.migration": RECORDS,
    "hugescope_server.openapi_page": OURS,
    "hugescope_server.routes": HTTP,
    "hugescope_server.run": OURS,
    "hugescope_server.static": HTTP,
    "hugescope_server.tasks": OURS,
    "hugescope_server.timeline.brought": STORED,
    "hugescope_server.timeline.happenings": RECORDS,
    "hugescope_server.timeline.past": PAST,
    "hugescope_server.timeline.scan": PAST,
    "hugescope_server.timeline.scene": PAST,
    "hugescope_server.timeline.traveller": OURS,
    "hugescope_server.veil.desk": RECORDS,
    "hugescope_server.veil.hub": RECORDS,
    "hugescope_server.veil.places": "its text stands in for keys, and goes into a hash",
    "hugescope_server.veil.records": RECORDS,
    "hugescope_server.veil.sight": RECORDS,
    "hugescope_wire.compare": RECORDS,
    "hugescope_wire.errors": OURS,
    "hugescope_wire.frames.encode_cells": OURS,
}
"""A module, a package with all that is in it, or a function, and why it needs no target."""


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """Those that a module defines, methods too, with their qualified names."""
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            yield name, value
        elif inspect.isclass(value) and value.__module__ == module.__name__:
            for inner, method in vars(value).items():
                plain = inspect.unwrap(getattr(method, "__func__", method))
                if inner == "__init__" and is_dataclass(value):
                    continue  # made of its fields, and takes what others have parsed
                if inspect.isfunction(plain) and plain.__module__ == module.__name__:
                    yield f"{name}.{inner}", plain


def takes(function: FunctionType, kind: re.Pattern[str]) -> bool:
    """Whether a parameter of it is of this kind, by its annotations as they are written."""
    return any(
        kind.search(str(annotation))
        for name, annotation in function.__annotations__.items()
        if name != "return"
    )


def is_public(name: str) -> bool:
    return all(not part.startswith("_") for part in name.split("."))


def parsers() -> dict[str, list[str]]:
    """Modules with functions that take text or bytes, and of those the public ones with bytes."""
    found: dict[str, list[str]] = {}
    for module in modules():
        taking = [(name, one) for name, one in functions(module) if takes(one, TEXT)]
        if taking:
            found[module.__name__] = [
                name for name, one in taking if is_public(name) and takes(one, BYTES)
            ]
    return found


def excluded(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:end]) in EXCLUDED for end in range(1, len(parts) + 1))


def split(covered: str) -> tuple[str, str]:
    """Module and qualified name."""
    parts = covered.split(".")
    at = next(end for end in range(len(parts), 0, -1) if ".".join(parts[:end]) in sys.modules)
    return ".".join(parts[:at]), ".".join(parts[at:])


COVERED: Final = {name for target in TARGETS for name in target.covers}


def test_every_module_that_takes_text_or_bytes_has_a_target() -> None:
    with_target = {split(name)[0] for name in COVERED}
    missing = [one for one in parsers() if one not in with_target and not excluded(one)]
    assert missing == [], "give these a target, or say in EXCLUDED why they need none"


def test_every_public_function_that_takes_bytes_has_a_target() -> None:
    missing = [
        f"{module}.{name}"
        for module, names in parsers().items()
        for name in names
        if f"{module}.{name}" not in COVERED and not excluded(f"{module}.{name}")
    ]
    assert missing == []


def test_nothing_is_left_out_for_no_reason() -> None:
    found = parsers()
    names = {*found, *(f"{module}.{name}" for module in found for name in found[module])}
    stale = [
        one
        for one in EXCLUDED
        if not any(name == one or name.startswith(f"{one}.") for name in names)
    ]
    assert stale == []


def code_of(covered: str) -> Any:
    module, name = split(covered)
    value: Any = sys.modules[module]
    for part in name.split("."):
        value = inspect.getattr_static(value, part) if inspect.isclass(value) else vars(value)[part]
    plain = inspect.unwrap(getattr(value, "__func__", value))
    return plain.__code__


def test_each_target_reaches_what_it_covers() -> None:
    """By running it on its seeds: a name in a list proves nothing."""
    for target in TARGETS:
        wanted = {code_of(name): name for name in target.covers}
        assert set(wanted.values()) - reached(target, wanted) == set(), target.name


def reached(target: Target, wanted: dict[Any, str]) -> set[str]:
    found: set[str] = set()

    def note(frame: Any, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code in wanted:
            found.add(wanted[frame.f_code])

    sys.setprofile(note)
    try:
        for seed in target.seeds():
            target.finding(seed)
    finally:
        sys.setprofile(None)
    return found


def patterns() -> Iterator[tuple[str, str]]:
    """Every expression that is a constant and looks for beginnings of lines."""
    for module in modules():
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and value.flags & re.MULTILINE:
                text = value.pattern
                yield f"{module.__name__}.{name}", text if isinstance(text, str) else repr(text)


def test_no_line_begins_with_blanks_that_may_be_more_lines() -> None:
    """Of n empty lines each would be looked through to the last: 100 KB took eight seconds."""
    found = dict(patterns())
    assert len(found) > 10
    assert [name for name, pattern in found.items() if re.search(r"\^\(*\\+s", pattern)] == []
