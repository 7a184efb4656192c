"""What `--help` prints: all of it, also what stands in brackets."""

import pytest

from tests.unit.hugescope.recorded import ran


@pytest.mark.parametrize(
    ("words", "default"),
    [(("serve",), "8765"), (("serve",), "127.0.0.1"), (("demo",), "512M")],
)
def test_a_default_that_a_text_tells_is_printed(
    words: tuple[str, ...], default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert default in ran(*words, "--help").output


def test_the_first_sentence_of_each_command_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    lines = ran("--help").output.splitlines()
    assert not [line for line in lines if "QEMU 8" in line]
