"""The REST side against its own OpenAPI description, in this process: whatever a logged-in client
sends, the answer is one that the description has, in its form, and never an error of the server's.
"""

from __future__ import annotations

import random
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import positive_data_acceptance

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.questions import Questions
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import PageAnswer
from tests import access
from tests.unit.server.made_host import MadeHost, hello

HEADERS = {"Host": "localhost", **access.bearer(Role.ADMIN)}
HOST = MadeHost(random.Random(3))
MAPPING = HOST.add(7, 300)
START = HOST.infos[7][MAPPING].start


async def _ask(text: str) -> None:
    """The made-up agent answers at once that it knows no such page."""
    asked = int(text.partition('"query_id":')[2].partition(",")[0])
    answer = PageAnswer(query_id=asked, page=None, code="no_such_mapping", message="none there")
    QUESTIONS.take(answer.model_dump_json())


QUESTIONS = Questions(_ask, 5.0)


def made_app() -> FastAPI:
    """A server with one host that has one mapping."""
    app = create_app(ServerSettings())
    session = app.state.services.ingest.join(hello(), lambda: None, QUESTIONS)
    session.take(HOST.full())
    return app


schema = schemathesis.openapi.from_asgi("/openapi.json", made_app(), headers=HEADERS)


@schema.hook("map_case")
def _often_what_is_there(_context: Any, case: Any) -> Any:
    """Three of four requests are about the host, process and mapping that there are."""
    there = {"host_id": "h1", "pid": 7, "start": hex(START), "address": hex(START)}
    there |= dict.fromkeys("ab", f"h1/7/{START:#x}")
    if not case.meta.generation.mode.is_positive:
        return case
    if len(repr(case.query) + repr(case.path_parameters)) % 4:
        for place in (case.path_parameters, case.query):
            for name in set(place or {}) & set(there):
                place[name] = [7] if isinstance(place[name], list) else there[name]
    return case


@schema.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_described(case: Any) -> None:
    answer: Response = case.call(headers=HEADERS)
    # Which bytes are a recording no description of an API can say.
    undescribed = [positive_data_acceptance] if case.path == "/api/v1/recordings" else []
    case.validate_response(answer, headers=HEADERS, excluded_checks=undescribed)
