import pytest

from hugescope_agent.workloads import postcopy
from hugescope_agent.workloads.errors import PoolUnavailable
from hugescope_agent.workloads.postcopy import Postcopy, PostcopyPlan, main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "--size", "64X"], "--size: not a size: '64X'"),
        (["demo", "--rounds", "x"], "--rounds: invalid int value"),
        (["demo", "--unknown"], "unrecognized arguments: --unknown"),
        (["source"], "required: --size-bytes"),
        ([], "required: command"),
    ],
)
def test_a_bad_flag_is_named_in_one_line(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1


@pytest.fixture
def signals_untouched(monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)


@pytest.mark.usefixtures("signals_untouched")
def test_an_impossible_plan_is_told_in_one_line(capsys):
    assert main(["demo", "--size", "3M"]) == 1
    assert capsys.readouterr().err == (
        "postcopy demo: size_bytes: 3145728 is not whole pages of 2097152\n"
    )


@pytest.mark.usefixtures("signals_untouched")
def test_missing_pages_are_told_in_one_line(capsys, monkeypatch):
    def refuse(plan):
        raise PoolUnavailable("asked for 4, could get 1", 4, 1)

    monkeypatch.setattr(postcopy, "lease_for", refuse)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == "postcopy demo: asked for 4, could get 1\n"


def test_a_post_copy_that_was_not_started():
    idle = Postcopy(PostcopyPlan())
    idle.stop()
    assert idle.progress() is None
    assert (dict(idle.pids), dict(idle.sides)) == ({}, {})
