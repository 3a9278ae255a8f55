"""Every page, asked for by everybody: the matrix, and that another location's id is like a missing one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.access import pages, routes, table
from tests.access.asking import seen, undone
from tests.access.world import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def test_every_page_has_its_rows() -> None:
    table.compare(routes.pages(), pages.ROWS, pages.ACTORS, "tests/access/pages.py")


@pytest.mark.parametrize("page", pages.ROWS)
def test_who_is_answered_what(page: str, world: World) -> None:
    """Each actor finds the world as it was before the others came."""
    case = pages.case_of(page)
    got = {}
    for actor in pages.ACTORS:
        with undone():
            ids = case.names(world)
            answer = ask(page, world, actor, ids, case.content(world, ids))
            got[actor] = answer.status_code
            if page.split(" ")[1].startswith("/manage/") and actor == "nobody":
                assert answer["Location"].startswith("/accounts/login/?next=/manage/")
    assert got == pages.ROWS[page]


@pytest.mark.parametrize(
    "page", [page for page, row in pages.ROWS.items() if row["manager_2"] == 404 != row["manager_1"]]
)
def test_what_is_another_s_is_answered_like_what_is_missing(page: str, world: World) -> None:
    """Byte for byte, apart from the id that the caller has sent; and alike for everybody."""
    case = pages.case_of(page)
    answers: dict[bytes, str] = {}
    for actor in ("manager_1", "manager_2", "staff"):
        with undone():
            own = case.names(world)
            missing = own | {name: table.another(own[name]) for name in re.findall(r":(\w+)>", page)}
            for ids in (missing, own) if actor == "manager_2" else (missing,):
                answer = ask(page, world, actor, ids, case.content(world, ids))
                answers.setdefault(seen(answer, ids), f"{actor} asking for {ids}")
    assert len(answers) == 1, answers
    assert b"404" in next(iter(answers))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_admin_is_for_staff(method: str, world: World) -> None:
    """Everybody else is led to the sign-in; staff without rights to a model see and change nothing of it."""
    found = routes.admin_pages()
    assert len(found) > 60
    assert {call.split(" ")[1] for call in pages.ADMIN_ROWS} <= set(found)
    for path in found:
        for actor in ("nobody", "manager_1"):
            answer = ask(f"{method} {path}", world, actor, {}, {})
            if path not in pages.ADMIN_OPEN:
                assert answer.status_code == 302, f"{method} {path} by {actor}: {answer.status_code}"
                assert answer["Location"].startswith("/admin/login/"), path
        if f"GET {path}" not in pages.ADMIN_ROWS:
            answer = ask(f"{method} {path}", world, "staff", {}, {})
            # What does not exist leads back to the start, and an old address to the page of today.
            leads_on = answer.status_code == 302 and path.endswith(("/1/", "/1/history/"))
            assert answer.status_code == 403 or leads_on, f"{method} {path}: {answer.status_code}"


@pytest.mark.parametrize("page", pages.ADMIN_ROWS)
def test_what_of_the_admin_is_open_to_staff(page: str, world: World) -> None:
    got = {actor: ask(page, world, actor, {}, {}).status_code for actor in pages.ADMIN_ACTORS}
    assert got == pages.ADMIN_ROWS[page]


def ask(page: str, world: World, actor: str, ids: dict[str, Any], form: Any) -> HttpResponse:
    """One request, as the row writes it, by somebody who has signed in."""
    client = Client(raise_request_exception=False)
    if actor != "nobody":
        client.force_login(world.users[actor])
    method, path = page.split(" ")
    url = re.sub(r"<\w+:(\w+)>", lambda found: str(ids[found[1]]), path)
    answer: Any = client.get(url) if method == "GET" else client.post(url, form or {})
    return answer  # type: ignore[no-any-return]
