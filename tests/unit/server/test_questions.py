import asyncio
import json

import pytest

from hugescope_server.questions import MAX_OPEN, Questions
from hugescope_wire.errors import WireError
from hugescope_wire.messages import PageAnswer
from tests.unit.server.made_report import page


class Socket:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    async def send(self, text: str) -> None:
        self.sent.append(json.loads(text)["query_id"])
        await asyncio.sleep(0)


def answer(number: int) -> str:
    return PageAnswer(query_id=number, page=page(first=number)).model_dump_json()


async def test_answers_find_their_questions_in_any_order() -> None:
    socket = Socket()
    questions = Questions(socket.send, 10)
    asked = [asyncio.create_task(questions.page(7, 0x1000, None)) for _ in range(3)]
    while len(socket.sent) < 3:  # noqa: ASYNC110 - the tasks run between
        await asyncio.sleep(0)
    for number in reversed(socket.sent):
        questions.take(answer(number))
    got = [(await task).page for task in asked]
    assert [detail.first for detail in got if detail is not None] == socket.sent


async def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    Questions(Socket().send, 10).take(answer(99))


async def test_an_answer_that_is_none() -> None:
    with pytest.raises(WireError, match="query_id") as raised:
        Questions(Socket().send, 10).take('{"type":"page","page":null}')
    assert raised.value.code == "bad_message"


async def test_no_answer_in_time() -> None:
    with pytest.raises(WireError) as raised:
        await Questions(Socket().send, 0).page(7, 0, None)
    assert raised.value.code == "no_answer"


async def test_the_agent_leaves() -> None:
    socket = Socket()
    questions = Questions(socket.send, 10)
    asked = asyncio.create_task(questions.page(7, 0, None))
    while not socket.sent:  # noqa: ASYNC110 - the task runs between
        await asyncio.sleep(0)
    questions.close()
    with pytest.raises(WireError) as raised:
        await asked
    assert raised.value.code == "agent_left"


async def test_questions_have_a_bound() -> None:
    questions = Questions(Socket().send, 10)
    asked = [asyncio.create_task(questions.page(7, 0, None)) for _ in range(MAX_OPEN)]
    await asyncio.sleep(0)
    with pytest.raises(WireError) as raised:
        await questions.page(7, 0, None)
    assert raised.value.code == "too_many_questions"
    questions.close()
    await asyncio.gather(*asked, return_exceptions=True)
