"""Whatever a report says, finding ends, and what is found is well made.

Plain seeded random, not hypothesis: a report is far too large to be shrunk in reasonable time.
"""

from __future__ import annotations

import types
from random import Random
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest
from pydantic import BaseModel

from hugescope_agent.model.findings import Facts, find
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.findings import Finding, severity_rank
from hugescope_wire.host import Limit, ProcessInfo, Skipped
from hugescope_wire.report import HostReport
from hugescope_wire.snapshot import Pool
from tests.unit.agent.model.findings.made_facts import process
from tests.unit.wire.made_wire import GIB, MIB2, TAKEN_AT, cells_of, mapping_info, whole_row

REPORTS = 150
STARTS = tuple(mapping_info(number, 1).start for number in (1, 2, 3))
NUMBERS = (0, 1, 2, 3, 512, 4096, MIB2, GIB)
BY_NAME: dict[str, tuple[Any, ...]] = {
    "pid": (41, 42),
    "page_size": (MIB2, GIB),
    "start": STARTS,
    "fd": (7, 8),
    "taken_at": (TAKEN_AT,),
    "count": (1, 2),
}
PLAIN: dict[Any, tuple[Any, ...]] = {
    int: NUMBERS,
    bool: (False, True),
    float: (0.0, 0.5, 2.0),
    str: ("/a", "/a/b", "x\x1b", ""),
    type(None): (None,),
}


def anything(annotation: Any, random: Random, name: str = "") -> Any:
    """A value of a type as the records use it; numbers that meet each other often."""
    if name in BY_NAME:
        return random.choice(BY_NAME[name])
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return anything(inner[0], random, name)
    if origin is Literal:
        return random.choice(inner)
    if origin in (Union, types.UnionType):
        return anything(random.choice(inner), random, name)
    if origin is list:
        one = name.removesuffix("s")
        return [anything(inner[0], random, one) for _ in range(random.randrange(4))]
    if origin is dict:
        return {node: random.choice(NUMBERS) for node in (0, 1) if random.random() < 0.5}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return record(annotation, random)
    return random.choice(PLAIN[annotation])


def record(model: type[BaseModel], random: Random) -> Any:
    fields = model.model_fields.items()
    return model(**{name: anything(field.annotation, random, name) for name, field in fields})


def any_look(random: Random) -> Facts:
    processes: list[ProcessInfo] = []
    shown: dict[int, Cells] = {}
    for pid, numbers in ((41, (1,)), (42, (2, 3))):
        infos = []
        for number in numbers:
            count, size = random.randint(1, 4), random.choice((MIB2, GIB))
            infos.append(mapping_info(number, count, size, shared=random.random() < 0.5))
            rows = [whole_row(random.choice(list(CellState)), size) for _ in range(count)]
            if random.random() < 0.8:
                shown[number] = cells_of(rows)
        processes.append(process(pid, *infos))
    report = record(HostReport, random).model_copy(update={"findings": []})
    return Facts(
        report=report,
        pools=[record(Pool, random) for _ in range(2)],
        processes=processes,
        cells=shown,
        limits=[record(Limit, random) for _ in range(random.randrange(3))],
        skipped=Skipped(denied=random.randrange(2)),
    )


@pytest.mark.parametrize("seed", range(5))
def test_any_report_gives_findings_that_are_well_made(seed: int) -> None:
    random = Random(seed)
    codes = set()
    for _ in range(REPORTS // 5):
        look = any_look(random)
        findings = find(look)
        codes |= {finding.code for finding in findings}
        keys = [finding.key for finding in findings]
        assert len(set(keys)) == len(keys)
        ranks = [severity_rank(finding.severity) for finding in findings]
        assert ranks == sorted(ranks, reverse=True)
        lengths = {(p.pid, m.start): m.cell_count for p in look.processes for m in p.mappings}
        for finding in findings:
            check(finding, lengths)
    assert len(codes) > 10


def check(finding: Finding, lengths: dict[tuple[int, int], int]) -> None:
    assert Finding.model_validate_json(finding.model_dump_json()) == finding
    assert all(text.isprintable() for text in (finding.what, finding.why, finding.advice))
    assert finding.key.isprintable()
    assert finding.command is None or finding.command.isprintable()
    for link in finding.links:
        assert link.first + link.count <= lengths.get((link.pid, link.start), np.inf), finding
