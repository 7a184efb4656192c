"""Prometheus' own tool finds nothing wrong with metrics, alert rules and the dashboard."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.server.metrics.made_metrics import names_of, whole_site

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
GIVE_UP_AFTER_S = 60
NAME = re.compile(r"\b(?:hugescope|process)_[a-z0-9_]+\b")


@pytest.fixture(scope="module")
def promtool() -> str:
    """Where it is."""
    found = shutil.which("promtool")
    if found is None:
        # CI installs it; elsewhere not everybody has it.
        assert "CI" not in os.environ, "no promtool: install prometheus"
        pytest.skip("no promtool (package prometheus)")
    return found


def content(*command: str, given: bytes | None = None) -> str:
    """What promtool says; it has to be content."""
    done = subprocess.run(
        command, input=given, capture_output=True, timeout=GIVE_UP_AFTER_S, check=False
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def dashboard() -> dict[str, Any]:
    loaded = json.loads((DEPLOY / "grafana/hugescope.json").read_text())
    assert isinstance(loaded, dict)
    return loaded


def queries() -> Iterator[tuple[str, str]]:
    """Each panel's title with each of its expressions."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


async def series() -> set[str]:
    """Names of all that a server tells where everything is known."""
    return names_of(await whole_site().scrape())


async def test_metrics_are_as_prometheus_wants_them(promtool: str) -> None:
    body, _ = await whole_site().services.metrics.exposition("text/plain;version=0.0.4")
    assert content(promtool, "check", "metrics", given=body) == ""


def test_alerts_fire_when_they_should(promtool: str) -> None:
    assert "SUCCESS" in content(promtool, "check", "rules", str(ALERTS))
    assert "SUCCESS" in content(promtool, "test", "rules", str(ALERTS.with_name("alerts.test.yml")))


def test_every_alert_has_a_test_of_its_own() -> None:
    named = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    tested = re.findall(r"- name: (\w+)", ALERTS.with_name("alerts.test.yml").read_text())
    assert named == tested
    assert len(named) >= 15


def test_the_scrape_config_is_one(promtool: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x")
    text = (ALERTS.with_name("scrape.yml")).read_text()
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/etc/prometheus/hugescope.token", str(token)))
    (tmp_path / "alerts.yml").write_text(ALERTS.read_text())
    assert "SUCCESS" in content(promtool, "check", "config", str(config))


async def test_alerts_and_dashboard_ask_for_what_there_is() -> None:
    known = await series()
    for alert in ALERTS.read_text().split("- alert: ")[1:]:
        assert set(NAME.findall(alert)) <= known, alert
    for title, expr in queries():
        asked = set(NAME.findall(expr))
        assert asked, title
        assert asked <= known, title
    for variable in dashboard()["templating"]["list"][1:]:
        assert set(NAME.findall(variable["definition"])) <= known


def test_the_dashboard_asks_in_words_that_prometheus_has(promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"query_{number}", "expr": expr.replace("$__rate_interval", "1m")}
        for number, (_, expr) in enumerate(queries())
    ]
    # JSON is YAML too.
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in content(promtool, "check", "rules", str(file))


def test_the_dashboard_names_no_data_source_of_its_own() -> None:
    first, *_ = dashboard()["templating"]["list"]
    assert (first["name"], first["type"]) == ("datasource", "datasource")
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for asked in (panel, *panel.get("targets", [])):
            assert asked.get("datasource", {"uid": "${datasource}"})["uid"] == "${datasource}"
