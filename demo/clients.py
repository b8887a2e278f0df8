"""The apps in people's hands: they speak HTTP and Socket.IO, and know nothing of the program."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import httpx
import socketio

from demo.service import DemoError

PASSWORD = "a throw-away password"
CALLED = "queue:your_token_called"
STARTED = "queue:your_token_started"
SKIPPED = "queue:your_token_skipped"
COMPLETED = "queue:your_token_completed"
PERSONAL = (CALLED, STARTED, SKIPPED, COMPLETED)
STATUS = "queue:status_update"
ANSWER_SECONDS = 20.0
LEAVE_SECONDS = 3.0
ATTEMPTS = 10


class Refused(DemoError):
    """The service said no; ``code`` is its stable word for why."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(f"{answer['code']}: {answer['message']}")
        self.code: str = answer["code"]
        self.meta: dict[str, Any] = answer.get("meta") or {}


class App:
    """One person's app: logged in, perhaps connected, noting what it hears and when."""

    def __init__(self, http: httpx.AsyncClient, url: str, name: str, email: str) -> None:
        self.name = name
        self.email = email
        self.id = ""
        self.statuses: list[dict[str, Any]] = []
        self.heard: list[tuple[float, str, dict[str, Any]]] = []
        self.on_personal: Callable[[str, dict[str, Any]], None] = lambda _name, _token: None
        self.on_status: Callable[[dict[str, Any]], None] = lambda _status: None
        self._http = http
        self._url = url
        self._access = ""
        self._socket: socketio.AsyncClient | None = None
        self._joined: str | None = None
        self._is_joined = asyncio.Event()

    # Over HTTP

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """The ``data`` of the answer; a busy service is asked again when it says so.

        Raises ``Refused``, and ``DemoError`` for a broken answer.
        """
        headers = {"Authorization": f"Bearer {self._access}"} if self._access else {}
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
        data = await self.ask(
            "POST", "/auth/login", json={"email": self.email, "password": PASSWORD}
        )
        self._access = data["accessToken"]
        self.id = data["user"]["id"]

    # Over Socket.IO

    async def connect(self, queue_id: str, *, websocket_only: bool = False) -> None:
        """Open a socket and watch the queue; returns when its status has been heard."""
        self._joined = queue_id
        self._is_joined.clear()
        socket = socketio.AsyncClient(
            reconnection=True, reconnection_delay=0.2, request_timeout=ANSWER_SECONDS
        )
        socket.on("connect", self._join)
        socket.on(STATUS, self._while_on(socket, self._hear_status))
        for name in PERSONAL:
            socket.on(name, self._while_on(socket, self._hearer(name)))
        self._socket = socket
        transports = ["websocket"] if websocket_only else ["polling", "websocket"]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await socket.connect(
                    self._url,
                    auth={"token": self._access},
                    transports=transports,
                    wait_timeout=ANSWER_SECONDS,
                )
                await self._is_joined.wait()
        except TimeoutError:
            raise DemoError(
                f"{self.name}'s socket did not hear how the queue stands within "
                f"{ANSWER_SECONDS:.0f} s."
            ) from None
        except socketio.exceptions.ConnectionError as error:
            raise DemoError(f"{self.name}'s socket could not connect: {error!r}") from error

    @property
    def is_connected(self) -> bool:
        """Whether a socket is open (or trying to open again)."""
        return self._socket is not None

    async def disconnect(self) -> None:
        """Close the socket, if one is open."""
        if self._socket is not None:
            socket, self._socket = self._socket, None
            # The library can wait for ever for what it meant to send when the connection goes at
            # the same moment. The phone is switched off: whatever it still meant to say is moot.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await socket.disconnect()
                    await socket.shutdown()

    async def command(self, event: str, *arguments: str) -> Any:
        """Send a desk event and return what was acknowledged. Raises ``Refused``."""
        assert self._socket is not None
        try:
            answer = await self._socket.call(event, arguments, timeout=ANSWER_SECONDS)
        except socketio.exceptions.SocketIOError as error:
            raise DemoError(f"{event} was not acknowledged: {error!r}") from error
        if answer["ok"]:
            return answer["data"]
        raise Refused(answer)

    async def _join(self) -> None:
        if self._socket is not None:
            await self._socket.emit("join-queue", self._joined)

    def _while_on(
        self, socket: socketio.AsyncClient, hear: Callable[[dict[str, Any]], None]
    ) -> Callable[[dict[str, Any]], None]:
        """What still arrives at a phone that was switched off is not heard."""

        def listen(message: dict[str, Any]) -> None:
            if self._socket is socket:
                hear(message)

        return listen

    def _hear_status(self, status: dict[str, Any]) -> None:
        self.statuses.append(status)
        self._is_joined.set()
        self.on_status(status)

    def _hearer(self, name: str) -> Callable[[dict[str, Any]], None]:
        def hear(token: dict[str, Any]) -> None:
            self.heard.append((time.perf_counter(), name, token))
            self.on_personal(name, token)

        return hear
