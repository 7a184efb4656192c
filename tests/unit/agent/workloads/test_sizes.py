import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_agent.workloads.sizes import parse_size_bytes, size_text


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("4096", 4096),
        ("64k", 64 << 10),
        ("256M", 256 << 20),
        ("2MiB", 2 << 20),
        (" 2 MB ", 2 << 20),
        ("1G", 1 << 30),
        ("3T", 3 << 40),
        ("7B", 7),
    ],
)
def test_sizes_as_people_write_them(text, size_bytes):
    assert parse_size_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["", "M", "-1M", "1.5G", "64X", "1 iB", "2M2"])
def test_what_is_no_size_is_quoted(text):
    with pytest.raises(ValueError, match="not a size"):
        parse_size_bytes(text)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (2 << 20, "2 MiB"),
        (1536 << 20, "1.5 GiB"),
        (5 << 50, "5120 TiB"),
    ],
)
def test_the_largest_unit_that_fits(size_bytes, text):
    assert size_text(size_bytes) == text


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 1023), st.sampled_from("KMGT"))
def test_what_is_written_reads_back(number, unit):
    size_bytes = parse_size_bytes(f"{number}{unit}")
    if number:
        assert parse_size_bytes(size_text(size_bytes)) == size_bytes
