import json
import logging
import sys

import pytest

from hugescope.cli import run
from hugescope.plain import PlainFormatter, plain_json, visible, visible_lines

HOSTILE = "\x1b[31m<img src=x>\r\x07\x9b2J\u202e\udcff[bold]"


def obeyed(text: str) -> list[str]:
    """What a terminal would act on, newlines aside."""
    return [c for c in text if not c.isprintable() and c != "\n"]


def test_nothing_is_left_that_a_terminal_obeys() -> None:
    assert visible(HOSTILE) == "\\x1b[31m<img src=x>\\x0d\\x07\\x9b2J\\x202e\\xdcff[bold]"
    assert visible("caf\u00e9 \u6587") == "caf\u00e9 \u6587"
    assert visible("two\nlines") == "two\\x0alines"
    assert visible_lines(f"two\n{HOSTILE}").count("\n") == 1


def test_json_says_the_same_and_nothing_is_obeyed() -> None:
    names = {"comm": "\x9b2J\u202e\x7f\u2028", "name": "caf\u00e9"}
    text = plain_json(json.dumps(names, ensure_ascii=False, indent=1))
    assert json.loads(text) == names
    assert obeyed(text) == []


def record(message: str, *args: object, error: bool = False) -> logging.LogRecord:
    info = sys.exc_info() if error else None
    return logging.LogRecord("x", logging.WARNING, "f", 1, message, args, info)


def test_a_log_record_is_one_line() -> None:
    line = PlainFormatter().format(record("agent %s connected\n2026 INFO forged", HOSTILE))
    assert "\n" not in line
    assert obeyed(line) == []
    assert line.endswith("connected\\x0a2026 INFO forged")


def test_a_traceback_keeps_its_lines_and_obeys_nothing() -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        text = PlainFormatter().format(record("failed", error=True))
    assert "Traceback" in text.splitlines()[1]
    assert obeyed(text) == []


def test_an_error_of_a_command_is_shown_plainly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["hugescope", "snapshot", "--root", f"/nowhere{HOSTILE[:12]}"])
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "\\x1b[31m<img" in said
    assert obeyed(said) == []
