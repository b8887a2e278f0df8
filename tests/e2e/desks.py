"""Staff at work: over sockets and HTTP, until nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.e2e.phones import AGAIN_SECONDS, Phone, was_repeated
from tests.support.clients.sockets import ConnectionLost
from tests.support.http_service import Person
from tests.support.waiting import eventually

EVENTS = {
    "START": "queue:start_token",
    "COMPLETE": "queue:complete_token",
    "SKIP": "queue:skip_token",
}
PATIENCE_SECONDS = 60.0


class Desk:
    """One staff member. ``acknowledged`` is what the service said it had done for them.

    An action whose answer got lost is tried again, and may turn out to have been done already.
    """

    def __init__(
        self, person: Person, phone: Phone, *, uses_http: bool = False, visit_seconds: float = 0.0
    ) -> None:
        self.person = person
        self.phone = phone
        self.acknowledged: list[tuple[str, str]] = []
        self.lost_answers = 0
        self.seen = 0
        self._uses_http = uses_http
        self._visit_seconds = visit_seconds
        self._queue_id = ""
        self._held: str | None = None

    async def work(
        self, queue_id: str, phones: dict[str, Phone], may_call: Callable[[], Awaitable[None]]
    ) -> None:
        """See one patient after the other, until nobody waits.

        ``phones`` are the patients'; ``may_call`` returns when it is time for the next.
        """
        self._queue_id = queue_id
        while (token := await self._call_next()) is not None:
            await self._see(token, phones[token["patientId"]])
            self.seen += 1
            # How long a visit takes: others act meanwhile.
            await asyncio.sleep(self._visit_seconds)
            await may_call()
        if self._held is not None:
            await self._do("COMPLETE", self._held, over_http=False)

    async def _call_next(self) -> dict[str, Any] | None:
        over_http = self._uses_http and self.seen % 4 == 3
        answer = await self._ask(
            over_http, f"/queues/{self._queue_id}/call-next", "queue:call_next", self._queue_id
        )
        if not answer["ok"]:
            assert answer["code"] == "queue_empty", answer
            return None
        token: dict[str, Any] = answer["data"]
        assert (token["queueId"], token["status"]) == (self._queue_id, "CALLED")
        if self._held is not None:
            self.acknowledged.append(("COMPLETE", self._held))
        self.acknowledged.append(("CALL", token["id"]))
        self._held = token["id"]
        return token

    async def _see(self, token: dict[str, Any], phone: Phone) -> None:
        """Every way in which a visit may go, by the number."""
        id, number = token["id"], token["tokenNumber"]
        over_http = self._uses_http and number % 3 == 0
        if not self._uses_http:
            # This one waits for the patient to come, whose phone says when.
            try:
                await eventually(lambda: phone.has_heard_of(id), within=PATIENCE_SECONDS)
            except AssertionError as error:
                raise AssertionError(f"token {number} was called, and {phone} is silent") from error
        if number % 5 == 0:
            await self._do("SKIP", id, over_http=over_http)
            return
        if number % 5 != 1:
            await self._do("START", id, over_http=over_http)
        if number % 5 != 2:  # These are completed by calling the next one.
            await self._do("COMPLETE", id, over_http=over_http)

    async def _do(self, action: str, token_id: str, *, over_http: bool) -> None:
        path = f"/tokens/{token_id}/{action.lower()}"
        answer = await self._ask(over_http, path, EVENTS[action], self._queue_id, token_id)
        if answer["ok"]:
            assert answer["data"]["id"] == token_id
            self.acknowledged.append((action, token_id))
        else:
            assert answer["code"] == "illegal_transition", answer
            assert self.lost_answers, f"{action} was refused: {answer}"
        if action != "START":
            self._held = None

    async def _ask(self, over_http: bool, path: str, event: str, *ids: str) -> dict[str, Any]:
        if over_http:
            response = await self.person.post(path)
            self.lost_answers += was_repeated(response)
            body = response.json()
            return {"ok": body["success"], **body}
        while True:
            try:
                answer: dict[str, Any] = await self.phone.ask(event, *ids)
            except (ConnectionLost, TimeoutError):
                self.lost_answers += 1
            else:
                if answer["ok"] or answer["code"] not in ("unavailable", "internal_error"):
                    return answer
                self.lost_answers += 1
            await asyncio.sleep(AGAIN_SECONDS)
