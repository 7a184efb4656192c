"""Phases from what was seen and what QEMU says, without frames."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_server.migration.clocks import HostClock
from hugescope_server.migration.phases import ENDED, SETTLE_S, Seen, phases
from hugescope_server.migration.told import QmpSteps, Told, told
from hugescope_wire.vm import QmpEvent, QmpReading
from tests.unit.server.migration.made_vms import event, run_event

TIMES = st.none() | st.floats(100.0, 200.0)


def reading(status: str | None, *events: QmpEvent, at_s: float = 0.0, **more: object) -> QmpReading:
    return QmpReading.model_validate(
        {"read_at_s": at_s, "status": status, "events": list(events)} | more
    )


def steps(*readings: QmpReading) -> QmpSteps:
    made = QmpSteps()
    for one in readings:
        made.take(one)
    return made


def says(source: QmpSteps, destination: QmpSteps | None = None, began_s: float = 0.0) -> Told:
    same = (lambda host_s: host_s, lambda host_s: host_s)
    return told(source, destination or QmpSteps(), same, began_s)


@settings(deadline=None)
@given(
    st.builds(
        Seen,
        began=st.floats(100.0, 200.0),
        filling=TIMES,
        switch=TIMES,
        switch_words=st.just("so it is"),
        receiving=TIMES,
        complete=TIMES,
        unregistered=TIMES,
        full=st.booleans(),
        source_gone=TIMES,
        destination_gone=TIMES,
    ),
    st.builds(
        Told,
        active=TIMES,
        stopped=TIMES,
        postcopy=TIMES,
        completed=TIMES,
        failed=TIMES,
        cancelled=TIMES,
    ),
    st.floats(100.0, 300.0),
)
def test_always_in_order_and_one_end(seen: Seen, said: Told, now_s: float) -> None:
    spans = phases(seen, said, now_s)
    order = ["waiting", "precopy", "switchover", "postcopy"]
    names = [span.phase for span in spans]
    going = [name for name in names if name not in ENDED]
    assert going == sorted(going, key=order.index)
    assert len(set(names)) == len(names)
    assert not any(name in ENDED for name in names[:-1])
    begins = [span.began_s for span in spans]
    assert begins == sorted(begins)
    assert [span.ended_s for span in spans] == [*begins[1:], None]
    assert all(span.words for span in spans)


def test_a_time_of_qemus_holds_against_what_was_seen_late() -> None:
    seen = Seen(began=1.0, filling=2.0, switch=5.9)
    spans = phases(seen, Told(postcopy=5.1), 9.0)
    assert [(one.phase, one.began_s) for one in spans[1:]] == [
        ("precopy", 2.0),
        ("switchover", 5.1),
        ("postcopy", 5.1),
    ]


def test_a_wait_for_what_may_be_over() -> None:
    (empty,) = phases(Seen(began=1.0), Told(), 9.0)
    (full,) = phases(Seen(began=1.0, had_most=True), Told(), 9.0)
    assert empty.phase == full.phase == "waiting"
    assert "preallocated" in full.words
    assert "preallocated" not in empty.words


def test_a_source_that_left_is_given_a_moment() -> None:
    seen = Seen(began=1.0, receiving=3.0, source_gone=5.0)
    assert phases(seen, Told(), 5.0 + SETTLE_S / 2)[-1].phase == "postcopy"
    assert phases(seen, Told(), 5.0 + SETTLE_S)[-1].phase == "failed"
    later = Seen(began=1.0, receiving=3.0, source_gone=5.0, unregistered=5.8)
    assert phases(later, Told(), 9.0)[-1].phase == "done"


@pytest.mark.parametrize(
    ("source_gone", "destination_gone", "phase"),
    [(5.0, 5.5, "failed"), (5.5, 5.0, "failed"), (9.0, 5.0, "cancelled"), (5.0, 9.0, "failed")],
)
def test_who_left_first(source_gone: float, destination_gone: float, phase: str) -> None:
    seen = Seen(1.0, filling=2.0, source_gone=source_gone, destination_gone=destination_gone)
    end = phases(seen, Told(), 20.0)[-1]
    assert (end.phase, end.began_s) == (phase, 5.0)


def test_what_was_done_stays_done() -> None:
    seen = Seen(1.0, receiving=2.0, complete=4.0, source_gone=5.0, destination_gone=5.2)
    assert phases(seen, Told(), 9.0)[-1].phase == "done"
    assert phases(Seen(1.0, destination_gone=5.0), Told(completed=4.0), 9.0)[-1].phase == "done"


def test_events_of_both_ends() -> None:
    source = steps(
        reading(
            "completed",
            run_event("STOP", 0.5),
            event("setup", 1.0),
            event("active", 1.1),
            event("postcopy-active", 3.0),
            run_event("STOP", 3.01),
            event("completed", 6.0),
        )
    )
    destination = steps(reading("completed", event("active", 1.2), event("postcopy-active", 3.3)))
    assert says(source, destination) == Told(1.0, 3.0, 3.3, 6.0)
    assert says(source) == Told(1.0, 3.0, 3.01, 6.0)
    assert says(QmpSteps(), destination) == Told(1.2, None, 3.3)


def test_statuses_where_there_are_no_events() -> None:
    source = steps(
        reading("active", at_s=1.0), reading("active", at_s=1.5), reading("failed", at_s=2.0)
    )
    assert says(source) == Told(active=1.0, failed=2.0)
    assert says(steps(reading("cancelled", at_s=1.0))) == Told()
    assert says(steps(reading(None), reading("cancelled", at_s=2.0))) == Told(cancelled=2.0)


def test_an_earlier_migration_is_not_this_one() -> None:
    past = [event("setup", 1.0), event("active", 1.1), event("cancelled", 2.0)]
    assert says(steps(reading("cancelled", *past)), began_s=5.0) == Told()
    again = [*past, event("setup", 6.0), event("active", 6.1)]
    assert says(steps(reading("active", *again)), began_s=5.0) == Told(active=6.0)
    no_setup = [*past, event("active", 6.1)]
    assert says(steps(reading("active", *no_setup)), began_s=5.0) == Told(active=6.1)


def test_a_source_that_was_given_away_before_anybody_looked() -> None:
    past = [event("setup", 1.0), event("completed", 2.0)]
    made = steps(reading("completed", *past, run_state="postmigrate"))
    assert says(made, began_s=5.0) == Told(active=1.0, completed=2.0)
    spans = phases(Seen(began=5.0), says(made, began_s=5.0), 9.0)
    assert [span.phase for span in spans] == ["precopy", "done"]


def test_readings_repeat_events_and_lose_old_ones() -> None:
    made = QmpSteps()
    events = [event("setup", 1.0), event("active", 1.1)]
    events += [event("postcopy-active", 3.0), event("completed", 4.0)]
    for until in range(1, 5):
        made.take(reading(None, *events[max(0, until - 2) : until]))
    assert says(made) == Told(1.0, 3.0, 3.0, 4.0)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(1_800_000_000 + seconds, UTC)


def test_a_clock_takes_the_least_delay() -> None:
    clock, dice = HostClock(), random.Random(3)
    base_s = 1_800_000_000.0
    for tenth in range(100):
        host_s = tenth / 10
        late_s = dice.uniform(0.02, 0.5)
        clock.see(at(host_s), host_s + 77, base_s + host_s - 3600 + late_s)
    assert clock.of_host(base_s + 9.9) == pytest.approx(base_s + 9.9 - 3600, abs=0.1)
    assert clock.of_monotonic(77 + 9.9) == pytest.approx(clock.at_s, abs=0.001)


def test_a_clock_that_was_set_and_one_that_went_back() -> None:
    clock = HostClock()
    assert clock.see(at(0), 0.0, 1000.0) == 1000.0
    assert clock.see(at(-3600), 1.0, 1001.0) == 1001.0
    assert clock.see(at(-3602), 1.5, 1001.5) == 1001.0
    assert clock.see(at(9999), 3.0, 500.0) == 500.0


def test_an_absurd_clock() -> None:
    clock = HostClock()
    clock.see(datetime.min.replace(tzinfo=UTC), -1e300, 1000.0)
    assert clock.see(datetime.max.replace(tzinfo=UTC), 1e300, 1001.0) == 1001.0
