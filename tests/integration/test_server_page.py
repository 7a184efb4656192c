"""The page route: a question through server and agent and back."""

import asyncio
import random
from typing import Any

import pytest

from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import PageAnswer, PageQuery
from tests.integration.live_server import PATIENCE_S, agent, http_to, live_server
from tests.unit.server.made_host import MadeHost
from tests.unit.server.made_report import page

ASK = "/api/v1/hosts/h1/page?pid=7&address=0x7f0000200000"


def made_host() -> MadeHost:
    host = MadeHost(random.Random(1))
    host.add(7, 4)
    return host


async def ask(url: str, path: str) -> tuple[int, Any]:
    async with http_to(url) as client:
        answer = await client.get(url + path)
        return answer.status_code, answer.json()


async def known(url: str) -> None:
    """Wait until the host's first frame was taken."""
    async with asyncio.timeout(PATIENCE_S):
        while (await ask(url, "/api/v1/hosts"))[1]["hosts"] == []:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_question_goes_to_the_agent_and_comes_back() -> None:
    detail = page(explanation=["two tables, one page"])
    with live_server() as url:
        async with agent(url, made_host()) as link:
            await link.send(link.host.full())
            await known(url)
            asked = asyncio.create_task(ask(url, ASK + "&part=3"))
            raw = await asyncio.wait_for(link.socket.recv(), PATIENCE_S)
            query = PageQuery.model_validate_json(raw)
            assert (query.pid, query.address, query.part) == (7, 0x7F0000200000, 3)
            answer = PageAnswer(query_id=query.query_id, page=detail)
            await link.socket.send(answer.model_dump_json())
            status, body = await asked
            assert status == 200
            assert body == detail.model_dump(mode="json")


async def test_the_agent_says_why_there_is_no_page() -> None:
    with live_server() as url:
        async with agent(url, made_host()) as link:
            await link.send(link.host.full())
            await known(url)
            asked = asyncio.create_task(ask(url, ASK))
            raw = await asyncio.wait_for(link.socket.recv(), PATIENCE_S)
            number = PageQuery.model_validate_json(raw).query_id
            why = PageAnswer(query_id=number, page=None, code="no_such_mapping", message="no")
            await link.socket.send(why.model_dump_json())
            assert await asked == (404, {"code": "no_such_mapping", "message": "no"})


async def test_an_agent_that_answers_with_rubbish_is_refused() -> None:
    with live_server() as url:
        async with agent(url, made_host()) as link:
            await link.send(link.host.full())
            await link.socket.send('{"type":"page"}')
            assert (await link.refusal()).code == "bad_message"


async def test_no_agent_no_answer_no_host() -> None:
    with live_server(ServerSettings(port=0, answer_deadline_s=0.05)) as url:
        async with agent(url, made_host()) as link:
            await link.send(link.host.full())
            await known(url)
            status, body = await ask(url, ASK)
            assert (status, body["code"]) == (503, "no_answer")
            status, body = await ask(url, ASK.replace("h1", "h2"))
            assert (status, body["code"]) == (404, "no_such_host")
        async with asyncio.timeout(PATIENCE_S):
            while (await ask(url, ASK))[1]["code"] != "no_agent":  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "query", ["pid=7", "pid=0&address=0x1", "pid=7&address=zz", "pid=7&address=12"]
)
async def test_bad_parameters_are_named(query: str) -> None:
    with live_server() as url:
        status, body = await ask(url, f"/api/v1/hosts/h1/page?{query}")
        assert (status, body["code"]) == (422, "bad_request")
