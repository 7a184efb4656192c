"""What history costs: bytes a changed page on disk, and milliseconds to any moment.

An hour of a VM of 64 GiB (2 MiB pages) of which 1 % of the pages, anywhere, change each second, in
frames at 10 Hz as an agent sends them, is recorded at the speed at which it can be made up. Then
random moments are each looked up in a recording that is opened anew. Peers, in the same
run: the same frames as the first format stored them, packed by gzip and by xz. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import statistics
import struct
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any, Final

from bench.crash_record import made_tree
from bench.history_host import ChangingHost

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sampler import Sampler
from hugescope_wire.archive import open_archive, picture_at
from hugescope_wire.frames import decode_frame
from hugescope_wire.host import Source
from hugescope_wire.picture import HostPicture
from hugescope_wire.report import HostReport
from hugescope_wire.segments.deltas import TimedFrame
from hugescope_wire.segments.writer import WRITE_EVERY_S, SegmentWriter, frozen
from hugescope_wire.statehash import state_hash

CHECKED: Final = 100
US: Final = 1_000_000


class Peers:
    """The same frames as the first format kept them, packed as a whole."""

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(6, wbits=31)
        self._xz = lzma.LZMACompressor(preset=1)
        self.plain_bytes = self.gzip_bytes = self.xz_bytes = 0

    def add(self, after_s: float, frame: bytes) -> None:
        body = struct.pack("<d", after_s) + frame
        record = struct.pack("<II", len(frame), zlib.crc32(body)) + body
        self.plain_bytes += len(record)
        self.gzip_bytes += len(self._gzip.compress(record))
        self.xz_bytes += len(self._xz.compress(record))

    def end(self) -> None:
        self.gzip_bytes += len(self._gzip.flush())
        self.xz_bytes += len(self._xz.flush())


def made_report() -> HostReport:
    """What a sampler says of a small made-up host."""
    with tempfile.TemporaryDirectory(prefix="hugescope-bench-") as directory:
        root = Root.at(str(made_tree(Path(directory) / "tree")))
        files = HostFiles(root)
        sampler = Sampler(files, Source(kind="capture", name="made up"))
        try:
            sampler.full()
            return sampler.survey()
        finally:
            sampler.close()
            files.close()


def write(path: Path, seconds: int, peers: Peers) -> tuple[ChangingHost, dict[float, str], float]:
    """The recording; state hashes of some moments; seconds that writing took."""
    host, picture, writer = ChangingHost(made_report()), HostPicture(), SegmentWriter()
    chosen = set(random.Random(1).sample(range(seconds * 10), CHECKED))
    hashes, spent_s, began_s, due_s = {}, 0.0, 0.0, 0.0
    batch: list[TimedFrame] = []
    with path.open("wb", buffering=0) as file:
        file.write(writer.begin_file())
        for number, (at_s, data) in enumerate(host.frames(seconds)):
            began_s = began_s or at_s
            picture.apply(decode_frame(data))
            at_us = round(at_s * US)
            if number in chosen:
                hashes[at_us / US] = state_hash(picture)
            peers.add(at_s - began_s, data)
            batch.append(TimedFrame(at_us, data))
            if at_s >= due_s:
                due_s = max(due_s, began_s) + WRITE_EVERY_S
                begun = time.perf_counter()
                file.write(writer.batch(batch, frozen(picture)))
                spent_s += time.perf_counter() - begun
                batch = []
        if batch:
            file.write(writer.batch(batch, frozen(picture)))
        file.write(writer.end())
    peers.end()
    return host, hashes, spent_s


def seek_ms(path: Path, moments: list[float]) -> tuple[list[float], float]:
    """How long each takes from a closed file to a picture; and the mean of CPU time."""
    took, cpu_s = [], time.process_time()
    for at_s in moments:
        begun = time.perf_counter()
        picture_at(open_archive(path), at_s)
        took.append(1000 * (time.perf_counter() - begun))
    return sorted(took), 1000 * (time.process_time() - cpu_s) / len(moments)


def measured(seconds: int, seeks: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hugescope-bench-") as directory:
        path, peers = Path(directory) / "hour.hsrec", Peers()
        host, hashes, spent_s = write(path, seconds, peers)
        archive = open_archive(path)
        wrong = sum(state_hash(picture_at(archive, at_s)) != hashes[at_s] for at_s in hashes)
        span = (archive.began_s, archive.ended_s)
        draw = random.Random(2)
        took, cpu_ms = seek_ms(path, [draw.uniform(*span) for _ in range(seeks)])
        size = path.stat().st_size
    return {
        "seconds": seconds,
        "changed_pages": host.changed,
        "bytes": size,
        "bytes_per_changed_page": round(size / host.changed, 3),
        "seek_p50_ms": round(statistics.median(took), 1),
        "seek_p95_ms": round(took[int(0.95 * len(took))], 1),
        "seek_max_ms": round(took[-1], 1),
        "seek_cpu_mean_ms": round(cpu_ms, 1),
        "seeks": seeks,
        "write_ms_per_second": round(1000 * spent_s / seconds, 2),
        "peer_gzip_ratio": round(peers.gzip_bytes / size, 2),
        "peer_xz_ratio": round(peers.xz_bytes / size, 2),
        "peer_plain_ratio": round(peers.plain_bytes / size, 2),
        "moments_checked": len(hashes),
        "moments_wrong": wrong,
        "losses": len(archive.losses),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--seeks", type=int, default=300)
    arguments = parser.parse_args()
    result = measured(arguments.seconds, arguments.seeks)
    print(
        f"{result['bytes_per_changed_page']} bytes a changed page (bound 3); "
        f"to any moment {result['seek_p50_ms']} ms, p95 {result['seek_p95_ms']}, "
        f"at most {result['seek_max_ms']} (bound 150)"
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
