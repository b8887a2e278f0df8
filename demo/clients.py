"""Asking the service over HTTP, as any app does: the demo knows nothing else of the program."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from demo.service import DemoError

PASSWORD = "a throw-away password"
ANSWER_SECONDS = 20.0
ATTEMPTS = 10


class Refused(DemoError):
    """The service said no; ``code`` is its stable word for why."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(f"{answer['code']}: {answer['message']}")
        self.code: str = answer["code"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a move: the tokens as they stand after it. ``asked`` is when it was wished."""

    asked: float
    move: str
    tokens: tuple[dict[str, Any], ...]


class Client:
    """Somebody who asks: with an account, as a guest by a link, or as a screen on the wall.

    ``id`` is known once they are let in. ``secrets`` are what they were told and no log may hold.
    """

    def __init__(self, http: httpx.AsyncClient, name: str, email: str = "") -> None:
        self.name = name
        self.email = email
        self.id = ""
        self.answers: list[Answer] = []
        self.secrets: list[str] = []
        self._http = http
        self._access = ""
        self._refresh = ""

    async def ask(self, method: str, path: str, *, key: str | None = None, **request: Any) -> Any:
        """The ``data`` of the answer; a busy service is asked again when it says so.

        What is posted carries an idempotency key, so that asking again does nothing twice: the
        caller's, or one of its own. Raises ``Refused``, and ``DemoError`` for a broken answer.
        """
        headers = {"Authorization": f"Bearer {self._access}"} if self._access else {}
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        for _ in range(ATTEMPTS):
            try:
                response = await self._http.request(
                    method, f"/api{path}", headers=headers, **request
                )
                answer = response.json()
            except (httpx.HTTPError, ValueError) as error:
                raise DemoError(f"{method} {path} was not answered: {error!r}") from error
            if answer["success"]:
                return answer["data"]
            if response.status_code < 500:
                raise Refused(answer)
            if response.status_code != 503:
                break
            await asyncio.sleep(int(response.headers["Retry-After"]))
        raise DemoError(f"{method} {path}: {response.status_code} {answer['message']}")

    # Being let in

    async def register(self) -> None:
        """Make an account."""
        first_name, _, last_name = self.name.partition(" ")
        await self.ask(
            "POST",
            "/auth/register",
            json={
                "firstName": first_name,
                "lastName": last_name,
                "email": self.email,
                "password": PASSWORD,
                "confirmPassword": PASSWORD,
            },
        )

    async def log_in(self) -> None:
        """Get an access token (and learn the own id)."""
        login = {"email": self.email, "password": PASSWORD}
        data = await self.ask("POST", "/auth/login", json=login)
        self._let_in(data, "user")
        self._refresh = data["refreshToken"]
        self.secrets.append(self._refresh)

    async def log_out(self) -> None:
        """End the login."""
        await self.ask("POST", "/auth/logout", json={"refreshToken": self._refresh})

    async def open_link(self, secret: str) -> None:
        """Get an access token as the guest whose link this is."""
        self.secrets.append(secret)
        session = await self.ask("POST", "/guest/session", json={"secret": secret})
        self._let_in(session, "user")

    async def be_paired(self, device_code: str) -> None:
        """Get an access token as a display that staff have let in."""
        self.secrets.append(device_code)
        granted = await self.ask("POST", "/displays/token", json={"deviceCode": device_code})
        self._let_in(granted, "display")

    def _let_in(self, data: dict[str, Any], who: str) -> None:
        self._access = data["accessToken"]
        self.secrets.append(self._access)
        self.id = data[who]["id"]

    # Moves

    async def take_number(self, queue_id: str, *, key: str | None = None) -> dict[str, Any]:
        """A number of that queue."""
        asked = time.perf_counter()
        return self.note(
            asked, "take", await self.ask("POST", "/tokens", key=key, json={"queueId": queue_id})
        )

    async def move(self, move: str, token: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Make a move with a token; the token after it."""
        asked = time.perf_counter()
        path = f"/tokens/{token['id']}"
        if move == "leave":
            answer = await self.ask("DELETE", path)
        elif move == "priority":
            answer = await self.ask("PUT", f"{path}/priority", json=options)
        elif options:
            answer = await self.ask("POST", f"{path}/{move}", json=options)
        else:
            answer = await self.ask("POST", f"{path}/{move}")
        return self.note(asked, move, answer)

    def note(self, asked: float, move: str, *tokens: dict[str, Any]) -> dict[str, Any]:
        """Keep what was answered; the first of the tokens."""
        self.answers.append(Answer(asked, move, tokens))
        return tokens[0]
