"""The agent's own cost, with the test's clock."""

import itertools

import pytest

from hugescope_agent.cost import CostMeter


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def tick(meter: CostMeter, clock: Clock, seconds: float, cells: int = 1) -> None:
    """One tick that began so long after the last."""
    clock.now_s += seconds
    meter.begin()
    meter.end(cells)


def test_nothing_is_said_before_two_ticks(clock: Clock) -> None:
    meter = CostMeter(clock)
    assert meter.read(None) is None
    tick(meter, clock, 0.1)
    assert meter.read(None) is None
    tick(meter, clock, 0.1)
    assert meter.read(None) is not None


def test_rate_is_of_the_last_twenty_ticks(clock: Clock) -> None:
    meter = CostMeter(clock)
    for _ in range(30):
        tick(meter, clock, 0.5)
    for number in range(20):
        tick(meter, clock, 0.1, cells=number)
    cost = meter.read(2.5)
    assert cost is not None
    assert cost.tick_hz == pytest.approx(10.0)
    assert (cost.cells, cost.refresh_s) == (19, 2.5)
    assert (cost.rss_bytes or 0) > 1 << 20


def test_cpu_and_wall_are_measured(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, wall = itertools.count(0.0, 0.01), itertools.count(0.0, 0.003)
    monkeypatch.setattr("hugescope_agent.cost.time.process_time", lambda: next(cpu))
    monkeypatch.setattr("hugescope_agent.cost.time.perf_counter", lambda: next(wall))
    meter = CostMeter(clock)
    for _ in range(5):
        tick(meter, clock, 0.1)
    cost = meter.read(None)
    assert cost is not None
    assert cost.cpu_percent == pytest.approx(10.0)
    assert cost.tick_ms == pytest.approx(3.0)


def test_a_clock_that_stands_is_no_division_by_nothing(clock: Clock) -> None:
    meter = CostMeter(clock)
    tick(meter, clock, 0.0)
    tick(meter, clock, 0.0)
    assert meter.read(None) is not None
