from hugescope_server.auth import limits
from hugescope_server.auth.limits import Allowance


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_and_then_one_a_period() -> None:
    clock = Clock()
    allowance = Allowance(3, 2.0, clock)
    for _ in range(3):
        assert allowance.wait_s("a") == 0
        allowance.spend("a")
    assert allowance.wait_s("a") == 2.0
    assert allowance.wait_s("b") == 0
    clock.now += 2.0
    assert allowance.wait_s("a") == 0
    allowance.spend("a")
    assert allowance.wait_s("a") == 2.0
    clock.now += 100.0
    for _ in range(3):
        assert allowance.wait_s("a") == 0
        allowance.spend("a")


def test_strangers_do_not_fill_the_memory() -> None:
    allowance = Allowance(1, 1.0, Clock())
    for number in range(limits.MAX_PEERS + 10):
        allowance.spend(str(number))
    assert len(allowance._spent) == limits.MAX_PEERS
    assert allowance.wait_s("0") == 0
    assert allowance.wait_s(str(limits.MAX_PEERS)) > 0
