"""One target under atheris: `python -m tests.fuzz.one NAME SECONDS DIRECTORY`.

Guided by coverage of our own packages. What is found does not end the run: each finding, by the
kind and place of its exception, is written to DIRECTORY once, the shortest input that shows it.
The last line is one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(
    include=["hugescope", "hugescope_agent", "hugescope_server", "hugescope_wire"]
):
    from tests.fuzz.registry import Target
    from tests.fuzz.targets import BY_NAME

SLOW_S: Final = 5.0
"""For one input: more is a finding."""

MOST_BYTES: Final = 1 << 14
MEMORY_MIB: Final = 2048


class Run:
    """The runs of one target, and what they found."""

    def __init__(self, target: Target, directory: Path, seconds: float) -> None:
        self._target = target
        self._directory = directory
        self._end_s = time.monotonic() + seconds
        self.runs = 0
        self.found: dict[str, tuple[int, str]] = {}

    def take(self, data: bytes) -> None:
        """One input."""
        if time.monotonic() >= self._end_s:
            self.end()
        begin_s = time.monotonic()
        error = self._target.finding(data)
        self.runs += 1
        if error is not None:
            self._note(_place(error), "".join(traceback.format_exception(error)), data)
        if time.monotonic() - begin_s > SLOW_S:
            self._note("slow", f"took {time.monotonic() - begin_s:.1f} s\n", data)

    def end(self) -> None:
        """Say what was found; libFuzzer itself would end without a word of ours."""
        findings = {place: text for place, (_, text) in self.found.items()}
        print(json.dumps({"target": self._target.name, "runs": self.runs, "findings": findings}))
        sys.stdout.flush()
        os._exit(1 if findings else 0)

    def _note(self, place: str, text: str, data: bytes) -> None:
        known = self.found.get(place)
        if known is None or len(data) < known[0]:
            self.found[place] = (len(data), text)
            name = f"{self._target.name}-{place}".replace("/", "_").replace(":", "-")
            (self._directory / name).write_bytes(data)


def _place(error: BaseException) -> str:
    """Kind and place: the innermost line of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if "hugescope" in one.filename] or list(frames)
    return f"{type(error).__name__}:{Path(ours[-1].filename).name}:{ours[-1].lineno}"


def main() -> None:
    """Run it until the time is over."""
    name, seconds, place = sys.argv[1:]
    target, directory = BY_NAME[name], Path(place)
    corpus = directory / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    run = Run(target, directory, float(seconds))
    options = [f"-max_len={MOST_BYTES}", f"-rss_limit_mb={MEMORY_MIB}", "-timeout=60"]
    artifacts = f"-artifact_prefix={directory}/{name}-"
    atheris.Setup([sys.argv[0], *options, artifacts, "-verbosity=0", str(corpus)], run.take)
    atheris.Fuzz()
    run.end()


if __name__ == "__main__":
    main()
