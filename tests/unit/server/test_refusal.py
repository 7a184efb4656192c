import logging

import pytest

from hugescope_server.refusal import Denial, RefusalLog


def test_a_line_says_who_and_why_and_never_what_was_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scope = {
        "type": "http",
        "path": "/api/v1/hosts\n\x1b[31m",
        "query_string": b"token=hidden",
        "headers": [(b"authorization", b"Bearer hidden"), (b"cookie", b"hidden")],
        "client": ("192.0.2.1", 5),
    }
    RefusalLog().add(Denial("not_logged_in", "no", 401), scope)
    assert "192.0.2.1: not_logged_in" in caplog.text
    assert "hidden" not in caplog.text
    assert "\x1b" not in caplog.text


def test_a_stranger_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    now = 0.0
    log = RefusalLog(lambda: now)
    for _ in range(1000):
        log.add(Denial("x", "y"), {"type": "http", "path": "/"})
    assert len(caplog.records) == 20
    now += 1.0
    log.add(Denial("x", "y"), {"type": "http", "path": "/"})
    assert "(and 980 more)" in caplog.records[-1].getMessage()
