"""The sampler against processes that change in the middle of a look, wherever that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.kernel.pagemap import Pagemap
from hugescope_agent.kernel.process import VmaFinder
from hugescope_agent.watch import Watch
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.puppets import (
    KERNELS,
    LiveFollower,
    Puppet,
    agrees_with_a_fresh_look,
    all_capabilities,
    following,
    puppet,
)

pytestmark = pytest.mark.kernel


@pytest.fixture(autouse=True)
def pages() -> Iterator[None]:
    """Enough for any one test of this file."""
    with extra_pages(MIB2, 16):
        yield


@pytest.fixture
def one() -> Iterator[Puppet]:
    """A process without huge pages yet."""
    with puppet() as made:
        yield made


@pytest.fixture(params=list(KERNELS))
def host(request: pytest.FixtureRequest) -> Iterator[LiveFollower]:
    """Followed with all capabilities and as on older kernels."""
    narrowed = all_capabilities().model_copy(update=KERNELS[request.param])
    with following(narrowed=narrowed) as follower:
        yield follower


# Where in a look a process may vanish: before the call of each of these, for the first time.
PLACES: dict[str, tuple[type, str]] = {
    "looking for mappings": (VmaFinder, "vmas"),
    "opening its pagemap": (Pagemap, "__init__"),
    "smaps": (Watch, "refresh_smaps"),
    "scanning": (Pagemap, "scan"),
    "reading entries": (Pagemap, "words_at"),
    "asking whether it stands": (VmaFinder, "stands"),
    "counts": (KpageFiles, "counts"),
}


def first_time(
    monkeypatch: pytest.MonkeyPatch, place: tuple[type, str], act: Callable[[], None]
) -> list[bool]:
    """Do something just before the first call of a method; tells whether it came to it."""
    kind, name = place
    real = getattr(kind, name)
    done: list[bool] = []

    def before(*arguments: Any, **named: Any) -> Any:
        if not done:
            done.append(True)
            act()
        return real(*arguments, **named)

    monkeypatch.setattr(kind, name, before)
    return done


@pytest.mark.parametrize("when", ["full", "tick"])
@pytest.mark.parametrize("place", PLACES)
def test_a_process_that_vanishes_in_mid_scan(
    host: LiveFollower, one: Puppet, monkeypatch: pytest.MonkeyPatch, place: str, when: str
) -> None:
    """The scan goes on with the others, and the next one shows the truth."""
    with puppet() as other:
        for each in (one, other):
            each.do("memfd", 0, 4)
            each.do("touch", 0, [0, 2])
        if when == "tick":
            host.full()
            for each in (one, other):
                each.do("touch", 0, [1])
        done = first_time(monkeypatch, PLACES[place], one.kill)
        if when == "full":
            host.full()
        else:
            host.ticks()
        monkeypatch.undo()
        if not done:
            one.kill()
        host.ticks()
        assert host.shown(one.pid) == {}
        assert host.states(other.pid) == ["mhmh" if when == "full" else "mmmh"]
        agrees_with_a_fresh_look(host, one.pid, other.pid)


@pytest.mark.parametrize("when", ["full", "tick"])
@pytest.mark.parametrize("place", PLACES)
def test_a_mapping_that_is_replaced_in_mid_scan(
    host: LiveFollower, one: Puppet, monkeypatch: pytest.MonkeyPatch, place: str, when: str
) -> None:
    one.do("memfd", 0, 4, "before")
    one.do("touch", 0, [0, 2])
    if when == "tick":
        host.full()
        one.do("touch", 0, [1])

    def replace() -> None:
        one.do("memfd", 0, 4, "after")
        one.do("touch", 0, [3])

    if not first_time(monkeypatch, PLACES[place], replace):
        pass
    if when == "full":
        host.full()
    else:
        host.ticks()
    monkeypatch.undo()
    agrees_with_a_fresh_look(host, one.pid)


@pytest.mark.parametrize("place", ["reading entries", "counts"])
def test_a_page_that_left_for_a_moment(
    host: LiveFollower, one: Puppet, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Punched out after the scan saw it, and faulted in again before the next one."""
    one.do("memfd", 0, 4)
    one.do("touch", 0, [0, 1, 2, 3])
    with monkeypatch.context() as patch:
        first_time(patch, PLACES[place], lambda: one.do("punch", 0, 1))
        host.full()
    one.do("touch", 0, [1])
    agrees_with_a_fresh_look(host, one.pid)
    assert host.states(one.pid) == ["mmmm"]
    with monkeypatch.context() as patch:
        first_time(patch, PLACES[place], lambda: one.do("punch", 0, 2))
        host.ticks(1)
    one.do("touch", 0, [2])
    agrees_with_a_fresh_look(host, one.pid)
    assert host.states(one.pid) == ["mmmm"]
