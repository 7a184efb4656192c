"""Writers that are killed at a random moment, and whether what they left is right."""

from __future__ import annotations

import os
import random
import signal
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from hugescope_agent.recording import Recorder
from hugescope_agent.sample import Sample
from hugescope_server.history.archive import HistoryArchive
from hugescope_server.history.hostfiles import HostFiles
from hugescope_server.history.waiting import Frames
from hugescope_wire.archive import Archive
from hugescope_wire.frames import split_frame
from tests.unit.wire.segments.made_series import Moment, compare, open_or_none

_COUNT = struct.Struct("<I")
BATCH = 5

Say = Callable[[int], None]
"""Tells that so many frames, from the first, were written: a killed process cannot take that back.
"""


def record(path: Path, truth: list[Moment], say: Say) -> None:
    """As `hugescope record` does, as fast as it goes; says what it wrote by the file's growth."""
    recorder = Recorder(path)
    size = path.stat().st_size
    for number, one in enumerate(truth):
        raw = split_frame(one.frame.data)
        recorder.add(Sample(raw.meta, list(raw.blocks)))
        if (now := path.stat().st_size) > size:
            # It writes the first frame at once, and then with the one that makes a second full.
            size = now
            say(number + 1)
    recorder.close()
    say(len(truth))


def keep(directory: Path, truth: list[Moment], say: Say) -> None:
    """As the server's history does."""
    files = HostFiles(directory, "h1", 6000, HistoryArchive(directory / "h1", "h1"))
    for begin in range(0, len(truth), BATCH):
        some = truth[begin : begin + BATCH]
        files.write([Frames([one.frame for one in some], some[-1].after)])
        files.sync()
        say(begin + len(some))


@contextmanager
def child(work: Callable[[Say], None]) -> Iterator[tuple[int, int]]:
    """A process that does this; its pid, and where it says how far it came."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # The child runs nothing that a thread of this process might hold a lock of.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            work(lambda count: _say(writing, count))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        yield pid, reading
    finally:
        os.close(reading)
        os.waitpid(pid, 0)


def kill_within(pid: int, reading: int, draw: random.Random, most_s: float) -> int:
    """Let it begin, kill it a random time later; how many frames it said that it wrote."""
    said = os.read(reading, _COUNT.size)
    time.sleep(draw.random() ** 2 * most_s)
    os.kill(pid, signal.SIGKILL)
    while more := os.read(reading, 4096):
        said += more
    whole = len(said) - len(said) % _COUNT.size
    return int(_COUNT.unpack_from(said, whole - _COUNT.size)[0]) if whole else 0


def _say(fd: int, count: int) -> None:
    os.write(fd, _COUNT.pack(count))


def check_recording(path: Path, truth: list[Moment], said: int, seed: int) -> int:
    """All that was said to be written is there, and right; how many frames are."""
    archive = open_or_none(path)
    if archive is None:
        assert said == 0
        return 0
    read = compare(archive, truth, 1, seed)
    assert read >= said
    assert read == len(truth) or archive.losses
    return read


def check_history(directory: Path, runs: list[tuple[list[Moment], int]], seed: int) -> int:
    """The same of one history that several runs wrote."""
    archive = HistoryArchive(directory / "h1", "h1")
    written = [one for truth, _ in runs for one in truth]
    times = {record.at_s for record in archive.records()}
    for truth, said in runs:
        assert times.issuperset(one.at_s for one in truth[:said])
    kept = [one for one in written if one.at_s in times]
    _between_runs_is_lost(
        archive, [[one for one in truth if one.at_s in times] for truth, _ in runs]
    )
    return compare(archive, kept, 2, seed)


def _between_runs_is_lost(archive: Archive, runs: list[list[Moment]]) -> None:
    """From the last frame of one to the first of the next."""
    there = [run for run in runs if run]
    told = {(round(one.since_s, 3), round(one.until_s or 0, 3)) for one in archive.losses}
    for before, after in pairwise(there):
        assert (round(before[-1].at_s, 3), round(after[0].at_s, 3)) in told
