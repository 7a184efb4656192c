"""`hugescope report`: its numbers are those of `cat`, and nothing runs in it but its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hugescope.report.plotly_js import BUNDLE, plotly_js
from tests.unit.hugescope.eventful import BIG_CELLS, HOSTILE, eventful
from tests.unit.hugescope.recorded import filling, ran
from tests.unit.hugescope.report.read_page import Page, fits, wanted


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return eventful(tmp_path_factory.mktemp("recording") / "r.hsrec")


def reported(recording: Path, output: Path, *words: str) -> Page:
    done = ran("report", recording, "-o", output, *words)
    assert done.exit_code == 0, done.exception
    return Page(output.read_text())


@pytest.fixture(scope="module")
def page(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return reported(recording, tmp_path_factory.mktemp("page") / "r.html")


def checked(page: Page, catted: str) -> None:
    """Every number of the page is that of `cat`, and every one of `cat` that it means to show is
    there.
    """
    snapshot = json.loads(catted)
    found = dict(wanted(snapshot))
    for key, value in found.items():
        assert key in page.numbers, key
        for exact, shown in page.numbers[key]:
            assert exact == value, key
            assert fits(exact, shown), (key, exact, shown)
    own = {"frames", "cost.cells"}
    reports = {key for key in page.numbers if re.search(r"\.(reserved|misplaced|lost|split)$", key)}
    assert set(page.numbers) - set(found) - own - reports == set()
    for pool in snapshot["report"]["mappings"] if snapshot["report"] else ():
        key = f"mapping.{pool['pid']}.{pool['start']:x}.reserved"
        assert page.numbers[key] == [(pool["reserved_pages"], f"{pool['reserved_pages']:,}")]


def test_every_number_is_that_of_cat(recording: Path, page: Page) -> None:
    # Too many runs for the page, so that the numbers alone tell.
    assert "snapshot" not in page.blocks
    checked(page, ran("cat", recording, "--json").stdout)


def test_so_is_every_number_of_another_moment(recording: Path, tmp_path: Path) -> None:
    words = ("--at", "+3.3s", "--pid", "42", "--pid", "43")
    page = reported(recording, tmp_path / "at.html", *words)
    catted = ran("cat", recording, "--json", *words).stdout
    checked(page, catted)
    assert page.snapshot() == json.loads(catted)


def test_a_recording_without_a_report_says_so(tmp_path: Path) -> None:
    recording = filling(tmp_path / "f.hsrec")
    page = reported(recording, tmp_path / "f.html", "--to", "+4s")
    catted = ran("cat", recording, "--json", "--at", "+4s").stdout
    checked(page, catted)
    assert page.snapshot() == json.loads(catted)
    assert "no report was made yet" in page.text


def test_maps_show_every_cell_and_big_ones_say_how_coarse(page: Page) -> None:
    maps = [figure for figure in page.figures() if "map" in figure]
    assert [figure["map"]["cells"] for figure in maps] == [BIG_CELLS, 1636, 8, 1]
    assert [figure["map"]["each"] for figure in maps] == [8, 1, 1, 1]
    assert [a["data-factor"] for _, a in page.tags if "data-factor" in a] == ["8"]
    codes = np.frombuffer(base64.b64decode(maps[1]["data"][0]["customdata"]["bdata"]), np.int32)
    assert np.count_nonzero(codes >= 0) == 1636
    # One bad page in a quarter of a million has its mark.
    assert len(maps[0]["data"][1]["x"]) == 1


def test_charts_show_the_gap_and_the_bytes(page: Page) -> None:
    charts = [figure for figure in page.figures() if "map" not in figure]
    composition, small, large = charts
    shaded = [shape for shape in composition["layout"]["shapes"] if shape["type"] == "rect"]
    assert [(one["x0"][11:19], one["x1"][11:19]) for one in shaded] == [("03:04:08", "03:04:14")]
    assert "no frame came from 2026-01-02 03:04:08.750 UTC to 2026-01-02 03:04:14.000" in page.text
    total = [sum(trace["y"][at] for trace in composition["data"]) for at in (0, -1)]
    assert total[0] == total[1] == pytest.approx((BIG_CELLS + 1636 + 1 + 8 * 512) / 512)
    free = {trace["name"]: trace["y"] for trace in small["data"]}["free"]
    assert (free[0], free[-1]) == (300, 160)
    assert {trace["name"]: trace["y"][0] for trace in large["data"]}["reserved"] == -5
    assert "Pools without a page all the time: 64 KiB." in page.text


def test_no_name_becomes_markup(page: Page) -> None:
    assert HOSTILE not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    names = {name for name, _ in page.tags}
    assert names & {"img", "iframe", "object", "link", "base", "form"} == set()
    attributes = {key for _, attrs in page.tags for key in attrs}
    assert not {key for key in attributes if key.startswith("on")}
    assert attributes & {"src", "href", "action", "srcset"} == set()
    # In plots stand words of ours only.
    assert "alert(" not in json.dumps([figure["layout"] for figure in page.figures()])


def test_the_policy_runs_two_scripts_and_loads_nothing(page: Page, tmp_path: Path) -> None:
    (policy,) = (
        attrs["content"]
        for _, attrs in page.tags
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    hashes = re.findall(r"'sha256-([^']+)'", policy)
    from hugescope_server.settings import BUILT_FRONT_END

    scripts = (page.blocks["script"], plotly_js(BUILT_FRONT_END).text)
    made = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert hashes == made


def test_the_smallest_plotly_that_is_there_is_taken(tmp_path: Path) -> None:
    whole = plotly_js(tmp_path)
    assert whole.kind == "whole bundle"
    assert re.fullmatch(r"[0-9]+\.[0-9.]+", whole.version)
    (tmp_path / BUNDLE).write_text("/**\n* plotly.js (cartesian - minified) v9.8.7\n*/")
    assert plotly_js(tmp_path).version == "9.8.7"
    assert plotly_js(tmp_path).kind == "cartesian bundle"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--live", "{path}"], "give a recording, or --live"),
        ([], "give a recording, or --live"),
        (["{path}", "--for", "3s"], "--for 3s: goes with --live"),
        (["{path}", "--at", "+5s", "--to", "+4s"], "--at +5s: lies outside of --from and --to"),
        (["{path}", "--pid", "7"], "--pid 7: no such process in f.hsrec at that time"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    tmp_path: Path, words: list[str], said: str
) -> None:
    path = filling(tmp_path / "f.hsrec")
    done = ran("report", "-o", tmp_path / "x.html", *(word.format(path=path) for word in words))
    assert said in str(done.exception)
    assert not (tmp_path / "x.html").exists()


def test_a_directory_that_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    done = ran("report", "--live", "--for", "1h", "-o", tmp_path / "none" / "x.html")
    assert f"{tmp_path / 'none'}: no such directory" in str(done.exception)


def test_no_file_is_written_over(tmp_path: Path) -> None:
    output = tmp_path / "there.html"
    output.write_text("mine")
    done = ran("report", filling(tmp_path / "f.hsrec"), "-o", output)
    assert f"{output}: is there already" in str(done.exception)
    assert output.read_text() == "mine"


def test_damage_is_told_in_the_page(tmp_path: Path) -> None:
    path = filling(tmp_path / "f.hsrec")
    path.write_bytes(path.read_bytes()[:-5])
    page = reported(path, tmp_path / "d.html")
    assert "nothing is known from 2026-01-02T03:04:14.000Z to its end" in page.text


def test_no_other_command_imports_plotly() -> None:
    code = "import sys, hugescope.cli; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
