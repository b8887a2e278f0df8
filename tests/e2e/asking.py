"""How people ask for something to be done: once, however often they have to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import httpx

from tests.e2e.phones import AGAIN_SECONDS, Phone
from tests.e2e.testimony import Act, Refusal, Testimony, Who, now
from tests.support.clients.sockets import ConnectionLost
from tests.support.http_service import Person

AWAY = ("service_unavailable", "unavailable", "internal_error")
"""What a service says that may or may not have done it."""


class Answer(NamedTuple):
    """What came back: the data, or the code of the refusal."""

    ok: bool
    data: Any
    code: str | None = None
    meta: Mapping[str, Any] | None = None


class About(NamedTuple):
    """What an act is about, for whoever looks back on it (see ``Act``)."""

    action: str
    token_id: str | None = None
    queue_id: str | None = None
    desk: Mapping[str, str] | None = None
    service_ids: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Asking:
    """One person, their app, and what they are answered.

    Each thing they ask for has an idempotency key of its own: when the answer is lost, they ask
    again with it, and what was done is done once.
    """

    person: Person
    who: Who
    testimony: Testimony
    phone: Phone | None = None
    _keys: int = 0

    def next_key(self) -> str:
        """A key that nothing else is asked with."""
        self._keys += 1
        return f"{self.who.name.replace(' ', '-')}-{self._keys}"

    async def over_http(
        self,
        about: About,
        method: str,
        path: str,
        given: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        twice: bool = False,
    ) -> Answer:
        """Ask over HTTP; ``twice``, at one moment, to get one answer."""
        asked_at = now()
        headers = {"Idempotency-Key": key or self.next_key()}
        requests = [
            self.person.call(method, path, given or None, headers=headers) for _ in range(1 + twice)
        ]
        answers = [answer_of(response) for response in await asyncio.gather(*requests)]
        # Refusals are not kept: what was refused to the one may be possible a moment later.
        answer, *others = sorted(answers, key=lambda answer: not answer.ok)
        assert all(other == answer for other in others if other.ok), f"twice: {answers}"
        return self.remember(about, given or {}, answer, asked_at)

    async def over_socket(
        self, about: About, event: str, *ids: str, options: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask over the app's socket, and again when it was lost."""
        assert self.phone is not None
        asked_at = now()
        keyed = {**(options or {}), "idempotencyKey": self.next_key()}
        while True:
            try:
                said = await self.phone.ask(event, *ids, keyed)
            except (ConnectionLost, TimeoutError):
                pass
            else:
                if said["ok"]:
                    return self.remember(about, options or {}, Answer(True, said["data"]), asked_at)
                if said["code"] not in AWAY:
                    answer = Answer(False, None, said["code"])
                    return self.remember(about, options or {}, answer, asked_at)
            await asyncio.sleep(AGAIN_SECONDS)

    def remember(
        self, about: About, options: Mapping[str, Any], answer: Answer, asked_at: datetime
    ) -> Answer:
        """Put down what was answered."""
        if answer.ok:
            self.testimony.acts.append(
                Act(
                    **about._asdict(),
                    by=self.who,
                    answer=answer.data,
                    options=options,
                    asked_at=asked_at,
                    answered_at=now(),
                )
            )
        else:
            assert answer.code is not None
            self.testimony.refusals.append(Refusal(about.action, self.who, answer.code))
        return answer


def answer_of(response: httpx.Response) -> Answer:
    """What an answer over HTTP says. Nothing that people do here is malformed or forbidden."""
    body = response.json()
    if body["success"]:
        return Answer(True, body["data"])
    assert response.status_code == 409, response.text
    return Answer(False, None, body["code"], body["meta"])
