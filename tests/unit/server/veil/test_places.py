import itertools
import random

from hugescope_server.veil.places import UNIT_BYTES, UNITS, Atlas, Place, Places, Room

MIB2 = 2 << 20
GIB = 1 << 30
START = 0x7F12_3400_0000


def end_of(place: Place) -> int:
    return place.number + place.units


def test_a_place_says_nothing_of_the_address() -> None:
    """Whatever the address, the first mapping of a process that is seen gets the first place."""
    for start in (0x1000_0000, START, 0x5555_5540_0000):
        assert Room().place(start, start + GIB, MIB2).base == UNIT_BYTES


def test_two_processes_have_nothing_to_do_with_each_other() -> None:
    places = Places(b"")
    kept = [places.place(7, START + number * GIB, START + number * GIB + MIB2, MIB2)
            for number in range(5)]  # fmt: skip
    same_address = places.place(8, START + 4 * GIB, START + 4 * GIB + MIB2, MIB2)
    assert same_address.number == 1
    assert [place.number for place in kept] == [1, 2, 3, 4, 5]


def test_a_mapping_keeps_its_place_as_long_as_somebody_holds_it() -> None:
    room = Room()
    held = [room.place(START + at * GIB, START + at * GIB + MIB2, MIB2) for at in range(3)]
    assert room.place(START + GIB, START + GIB + MIB2, MIB2) is held[1]
    # Grown, but by less than to the next unit.
    assert room.place(START + GIB, START + 2 * GIB, MIB2) is held[1]
    assert room.place(START, START + 65 * GIB, MIB2).number == 4


def test_page_tables_begin_where_a_place_does() -> None:
    room = Room()
    held = []
    for page_size in (4096, 64 << 10, MIB2, 512 << 20, GIB, 16 << 30, 1 << 40):
        start = 3 * page_size
        place = room.place(start, start + page_size, page_size)
        assert place.base % (512 * page_size) == 0
        held.append(place)
    assert len({place.number for place in held}) == len(held)


def test_places_of_a_process_never_overlap_whatever_comes_and_goes() -> None:
    rng = random.Random(5)
    room = Room()
    held: list[Place] = []
    for step in range(6000):
        if rng.random() < 0.6 or not held:
            size = rng.choice((MIB2, MIB2, 70 * GIB, 3000 * GIB))
            start = rng.randrange(1 << 26) * MIB2
            place = room.place(start, start + size, rng.choice((MIB2, MIB2, GIB)))
            if place not in held:
                held.append(place)
        else:
            held.pop(rng.randrange(len(held)))
        if step % 500 == 0:
            taken = sorted((place.number, end_of(place)) for place in held)
            assert all(one[1] <= two[0] for one, two in itertools.pairwise(taken))
            assert taken[0][0] >= 1


def test_numbers_come_round_when_they_are_used_up() -> None:
    room = Room()
    keep = room.place(START, START + MIB2, MIB2)
    for number in range(2 * UNITS):
        place = room.place(START + number * GIB + GIB, START + number * GIB + GIB + 1, MIB2)
        assert place.number < UNITS
        assert place.number != keep.number
        assert place.base + UNIT_BYTES <= 1 << 53


def test_a_process_with_more_than_any_kernel_maps_still_gets_distinct_places() -> None:
    room = Room()
    held = [
        room.place(number * 80 * GIB, (number * 80 + 79) * GIB, MIB2) for number in range(UNITS)
    ]
    taken = sorted((place.number, end_of(place)) for place in held)
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(taken))
    # JavaScript has these as doubles.
    assert all(int(float(place.base + 79 * GIB - MIB2)) == place.base + 79 * GIB - MIB2
               for place in held[-100:])  # fmt: skip


def test_what_is_not_known_gets_a_place_too() -> None:
    places = Places(b"")
    first = places.stranger(7, START)
    assert first == places.stranger(7, START)
    assert first != places.stranger(7, START + GIB)
    assert first % UNIT_BYTES == 0


def test_hubs_that_share_an_atlas_share_places() -> None:
    atlas = Atlas()
    live, recorded = atlas.host("h1"), atlas.host("h1")
    held = [live.place(7, START + GIB, START + 2 * GIB, MIB2), live.place(7, START, START + 1, 1)]
    assert recorded.place(7, START, START + 1, 1) is held[1]
    assert atlas.host("h2").place(7, START, START + 1, 1).number == 1


def test_an_opaque_text_is_the_same_for_the_same_and_for_one_run_only() -> None:
    atlas = Atlas()
    one, two = atlas.host("h1"), Atlas().host("h1")
    assert one.opaque("split:7:7f0000000000") == one.opaque("split:7:7f0000000000")
    assert one.opaque("split:7:7f0000000000") != one.opaque("split:7:7f0000200000")
    assert one.opaque("split:7:7f0000000000") != two.opaque("split:7:7f0000000000")
