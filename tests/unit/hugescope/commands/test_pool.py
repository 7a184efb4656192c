"""What `hugescope pool` says below its table."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from hugescope.commands.pool import _print_accounts, _print_holdings
from hugescope.commands.snapshot import called
from hugescope_wire.account import FdHolder, Holding
from hugescope_wire.host import ProcessInfo
from hugescope_wire.snapshot import ProcessName
from tests.unit.agent.model.findings.made_facts import account, memfd


def said(capsys: pytest.CaptureFixture[str], *, captured: bool = False, **parts: Any) -> str:
    """The table and its notes."""
    _print_accounts(Console(width=200), [account(**parts)], captured=captured)
    return capsys.readouterr().out


def test_one_page_and_one_look_are_singular(capsys: pytest.CaptureFixture[str]) -> None:
    assert "torn by 1 page that moved meanwhile (1 look)" in said(capsys, torn=1)
    assert "torn by 2 pages that moved meanwhile (3 looks)" in said(capsys, torn=2, looks=3)


def test_a_capture_does_not_move(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, captured=True, torn=2)
    assert "the counters and page tables of this capture differ by 2 pages" in text
    assert "moved" not in text


def test_a_guess_is_shown_as_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, guessed=1, unattributed=None, notes=["up to 1 page may be counted twice"])
    assert "up to 4" in text
    assert "2 MiB host: up to 1 page may be counted twice" in text


def test_a_note_of_several_accounts_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    both = [account(notes=["at least"]), account(1 << 30, notes=["at least"])]
    _print_accounts(Console(width=200), both, captured=False)
    assert "2 MiB host, 1 GiB host: at least" in capsys.readouterr().out


def test_a_machine_is_called_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    name = ProcessName(name="web1", kind="vm", source="qemu")
    machine = ProcessInfo(pid=41, comm="qemu", name=name, mappings=[])
    assert called(machine.model_copy(update={"name": None})) == "qemu"
    holders = [FdHolder(pid=41, comm="qemu", fd=7), FdHolder(pid=42, comm="vhost", fd=None)]
    held = Holding(by="fd", page_size=2 << 20, pages=3, file_pages=4, file=memfd(), holders=holders)
    _print_holdings(Console(width=200), [held], {41: called(machine) or ""})
    assert "web1 (qemu pid 41) fd 7, 42 vhost" in capsys.readouterr().out
