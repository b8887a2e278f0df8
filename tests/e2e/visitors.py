"""Patients of all kinds: with an account, guests from the door, walk-ins with a link or none."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx

from tests.e2e.asking import About, Answer, Asking, answer_of
from tests.e2e.clerks import Clerk
from tests.e2e.day import PASSWORD, People
from tests.e2e.phones import AGAIN_SECONDS, AskingAgain, Phone, was_repeated
from tests.e2e.testimony import Refusal, Testimony, Who, now
from tests.support.clients.sockets import REFUSALS
from tests.support.http_service import Person, data_of

NETWORKS = 8
PLACE = "queue:your_place"

Token = dict[str, Any]


@asynccontextmanager
async def networks(url: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Where people are: each of these asks from an address of its own.

    So the service, which counts what it is asked by address, sees a town and not one machine.
    """
    clients = [
        httpx.AsyncClient(
            base_url=url, transport=AskingAgain(address=f"127.0.7.{number + 1}"), timeout=30
        )
        for number in range(NETWORKS)
    ]
    try:
        yield clients
    finally:
        await asyncio.gather(*(client.aclose() for client in clients))


class Visitor:
    """One patient, and what they were told.

    ``treatments`` is what will be done with them when they are called, one after the other;
    ``whims`` are what they themselves do while they wait.
    ``tokens`` are their tokens as they were first told, the newest last.
    """

    def __init__(
        self, name: str, testimony: Testimony, *, http: httpx.AsyncClient, url: str, transport: str
    ) -> None:
        self.name = name
        self.testimony = testimony
        self.treatments: deque[Any] = deque()
        self.whims: list[str] = []
        self.tokens: list[Token] = []
        self.secret: str | None = None
        self.phone: Phone | None = None
        self._http = http
        self._url = url
        self._transport = transport
        self._asking: Asking | None = None

    def __repr__(self) -> str:
        labels = [token["label"] for token in self.tokens]
        return f"<{self.name} with {labels}, {self.phone}>"

    @property
    def kind(self) -> str:
        """``account``, ``guest`` or ``walk-in``."""
        return self.name.split()[0]

    @property
    def number(self) -> int:
        """Which of its kind."""
        return int(self.name.split()[1])

    @property
    def has_login(self) -> bool:
        """Whether they can ask for something themselves."""
        return self._asking is not None

    @property
    def token(self) -> Token:
        """The one they took last."""
        return self.tokens[-1]

    # Coming

    async def register(self) -> None:
        """Make an account, and log in."""
        email = f"{self.name.replace(' ', '.')}@town.example"
        account = {
            "firstName": "Marie",
            "lastName": self.name,
            "email": email,
            "password": PASSWORD,
            "confirmPassword": PASSWORD,
        }
        answer = await self._http.post("/api/auth/register", json=account)
        if not (answer.status_code == 409 and was_repeated(answer)):
            data_of(answer, 201)
        person = await People(self._http).log_in(email)
        self._asking = Asking(
            person, Who(person.id, f"Marie {self.name}", "PATIENT"), self.testimony
        )

    async def take_number(self, queue_id: str) -> Answer:
        """As somebody with an account, in that queue."""
        about = About("ISSUE", queue_id=queue_id)
        given = {"queueId": queue_id}
        answer = await self._asks.over_http(about, "POST", "/tokens", given)
        if answer.ok:
            self.tokens.append(answer.data)
        return answer

    async def join(self, code: str, service_id: str, *, look: bool) -> Answer:
        """At the door, as a stranger who may read the poster first; they wait when told to."""
        path = f"/api/join/{code}"
        if look:
            door = data_of(await self._patiently(lambda: self._http.get(path)))
            assert service_id in [service["id"] for service in door["services"]]
        asked_at = now()
        given = {"serviceId": service_id, "name": self.name}
        headers = {"Idempotency-Key": f"{self.name.replace(' ', '-')}-joins"}
        response = await self._patiently(lambda: self._http.post(path, json=given, headers=headers))
        answer = answer_of(response)
        if not answer.ok:
            assert answer.code
            self.testimony.refusals.append(Refusal("ISSUE", None, answer.code))
            return answer
        token = answer.data["token"]
        who = Who(token["patientId"], self.name, "PATIENT", guest=True)
        self._admitted(token, answer.data["guest"])
        await self._open_link(who)
        about = About("ISSUE", queue_id=token["queueId"])
        return self._asks.remember(about, given, Answer(True, token), asked_at)

    async def be_admitted(
        self, clerk: Clerk, queue_id: str, *, with_phone: bool, **given: Any
    ) -> None:
        """As a walk-in, by somebody at the reception."""
        answer = await clerk.admit(queue_id, name=self.name, **given)
        assert answer.ok, answer
        token = answer.data["token"]
        self._admitted(token, answer.data["guest"])
        if with_phone:
            await self._open_link(Who(token["patientId"], self.name, "PATIENT", guest=True))

    async def connect(self) -> None:
        """Open the app, or the link's page, and watch the queue."""
        while self.phone is None:
            phone = Phone(self._url, self._asks.person.access_token, self._transport)
            try:
                await phone.open()
            except REFUSALS:
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self.phone = self._asks.phone = phone
        if self.tokens:
            await self.watch()

    async def watch(self) -> None:
        """Watch the queue of their token, if they have anything to watch it on."""
        if self.phone is not None:
            await self.phone.watch(self.token["queueId"])

    async def leave(self) -> None:
        """Put the phone away."""
        if self.phone is not None:
            await self.phone.close()

    # Waiting

    async def do(self, verb: str, **given: Any) -> Answer:
        """That move with their own token. It may be refused."""
        token = self.token
        about = About(verb.upper(), token["id"], token["queueId"])
        path = f"/tokens/{token['id']}/{verb}"
        return await self._asks.over_http(about, "POST", path, given)

    async def must(self, verb: str, **given: Any) -> Token:
        """That move, which nothing stands against."""
        answer = await self.do(verb, **given)
        assert answer.ok, f"{self.name}: {verb} was refused: {answer.code}"
        moved: Token = answer.data
        return moved

    async def go(self) -> Token:
        """Leave the queue, as the first apps do it."""
        asked_at = now()
        token = self.token
        response = await self._asks.person.delete(f"/tokens/{token['id']}")
        about = About("CANCEL", token["id"], token["queueId"])
        answer = self._asks.remember(about, {}, answer_of(response), asked_at)
        assert answer.ok, answer
        gone: Token = answer.data
        return gone

    async def place(self, token_id: str) -> Any:
        """What they are told when they ask how many are called before them."""
        return data_of(await self._asks.person.get(f"/tokens/{token_id}/place"))

    async def moved_last(self, token_id: str) -> datetime:
        """When their token was moved the last time until now."""
        history = data_of(await self._asks.person.get(f"/tokens/{token_id}/history"))
        return datetime.fromisoformat(history[-1]["at"])

    def last_place(self, token_id: str) -> Any:
        """What their phone was told last of it, since it was connected."""
        assert self.phone is not None
        told = [
            place
            for name, place in self.phone.client.heard[self.phone.connected_at[-1] :]
            if name == PLACE and place["tokenId"] == token_id
        ]
        return told[-1] if told else None

    def has_heard(self, status: str) -> bool:
        """Whether their phone was told that their token stands so."""
        assert self.phone is not None
        return any(
            token["status"] == status and token["id"] == self.token["id"]
            for _, token in self.phone.personal
        )

    async def join_again(self, code: str, service_id: str) -> Answer:
        """At the door once more, as who they are."""
        given = {"serviceId": service_id}
        about = About("ISSUE")
        return await self._asks.over_http(about, "POST", f"/join/{code}", given)

    @property
    def _asks(self) -> Asking:
        assert self._asking is not None, f"{self.name} has neither account nor link"
        return self._asking

    def _admitted(self, token: Token, guest: dict[str, Any]) -> None:
        self.tokens.append(token)
        self.secret = guest["secret"]
        assert guest["url"].endswith(f"/t#{self.secret}"), guest["url"]
        assert guest["qr"].startswith("data:image/svg+xml"), guest["qr"]

    async def _open_link(self, who: Who) -> None:
        response = await self._http.post("/api/guest/session", json={"secret": self.secret})
        data = data_of(response)
        assert data["user"]["guest"] is True
        assert data["user"]["id"] == who.id
        person = Person(self._http, "", who.id, data["accessToken"], "")
        self._asking = Asking(person, who, self.testimony)

    async def _patiently(self, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        while True:
            response = await ask()
            if response.status_code != 429:
                return response
            await asyncio.sleep(int(response.headers["Retry-After"]))
