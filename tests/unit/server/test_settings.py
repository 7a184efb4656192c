from pathlib import Path

import pytest
from pydantic import ValidationError

from hugescope_server.settings import ServerSettings, is_loopback


def test_default_is_loopback() -> None:
    settings = ServerSettings()
    assert (settings.bind_host, settings.port) == ("127.0.0.1", 8765)
    assert is_loopback(settings.bind_host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("localhost.example.com", False),
        ("box", False),
    ],
)
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_remote_needs_saying_so_and_the_message_says_why() -> None:
    with pytest.raises(ValidationError, match=r"in the clear.*tls_cert.*behind_proxy"):
        ServerSettings(bind_host="0.0.0.0")
    assert ServerSettings(bind_host="0.0.0.0", behind_proxy=True).bind_host == "0.0.0.0"
    pair = {"tls_cert": Path("c.pem"), "tls_key": Path("k.pem")}
    assert ServerSettings(bind_host="0.0.0.0", **pair).bind_host == "0.0.0.0"  # type: ignore[arg-type]


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUGESCOPE_PORT", "0")
    monkeypatch.setenv("HUGESCOPE_ALLOWED_HOSTS", "Server, [fe80::1],")
    settings = ServerSettings()
    assert settings.port == 0
    assert settings.allowed_hosts == ("server", "fe80::1")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"port": 65536}, "port"),
        ({"port": -1}, "port"),
        ({"bind_host": ""}, "bind_host"),
        ({"late_after_s": 0}, "late_after_s"),
        ({"late_after_s": float("nan")}, "late_after_s"),
        ({"late_after_s": 20}, "gone_after_s is less"),
        ({"allowed_hosts": ("http://x",)}, "not a host name"),
        ({"allowed_hosts": ("*",)}, "not a host name"),
        ({"tls_cert": Path("c.pem")}, "give both, or neither"),
        ({"session_s": 0}, "session_s"),
        ({"max_agent_message_bytes": 3}, "max_agent_message_bytes"),
    ],
)
def test_bad_values_name_the_field(values: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        ServerSettings(**values)  # type: ignore[arg-type]
