"""Any folding of frames says what the frames said."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hugescope_server.timeline.fold import Step, folded
from hugescope_server.timeline.player import Player
from hugescope_wire.picture import Change, HostPicture
from hugescope_wire.vm import MAX_FAULTS, Fault, Faults
from tests.unit.server.made_viewer import same
from tests.unit.server.timeline.made_time import made_archive, made_records


def steps_of(seed: int, frames: int = 80, restart_at: int = 0) -> list[Step]:
    archive = made_archive(made_records(random.Random(seed), frames, restart_at))
    return list(Player(archive, archive.began_s).steps(archive.ended_s))


def check(before: HostPicture, step: Step) -> None:
    """The change of a step leads from one picture to the other, and claims nothing that is not."""
    after, change = step.picture, step.change
    assert step.before.keys() == before.mappings.keys()
    assert change.gone == before.mappings.keys() - after.mappings.keys()
    assert change.cells.keys() <= after.mappings.keys()
    for number in after.mappings:
        if number not in before.mappings:
            assert change.cells[number] is None
        elif number not in change.cells:
            assert same(before.cells[number], after.cells[number])
        elif (index := change.cells[number]) is not None:
            assert bool(np.all(np.diff(index) > 0))
            moved = before.cells[number].replaced(index, after.cells[number].take(index))
            assert same(moved, after.cells[number])


@pytest.mark.parametrize("seed", range(12))
def test_any_folding_gives_the_same_picture_and_the_same_change(seed: int) -> None:
    rng = random.Random(seed)
    steps = steps_of(seed, restart_at=rng.choice((0, 40)))
    whole = folded(steps)
    for _ in range(6):
        cuts = sorted({0, len(steps), *rng.sample(range(1, len(steps)), rng.randint(0, 20))})
        parts = [one for low, high in pairwise(cuts) for one in folded(steps[low:high])]
        before = HostPicture()
        for step in parts:
            check(before, step)
            before = step.picture
        assert same_steps(folded(parts), whole)


def same_steps(one: list[Step], two: list[Step]) -> bool:
    """Equal in all that folding makes."""

    def told(step: Step) -> object:
        cells = {
            number: None if index is None else index.tolist()
            for number, index in step.change.cells.items()
        }
        change = step.change
        flags = (change.gone, change.about, change.full, step.at_s, step.run, step.unseen)
        return cells, flags, step.picture.snapshot()

    return [told(step) for step in one] == [told(step) for step in two]


def test_what_went_and_came_again_is_new_in_full_and_what_came_and_went_was_never_there() -> None:
    (first, *_) = steps_of(1, 2)
    info = first.picture.mappings[1]

    def step(before: list[int], after: list[int], **change: Any) -> Step:
        picture = HostPicture(1, first.picture.about, dict.fromkeys(after, info), {})
        named = {"cells": {}, "gone": frozenset(), "about": False, "full": False, **change}
        return replace(
            first, before=dict.fromkeys(before, info), picture=picture, change=Change(**named)
        )

    comes = step([1, 7], [1, 5], cells={1: np.array([2]), 5: None}, gone=frozenset((7,)))
    goes = step([1, 5], [], gone=frozenset((1, 5)), about=True)
    back = step([], [1], cells={1: None})
    (two,) = folded([comes, goes])
    assert two.change == Change({}, frozenset((1, 7)), about=True, full=False)
    (three,) = folded([two, back])
    assert three.change == Change({1: None}, frozenset((7,)), about=True, full=False)


def test_faults_of_all_frames_are_told_and_of_too_many_the_latest() -> None:
    (step, *_) = steps_of(1, 2)
    fault = Fault(pid=1, address=4096, at_s=1.0)
    one = replace(step, faults=Faults(watched=[1], faults=[fault], lost=2))
    two = replace(step, faults=Faults(watched=[3], faults=[fault] * MAX_FAULTS, lost=0))
    (both,) = folded([one, replace(step, faults=None), two])
    assert both.faults is not None
    assert both.faults.watched == [1, 3]
    assert len(both.faults.faults) == MAX_FAULTS
    assert both.faults.lost == 3
