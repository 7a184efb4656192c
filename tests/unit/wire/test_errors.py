"""The error that travels."""

from hugescope_wire.errors import WireError


def test_code_and_message_are_kept_apart() -> None:
    error = WireError("bad_block", "mapping 3: rows")
    assert (error.code, error.message, str(error)) == (
        "bad_block",
        "mapping 3: rows",
        "mapping 3: rows",
    )
