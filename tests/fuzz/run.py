"""`make fuzz`: every target for so long under atheris, a process each; the last line is JSON.

make fuzz ARGS="--seconds 60 --only frame --only smaps --keep DIRECTORY"
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.fuzz.targets import BY_NAME, TARGETS

PATIENCE_S: Final = 900.0
"""Beyond its time, for a target to start and to end: where ten processes wait for two cores, two
minutes are gone before all of our modules are instrumented. An input that takes a minute is ended
and told by libFuzzer itself.
"""


def fuzzed(name: str, seconds: float, directory: Path, scratch: Path) -> dict[str, Any]:
    """What one process says of its target; a process that died is a finding too."""
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(seconds), str(directory)]
    # It ends without cleaning up, as libFuzzer does.
    own = {"HUGESCOPE_STATE_DIR": str(scratch / "state"), "TMPDIR": str(scratch)}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds + PATIENCE_S,
            env={**os.environ, **own},
        )
    except subprocess.TimeoutExpired as late:
        text = (late.stderr or b"").decode("utf-8", "replace")[-4000:]
        return {"target": name, "runs": 0, "findings": {"hung": f"did not end in time\n{text}"}}
    lines = done.stdout.splitlines()
    if lines and lines[-1].startswith("{"):
        result: dict[str, Any] = json.loads(lines[-1])
        return result
    text = done.stderr[-4000:]
    return {"target": name, "runs": 0, "findings": {f"died with {done.returncode}": text}}


def chosen() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each target")
    parser.add_argument("--only", action="append", choices=sorted(BY_NAME), metavar="NAME")
    parser.add_argument("--keep", type=Path, help="leave the corpus and what was found here")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at once")
    given = parser.parse_args()
    if given.seconds <= 0 or given.jobs <= 0:
        parser.error("--seconds and --jobs must be more than 0")
    return given


def main() -> int:
    """Run them; 1 where anything was found."""
    given = chosen()
    if importlib.util.find_spec("atheris") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            f"make fuzz needs atheris, which has no wheel for Python {version} on this machine: it "
            "has some for 3.11 to 3.13 on x86-64"
        )
    names = given.only or [target.name for target in TARGETS]
    with tempfile.TemporaryDirectory(prefix="hugescope-fuzz-") as scratch:
        directory = (given.keep or Path(scratch)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(given.jobs) as pool:
            waiting = [
                pool.submit(fuzzed, name, given.seconds, directory, Path(scratch)) for name in names
            ]
            results = [one.result() for one in waiting]
    print(f"{'target':20} {'runs':>9}  findings")
    for one in results:
        print(f"{one['target']:20} {one['runs']:9}  {', '.join(one['findings']) or '-'}")
        for text in one["findings"].values():
            print(text, file=sys.stderr)
    findings = sum(len(one["findings"]) for one in results)
    summary = {
        "targets": len(results),
        "runs": sum(one["runs"] for one in results),
        "findings": findings,
        "seconds_each": given.seconds,
    }
    print(json.dumps(summary))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
