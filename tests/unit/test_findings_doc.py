"""docs/findings.md: a section for every code, and a code for every section."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from hugescope.commands.findings import FOUND_EXIT
from hugescope_wire.findings import SEVERITIES, FindingCode
from hugescope_wire.findings_document import FINDINGS_SCHEMA

TEXT = (Path(__file__).parents[2] / "docs/findings.md").read_text()
PARTS = re.split(r"^## `([a-z-]+)`$", TEXT, flags=re.MULTILINE)
SECTIONS = dict(zip(PARTS[1::2], PARTS[2::2], strict=True))
CODES = get_args(FindingCode)
FINDINGS = Path(__file__).parents[2] / "agent/hugescope_agent/model/findings"


def test_every_code_has_one_section_and_every_section_a_code() -> None:
    assert sorted(PARTS[1::2]) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_each_section_says_all_there_is_to_say(code: str) -> None:
    section = SECTIONS[code]
    for part in ("Severity:", "Condition", "Why:", "What to do:"):
        assert re.search(f"^{part}", section, re.MULTILINE), part
    assert "```sh" in section or "Not by hand" in section or "One look cannot" in section


@pytest.mark.parametrize("code", CODES)
def test_the_severities_said_are_those_that_the_code_gives(code: str) -> None:
    """Read from the source: a severity that is given there and not said here, or the reverse."""
    said = re.search(r"^Severity: (.*?)\n\n", SECTIONS[code], re.MULTILINE | re.DOTALL)
    assert said is not None
    words = set(re.findall(r"\w+", said[1])) & set(SEVERITIES)
    assert words == given(code)


def given(code: str) -> set[str]:
    """Severities in calls of Finding(code=...) or, where it is a name, in the whole module."""
    found: set[str] = set()
    for path in FINDINGS.glob("*.py"):
        tree = ast.parse(path.read_text())
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            value = keywords.get("code")
            if not (isinstance(value, ast.Constant) and value.value == code):
                continue
            severity = keywords["severity"]
            within = tree if isinstance(severity, ast.Attribute) else severity
            found |= {
                node.value
                for node in ast.walk(within)
                if isinstance(node, ast.Constant) and node.value in SEVERITIES
            }
    return found


def test_schema_and_exit_code_are_as_said() -> None:
    assert FINDINGS_SCHEMA in TEXT
    assert f"then it is {FOUND_EXIT}." in TEXT
