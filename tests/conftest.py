"""In CI a test on the real kernel or in the browser must run: there its skip is a failure.

Elsewhere it skips with the reason, so that the suite passes on any machine.
"""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Generator

import pytest

# Tokens of a test run are its own: see tests/access.py. Set here, so that it holds for whatever is
# started, before a test module reads its settings.
os.environ["HUGESCOPE_STATE_DIR"] = tempfile.mkdtemp(prefix="hugescope-tests-")
# Servers of a run share that directory; a test of history gives each one of its own.
os.environ["HUGESCOPE_HISTORY"] = "false"
atexit.register(shutil.rmtree, os.environ["HUGESCOPE_STATE_DIR"], ignore_errors=True)

# A shell has what it starts in the background ignore interrupts, and whatever that starts, too:
# commands that a test interrupts would go on for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MUST_RUN = ("kernel", "browser")
# A long-running machine may have no 1 GiB of contiguous memory left, which no set-up can mend.
ALLOWED_REASON = "no 1 GiB page to be had"


def pytest_addoption(parser: pytest.Parser) -> None:
    """For finding races by hand; no run of `make` or CI uses it."""
    text = "let Chromium's CPU be so many times slower in tests of the browser"
    parser.addoption("--slow-browser", type=float, default=1, metavar="TIMES", help=text)


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a failure of a skip in CI, naming its reason, unless that reason is allowed."""
    if os.environ.get("CI") != "true" or not report.skipped:
        return
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = text.removeprefix("Skipped: ")
    if not reason.startswith(ALLOWED_REASON):
        report.outcome = "failed"
        report.longrepr = f"CI must run this, but it was skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Apply the rule to tests that carry one of the markers."""
    report = yield
    if any(item.get_closest_marker(name) for name in MUST_RUN):
        fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Apply the rule to modules that skip as a whole: they have no marker yet, so by directory."""
    report = yield
    if isinstance(collector, pytest.Module) and set(MUST_RUN) & set(collector.path.parts):
        fail_if_skipped(report)
    return report
