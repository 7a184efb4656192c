"""Each target takes hostile input by hypothesis: the same examples in every run, for a test that
finds something on one day only is no test. `make fuzz` looks for what is new.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.mutations import hostile
from tests.fuzz.registry import Target
from tests.fuzz.seeds import FOUND
from tests.fuzz.targets import BY_NAME, TARGETS


def check(target: Target, data: bytes) -> None:
    """Nothing but what is documented comes of it."""
    error = target.finding(data)
    if error is not None:
        raise AssertionError(f"{target.name}: not documented for {data!r:.200}") from error


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_hostile_input(target: Target) -> None:
    seeds = tuple(target.seeds())

    @settings(
        max_examples=target.examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile(seeds))
    def try_it(data: bytes) -> None:
        check(target, data)

    try_it()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_seeds_are_as_they_should_be(target: Target) -> None:
    """Else everything that is made from them ends at the first check."""
    seeds = target.seeds()
    assert seeds
    accepted = 0
    for seed in seeds:
        try:
            target.run(seed)
            accepted += 1
        except target.allowed:
            continue
    assert accepted > 0


@pytest.mark.parametrize("file", sorted(FOUND.glob("*/*")), ids=lambda file: file.parent.name)
def test_what_was_found_once_is_mended(file) -> None:
    """tests/data/fuzz/TARGET/: input that once raised what is not documented."""
    check(BY_NAME[file.parent.name], file.read_bytes())
