import pytest

from hugescope_agent.kernel.decimals import decimal


@pytest.mark.parametrize("text", ["0", "7", "007", str((1 << 64) - 1)])
def test_numbers(text: str) -> None:
    assert decimal(text) == decimal(text.encode()) == int(text)


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", " 1", "1.0", "0x1", "1_0", "\u0663", "\u00b2", str(1 << 64), "7" * 5000],
)
def test_what_is_none(text: str) -> None:
    assert decimal(text) is None
    assert decimal(text.encode()) is None
