"""The account closes while pages come and go, or says that it is torn, by how much, and that it was
taken again.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sampler import Sampler
from hugescope_agent.survey.look import LOOKS
from hugescope_wire.account import PoolAccount
from hugescope_wire.host import Source
from tests.kernel import cases
from tests.kernel.cases import MIB2, extra_pages

pytestmark = pytest.mark.kernel

CHURN = Path(__file__).with_name("churn_process.py")
REPORTS = 25


@contextmanager
def churning(count: int) -> Iterator[None]:
    """Processes that take and give back pages until the block ends."""
    processes: list[subprocess.Popen[str]] = []
    try:
        for seed in range(count):
            command = [sys.executable, str(CHURN), str(seed)]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            processes.append(process)
            assert process.stdout is not None
            assert process.stdout.readline() == "churning\n"
        yield
    finally:
        for process in processes:
            process.communicate("\n", timeout=60)


def parts(account: PoolAccount) -> int:
    """Everything that an account says of its total."""
    held = account.held
    counts = (
        *(account.free, account.mapped, account.poisoned, account.unattributed),
        *(held.fd, held.hugetlbfs, held.sysv, held.mapping),
    )
    known = [count for count in counts if count is not None]
    assert len(known) == len(counts)
    return sum(known)


@pytest.fixture(scope="module")
def accounts() -> list[PoolAccount]:
    """The host's account of 2 MiB pages, of many reports while three processes churn."""
    files = HostFiles(Root.at("/"))
    sampler = Sampler(files, Source(kind="live"))
    found = []
    try:
        with extra_pages(MIB2, 96), cases.running("alternating_memfd"), churning(3):
            for _ in range(REPORTS):
                report = sampler.survey()
                found += [
                    account
                    for account in report.accounts
                    if account.page_size == MIB2 and account.node is None
                ]
    finally:
        sampler.close()
        files.close()
    assert len(found) == REPORTS
    return found


def test_parts_sum_to_the_total(accounts: list[PoolAccount]) -> None:
    for account in accounts:
        assert parts(account) == account.total


def test_a_look_that_is_not_torn_leaves_nothing_open(accounts: list[PoolAccount]) -> None:
    for account in accounts:
        if account.torn == 0:
            assert account.unattributed == 0


def test_a_torn_look_was_taken_again(accounts: list[PoolAccount]) -> None:
    for account in accounts:
        assert account.torn == 0 or account.looks == LOOKS
