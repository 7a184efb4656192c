"""What is left of recordings and of history when their writers are killed, or bits of them flip.

Kills `hugescope record` and `hugescope serve` (kill -9, at random moments), cuts a sample at every
byte, and flips 10,000 bits of it; every picture that can still be read is compared with the truth
by its state hash, and what is missing has to be told with its time. The last line is one JSON
object; `wrong`, `untold` and `holes` have to be 0.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
from itertools import accumulate
from pathlib import Path

from bench.crash_record import kill_records
from bench.crash_server import kill_servers
from tests.unit.wire.segments.made_series import compare_file, parts_of, series


def cut_everywhere(directory: Path) -> dict[str, int]:
    truth = series(24, seed=3, cells=8)
    parts = parts_of(truth)
    data, ends = b"".join(parts), list(accumulate(map(len, parts)))
    path, short = directory / "cut.hsrec", 0
    for length in range(len(data)):
        path.write_bytes(data[:length])
        whole = sum(end <= length for end in ends[1:-1])
        short += compare_file(path, truth, 1, length) < 4 * whole
    return {"cuts": len(data), "cuts_that_cost_whole_records": short}


def flip_bits(directory: Path, flips: int) -> dict[str, int]:
    truth = series(40, seed=4, cells=12)
    data, path, draw = b"".join(parts_of(truth)), directory / "flipped.hsrec", random.Random(1)
    nothing_left = 0
    for number in range(flips):
        bit = draw.randrange(8 * len(data))
        raw = bytearray(data)
        raw[bit // 8] ^= 1 << bit % 8
        path.write_bytes(raw)
        nothing_left += compare_file(path, truth, 1, number) == 0
    return {"flips": flips, "flips_that_cost_all": nothing_left}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000, help="of each")
    parser.add_argument("--flips", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hugescope-crash-") as name:
        directory = Path(name)
        os.environ["HUGESCOPE_STATE_DIR"] = str(directory / "state")
        # A wrong picture, or a loss that is not told, is an AssertionError.
        result: dict[str, object] = {**cut_everywhere(directory)}
        print(f"cut at {result['cuts']} places", flush=True)
        result |= flip_bits(directory, arguments.flips)
        print(f"flipped {arguments.flips} bits", flush=True)
        result |= kill_records(directory, arguments.kills)
        print(f"killed {arguments.kills} recorders", flush=True)
        history = directory / "history"
        result |= kill_servers(history, arguments.kills)
        print(f"killed {arguments.kills} servers", flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
