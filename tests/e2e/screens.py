"""Staff's screens: the board of a queue, kept by applying what the service tells of it."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.e2e.phones import AGAIN_SECONDS, Phone
from tests.support.clients.sockets import ConnectionLost

BOARD_UPDATE = "queue:board_update"
SHOWN_OUT = "join-desk-error"

Update = dict[str, Any]


class BoardScreen:
    """One queue's board, as an app keeps it: it joins again whenever it sees a gap.

    ``phone`` tells it of each board update and of each connection.
    """

    def __init__(self, phone: Phone, queue_id: str) -> None:
        self.version = 0
        self.tokens: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.snapshots: list[dict[str, Any]] = []
        """What it was answered whenever it joined."""
        self.updates: list[Update] = []
        """All that it was told and that followed on what it had."""
        self.gaps: list[tuple[int, int]] = []
        """Which version it had, and which one came."""
        self.stale: list[tuple[int, int]] = []
        """Which version it had, and which older one came."""
        self.unknown: list[str] = []
        """Tokens that were put in order and never told of."""
        self._phone = phone
        self._queue_id = queue_id
        self._early: list[Update] | None = None
        self._joining: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<board of {self._queue_id} at {self.version}, {len(self.snapshots)} times joined>"

    async def open(self) -> None:
        """Join for the first time."""
        self.reconnected()
        assert self._joining is not None
        await self._joining

    def reconnected(self) -> None:
        """The service has forgotten that it watches."""
        if self._joining is not None:
            self._joining.cancel()
        self._early = []
        self._joining = asyncio.get_running_loop().create_task(self._join())

    def shown_out(self) -> None:
        """Some board is shown no more: all are joined again, but for those that just are."""
        if self._joining is None:
            self.reconnected()

    def heard(self, update: Update) -> None:
        """Something has changed."""
        if self._early is not None:
            self._early.append(update)
        elif update["version"] == self.version + 1:
            self._apply(update)
        elif update["version"] <= self.version:
            self.stale.append((self.version, update["version"]))
        else:
            self.gaps.append((self.version, update["version"]))
            self.reconnected()

    def close(self) -> None:
        """Switch it off."""
        if self._joining is not None:
            self._joining.cancel()

    @property
    def service_id(self) -> str:
        """Whose queue it is."""
        return str(self.snapshots[-1]["queue"]["serviceId"])

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The tokens in their order, each with how many are called before it."""
        rows = [self.tokens[id] for id in self.order]
        waiting = [one["id"] for one in rows if waits(one)]
        ahead = {id: position for position, id in enumerate(waiting)}
        return [{**one, "ahead": ahead.get(one["id"])} for one in rows]

    def anybody_waits(self) -> bool:
        """Whether somebody could be called."""
        return any(waits(one) for one in self.tokens.values())

    def status_of(self, token_id: str) -> str | None:
        """Where that token stands; None when it is not on the board."""
        token = self.tokens.get(token_id)
        return None if token is None else str(token["status"])

    async def _join(self) -> None:
        while True:
            try:
                answer = await self._phone.ask("join-desk", self._queue_id)
            except (ConnectionLost, TimeoutError):
                return  # The next connection will.
            if answer["ok"]:
                break
            await asyncio.sleep(AGAIN_SECONDS)
        snapshot = answer["data"]
        self.snapshots.append(snapshot)
        self.version = snapshot["version"]
        self.tokens = {token["id"]: token for token in snapshot["tokens"]}
        self.order = [token["id"] for token in snapshot["tokens"]]
        early, self._early = self._early or [], None
        self._joining = None
        for update in early:
            if update["version"] == self.version + 1:
                self._apply(update)
            elif update["version"] > self.version:
                self.gaps.append((self.version, update["version"]))
                self.reconnected()
                return

    def _apply(self, update: Update) -> None:
        self.updates.append(update)
        self.version = update["version"]
        known = self.tokens | {token["id"]: token for token in update["changed"]}
        self.unknown += [id for id in update["order"] if id not in known]
        self.order = [id for id in update["order"] if id in known]
        self.tokens = {id: known[id] for id in self.order}


def waits(token: dict[str, Any]) -> bool:
    """Whether it may be called next."""
    return token["status"] == "WAITING" and not token["onHold"]
