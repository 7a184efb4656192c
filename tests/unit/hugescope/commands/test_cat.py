"""`hugescope cat`: what it prints is what the frames make, and what is lost is said."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from hugescope_wire.archive import open_archive, picture_at
from hugescope_wire.snapshot import Snapshot
from tests.unit.hugescope.recorded import filling, ran
from tests.unit.wire.segments.made_series import parts_of, series, with_damaged_tail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filling(tmp_path / "r.hsrec")


def states(text: str) -> dict[str, int]:
    (process,) = Snapshot.model_validate_json(text).processes
    counts: dict[str, int] = {}
    for run in process.mappings[0].runs:
        counts[run.state] = counts.get(run.state, 0) + run.count
    return counts


def test_the_end_is_shown_unless_a_moment_is_asked_for(path: Path) -> None:
    assert states(ran("cat", path, "--json").stdout) == {"mapped": 7, "poisoned": 1}
    assert states(ran("cat", path, "--json", "--at", "+3.5s").stdout) == {"mapped": 3, "hole": 5}


def test_json_is_the_snapshot_of_that_moment(path: Path) -> None:
    archive = open_archive(path)
    done = ran("cat", path, "--json", "--at", "-1s")
    assert done.exit_code == 0
    wanted = picture_at(archive, archive.ended_s - 1).snapshot()
    assert json.loads(done.stdout) == json.loads(wanted.model_dump_json())


def test_a_range_is_one_snapshot_a_line(path: Path) -> None:
    done = ran("cat", path, "--json", "--from", "+1s", "--to", "+4s", "--every", "1.5s")
    assert [states(line)["mapped"] for line in done.stdout.splitlines()] == [1, 2, 4]
    assert len(ran("cat", path, "--json", "--from", "-2s").stdout.splitlines()) == 3


def test_csv_has_a_row_for_each_run(path: Path) -> None:
    done = ran("cat", path, "--csv", "--from", "+0s", "--to", "+1s")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["at"], row["first"], row["count"], row["state"]) for row in rows] == [
        ("2026-01-02T03:04:05.000Z", "0", "8", "hole"),
        ("2026-01-02T03:04:06.000Z", "0", "1", "mapped"),
        ("2026-01-02T03:04:06.000Z", "1", "7", "hole"),
    ]
    assert rows[1] | {"pid": "41", "comm": "qemu", "mapped_bytes": "2097152"} == rows[1]
    assert rows[1]["start"] == rows[1]["mapping"]


@pytest.mark.parametrize("comm", ["=1+1", "+x", "-x", "@x", " =1", "\tx"])
def test_no_name_of_a_process_is_a_formula(tmp_path: Path, comm: str) -> None:
    done = ran("cat", filling(tmp_path / "r.hsrec", comm), "--csv")
    for row in csv.DictReader(io.StringIO(done.stdout)):
        assert row["comm"].startswith("'")


def test_a_name_with_a_comma_is_one_field(tmp_path: Path) -> None:
    done = ran("cat", filling(tmp_path / "r.hsrec", 'a,"b\n'), "--csv")
    assert {row["comm"] for row in csv.DictReader(io.StringIO(done.stdout))} == {'a,"b\\x0a'}


def test_the_table_says_that_it_is_recorded_and_when(path: Path) -> None:
    text = ran("cat", path, "--at", "03:04:08").output
    assert "[recorded; r.hsrec at 2026-01-02T03:04:08.000Z]" in text
    assert "--at 03:04:08: 2026-01-02T03:04:08.000Z, UTC by the clock of the host" in text
    assert "5 hole, 3 mapped" in text


def test_what_is_lost_is_said_and_the_rest_is_shown(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])
    done = ran("cat", path, "--json")
    assert done.exit_code == 0
    assert "nothing is known from 2026-01-02T03:04:14.000Z to its end" in done.stderr
    assert states(done.stdout)["poisoned"] == 1
    refused = ran("cat", path, "--at", "+10s")
    assert refused.exit_code != 0
    assert "damaged from there on" in str(refused.exception)
    assert refused.stdout == ""


def test_of_a_damaged_end_the_last_moment_that_is_known_is_shown(tmp_path: Path) -> None:
    bad = tmp_path / "bad.hsrec"
    bad.write_bytes(with_damaged_tail(parts_of(series(12))))
    done = ran("cat", bad, "--json")
    assert done.exit_code == 0
    assert "its sum is wrong" in done.stderr
    assert Snapshot.model_validate_json(done.stdout).processes


def test_a_moment_within_a_loss_cannot_be_shown(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = open_archive(path)
    from hugescope.commands import cat
    from hugescope_wire.archive import Loss

    lost = Loss(archive.began_s + 2, archive.began_s + 4, "its sum is wrong")
    archive.losses = (lost,)  # type: ignore[misc]
    monkeypatch.setattr(cat, "open_recorded", lambda _path: archive)
    done = ran("cat", path, "--json", "--from", "+1s", "--to", "+5s")
    assert [states(line).get("mapped") for line in done.stdout.splitlines()] == [1, 2, 4, 5]
    assert done.exit_code != 0
    assert "03:04:08.000Z: nothing is known from" in str(done.exception)
    assert ran("cat", path, "--at", "+3s").stdout == ""
    assert ran("cat", path, "--json", "--at", "+4s").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "+1s", "--from", "+1s"], "--at +1s: is a moment"),
        (["--from", "+5s", "--to", "+1s"], "--to +1s: lies before --from +5s"),
        (["--from", "+0s", "--every", "0.00001s"], "--every: 1000001 snapshots, at most"),
        (["--pid", "7"], "--pid 7: no such process in r.hsrec at that time"),
    ],
)
def test_what_cannot_be_names_its_flag(path: Path, words: list[str], said: str) -> None:
    done = ran("cat", path, *words)
    assert done.exit_code != 0
    assert said in str(done.exception)


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"nothing")
    assert f"{path}: it does not begin as a recording does" in str(ran("cat", path).exception)
    assert f"{path / 'y'}: Not a directory" in str(ran("cat", path / "y").exception)
