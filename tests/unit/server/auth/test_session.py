import base64
import json

import pytest

from hugescope_server.auth import session
from hugescope_server.auth.principal import Role
from hugescope_server.auth.records import TokenRecord, session_of

KEY = bytes(range(32))


def opened(role: Role = Role.VIEWER) -> TokenRecord:
    return session_of(role, "", 100.0, 200.0, None)


def test_what_was_signed_is_read_until_it_ends() -> None:
    made = opened()
    value = session.sign(made, KEY)
    assert session.read(value, KEY, 199.9) == (made.id, "viewer")
    assert session.read(value, KEY, 200.0) is None
    assert session.read(value, bytes(32), 150.0) is None


def test_every_changed_character_is_noticed() -> None:
    value = session.sign(opened(), KEY)
    for at, was in enumerate(value):
        other = "A" if was != "A" else "B"
        assert session.read(value[:at] + other + value[at + 1 :], KEY, 150.0) is None


def test_a_role_cannot_be_raised() -> None:
    payload, _, mac = session.sign(opened(), KEY).partition(".")
    told = json.loads(base64.urlsafe_b64decode(payload + "=="))
    told["role"] = "admin"
    raised = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()
    assert session.read(f"{raised}.{mac}", KEY, 150.0) is None


@pytest.mark.parametrize("value", ["", ".", "a.b", "a" * 10_000, "é.é", "." * 50, "\0.\0"])
def test_rubbish(value: str) -> None:
    assert session.read(value, KEY, 0.0) is None


@pytest.mark.parametrize(
    ("host", "secure", "name"),
    [
        ("localhost:8765", False, "hugescope-8765"),
        ("localhost", False, "hugescope-80"),
        ("[::1]:99", False, "hugescope-99"),
        ("[::1]", False, "hugescope-80"),
        ("server:8765", True, "__Host-hugescope-8765"),
        ("server", True, "__Host-hugescope-443"),
    ],
)
def test_a_cookie_for_each_port(host: str, secure: bool, name: str) -> None:
    assert session.cookie_name(host, secure) == name
