"""Errors by what they mean for a scan."""

import pytest

from hugescope_agent import errors


@pytest.mark.parametrize(
    "kind", [errors.ProcessGone, errors.ProcessDenied, errors.ProcessUnreadable]
)
def test_what_concerns_one_process_never_ends_the_agent(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.ProcessError)
    assert not issubclass(kind, errors.AgentError)


@pytest.mark.parametrize("kind", [errors.BadRoot, errors.BadCapture, errors.NoSuchProcess])
def test_what_concerns_the_input_ends_it_with_one_line(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.AgentError)
