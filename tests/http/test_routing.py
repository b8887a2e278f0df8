"""From a function to a route: what does not fit is refused when the module is imported."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from qure.application.queueing.calling import Calling
from qure.domain.actor import Actor
from qure.domain.ids import QueueId
from qure.entrypoints.http.answers import WithCookies
from qure.entrypoints.http.operation import OPERATION, Operation
from qure.entrypoints.http.routing import Api
from qure.wire.queues import QueueBody
from qure.wire.requests import FilterTokens, SetActive, UpdateProfile


def described(handler: Any, method: Any = "POST", path: str = "/", **more: Any) -> Operation:
    """What becomes of a handler."""
    served = Api("/api/things", tag="Things").call(method, path, "Done.", **more)(handler)
    operation: Operation = served.opt[OPERATION]
    return operation


async def set_thing_active(queue_id: QueueId, given: SetActive, calling: Calling) -> QueueBody:
    """Take new things.

    Or no more: `isActive`
    says which.
    """
    raise AssertionError


def test_a_handler_says_what_its_route_is() -> None:
    one = described(set_thing_active, path="/{queueId}", refuses=("forbidden", "queue_empty"))
    assert (one.id, one.tag, one.message) == ("setThingActive", "Things", "Done.")
    assert one.summary == "Take new things"
    assert one.description == "Or no more: `isActive` says which."
    assert (one.body, one.query, one.answer) == (SetActive, None, QueueBody)
    assert type(one.example) is QueueBody
    assert one.refusals == {404: ("queue_not_found",), 403: ("forbidden",), 409: ("queue_empty",)}
    assert one.enveloped
    assert not one.public


def test_what_a_get_is_given_is_its_query() -> None:
    async def list_things(given: FilterTokens) -> list[QueueBody]:
        """List things."""
        raise AssertionError

    one = described(list_things, "GET")
    assert (one.body, one.query, one.answer) == (None, FilterTokens, list[QueueBody])
    assert one.description == "List things."
    assert [type(body) for body in one.example] == [QueueBody]


def test_a_handler_may_take_a_key_a_code_and_whoever_asks() -> None:
    async def enter(
        join_code: str, given: SetActive, key: str | None, asker: Actor | None
    ) -> QueueBody:
        """Enter."""
        raise AssertionError

    one = described(enter, path="/{joinCode}", public=True, refuses=("join_code_not_found",))
    assert (one.takes_key, one.takes_asker, one.public) == (True, True, True)
    assert one.refusals == {404: ("join_code_not_found",)}
    plain = described(set_thing_active, path="/{queueId}")
    assert (plain.takes_key, plain.takes_asker) == (False, False)


def test_who_asks_may_be_nobody_only_of_a_public_route() -> None:
    async def enter(asker: Actor | None) -> None:
        """Enter."""

    with pytest.raises(TypeError, match="the request says who asks"):
        described(enter)


def test_a_handler_may_know_the_sessions_of_pages() -> None:
    async def renew(
        given: SetActive | None, session: Literal["login", "display"] | None
    ) -> WithCookies[QueueBody]:
        """Renew."""
        raise AssertionError

    one = described(renew)
    assert (one.sessions, one.spares_body) == (("login", "display"), True)
    assert (one.body, one.answer) == (SetActive, QueueBody)
    plain = described(set_thing_active, path="/{queueId}")
    assert (plain.sessions, plain.spares_body) == ((), False)


def test_an_unknown_part_is_refused() -> None:
    async def call(callng: Calling) -> None:
        """Call."""

    with pytest.raises(TypeError, match="no part 'callng'"):
        described(call)


def test_a_part_of_another_type_is_refused() -> None:
    async def call(calling: QueueBody) -> None:
        """Call."""

    with pytest.raises(TypeError, match="no part 'calling' of type"):
        described(call)


def test_an_id_in_the_path_that_the_handler_does_not_take_is_refused() -> None:
    async def call(queue_id: QueueId) -> None:
        """Call."""

    with pytest.raises(TypeError, match="does not take every id"):
        described(call, path="/{queueId}/{tokenId}")


def test_files_and_the_body_that_has_them_go_together() -> None:
    async def change(given: UpdateProfile) -> None:
        """Change."""

    async def call(given: SetActive, files: dict[str, bytes]) -> None:
        """Call."""

    for handler in (change, call):
        with pytest.raises(TypeError, match="files"):
            described(handler)


def test_an_unknown_refusal_is_refused() -> None:
    async def call() -> None:
        """Call."""

    with pytest.raises(KeyError, match="queue_fll"):
        described(call, refuses=("queue_fll",))
