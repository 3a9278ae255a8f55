"""Every call of the API, asked by everybody: the matrix, and that a foreign id is like a missing one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.access import api, routes, table
from tests.access.asking import seen, undone
from tests.access.world import World, make_world
from tests.world import make_key

pytestmark = pytest.mark.django_db

NO_IDS = ["-1", "0", "x", "%00", str(2**63), str(10**20), "'--", "%F0%9F%92%A9", "é", "x" * 2000]


@pytest.fixture
def world() -> World:
    return make_world()


def test_every_call_has_a_row() -> None:
    table.compare(routes.api_calls(), api.ROWS, api.ACTORS, "tests/access/api.py")


@pytest.mark.parametrize("call", api.ROWS)
def test_who_is_answered_what(call: str, world: World) -> None:
    """Each actor finds the world as it was before the others came."""
    case = api.CASES.get(call, table.Case())
    got = {}
    for actor in api.ACTORS:
        with undone():
            ids = case.names(world)
            got[actor] = ask(call, world.keys[actor], ids, case.content(world, ids)).status_code
    assert got == api.ROWS[call]


@pytest.mark.parametrize("call", [call for call in api.ROWS if "{" in call])
def test_a_foreign_id_is_answered_like_a_missing_one(call: str, world: World) -> None:
    """Byte for byte, apart from the id that the caller has sent; and alike for everybody."""
    case = api.CASES.get(call, table.Case())
    answers: dict[bytes, str] = {}
    for actor, status in api.ROWS[call].items():
        if status in (401, 403):
            continue
        with undone():
            own = case.names(world)
            missing = own | {name: table.another(own[name]) for name in named(call)}
            wanted = [missing, *([own] if status == 404 else [])]
            for ids in wanted:
                answer = ask(call, world.keys[actor], ids, case.content(world, ids))
                sent = {name: ids[name] for name in named(call)}
                answers.setdefault(seen(answer, sent), f"{actor} asking for {sent}")
    assert len(answers) == 1, answers
    assert b"404" in next(iter(answers))


@pytest.mark.parametrize("call", [call for call in api.ROWS if "_id}" in call])
def test_what_can_be_no_id_is_answered_like_a_missing_one(call: str, world: World) -> None:
    actor = next(actor for actor, status in api.ROWS[call].items() if status < 300)
    case = api.CASES.get(call, table.Case())
    own = case.names(world)
    body = case.content(world, own)
    for name in named(call):
        said = {
            str(id): told(ask(call, world.keys[actor], own | {name: id}, body))
            for id in (table.another(own[name]), *NO_IDS)
        }
        assert len(set(said.values())) == 1, said


def ask(call: str, key: str, ids: Mapping[str, Any], body: Any) -> HttpResponse:
    """One call, as the row writes it."""
    method, path = call.split(" ")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    content = b"" if body is None else json.dumps(body)
    client = Client(raise_request_exception=False)
    answer: Any = client.generic(
        method,
        f"/api/v1{path.format(**ids)}",
        content,
        content_type="application/json",
        headers=headers,
    )
    return answer  # type: ignore[no-any-return]


def named(call: str) -> list[str]:
    """The ids that the row's path and query name."""
    return [part.partition("}")[0] for part in call.split("{")[1:]]


def told(answer: HttpResponse) -> tuple[int, str, str]:
    """What a program sees of a refusal."""
    body = json.loads(answer.content)
    return answer.status_code, body["code"], body["title"]


@pytest.mark.parametrize("kind", ["bound", "sandbox"])
@pytest.mark.parametrize("call", [call for call in api.ROWS if "{" in call and api.ROWS[call]["A"] < 300])
def test_a_key_for_elsewhere_finds_nothing_here(call: str, kind: str, world: World) -> None:
    """Courier A's own, with a key that is bound to another location, or one for the sandbox."""
    case = api.CASES.get(call, table.Case())
    if kind == "bound":
        _, key = make_key(courier=world.a, location_ids=[world.elsewhere.pk])
    else:
        _, key = make_key(courier=world.a, test=True)
    own = case.names(world)
    missing = own | {name: table.another(own[name]) for name in named(call)}
    answers = [ask(call, key, ids, case.content(world, ids)) for ids in (own, missing)]
    first, second = (
        seen(answer, {name: ids[name] for name in named(call)})
        for answer, ids in zip(answers, (own, missing), strict=True)
    )
    assert first == second
    assert told(answers[0])[:2] in [(404, told(answers[1])[1]), (403, "location_bound_key")]
