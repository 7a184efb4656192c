"""QEMU's arguments, by what the product itself reads from a command line."""

from pathlib import Path

from hugescope_agent.model.qemu import Options, machine_name, ram_layout
from hugescope_agent.workloads.qemu.commandline import GuestFiles, Places, qemu_arguments
from hugescope_agent.workloads.qemu.plan import MIB, GuestPlan

FILES = GuestFiles(Path("/q"), Path("/k"), Path("/i"))
PLACES = Places(Path("/d"), "source")


def test_the_product_understands_the_machine() -> None:
    plan = GuestPlan(name="a guest")
    options = Options(["qemu", *qemu_arguments(plan, FILES, PLACES, incoming=False)])
    assert machine_name(options) == "a guest"
    layout = ram_layout(options)
    (piece,) = layout.pieces
    backend = piece.backend
    assert (piece.offset, backend.name, backend.kind) == (0, "ram", "memfd")
    assert backend.size_bytes == layout.low_bytes == 512 * MIB


def test_the_ends_differ_by_their_places_and_one_waits() -> None:
    plan = GuestPlan()
    source = qemu_arguments(plan, FILES, PLACES, incoming=False)
    destination = qemu_arguments(plan, FILES, Places(Path("/d"), "other"), incoming=True)
    there = [one.replace("other", "source") for one in destination]
    assert there == [*source, "-incoming", "defer"]
    assert plan.uuid in source


def test_the_guest_is_told_what_to_write() -> None:
    arguments = qemu_arguments(GuestPlan(writes_per_s=100), FILES, PLACES, incoming=False)
    said = arguments[arguments.index("-append") + 1].split()
    assert said[-3:] == [
        "hugescope_fill_mib=332",
        "hugescope_hot_mib=128",
        "hugescope_rest_us=10000",
    ]


def test_pages_of_1_gib() -> None:
    plan = GuestPlan(size_bytes=1 << 30, page_size_bytes=1 << 30)
    arguments = qemu_arguments(plan, FILES, PLACES, incoming=False)
    memory = arguments[arguments.index("-object") + 1]
    assert memory.endswith("size=1024M,share=on,hugetlb=on,hugetlbsize=1048576K")
