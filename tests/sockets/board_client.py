"""A screen of staff: the board as it was acknowledged, and every update applied to it."""

from __future__ import annotations

from typing import Any

from qure.domain.queue import Queue
from tests.support.waiting import eventually

Body = dict[str, Any]


class BoardClient:
    """What a client does: apply what follows on what it has, and join again when it sees a gap."""

    def __init__(self, client: Any, queue: Queue) -> None:
        self.client = client
        self._queue_id = str(queue.id)
        self._seen = 0
        self.version = 0
        self.versions: list[int] = []
        """Those of the updates since it joined, all of them."""
        self.status: Body = {}
        self._tokens: dict[str, Body] = {}

    async def join(self) -> Body:
        """The acknowledgement."""
        self._seen = len(self.client.heard)
        answer: Body = await self.client.ask("join-desk", self._queue_id)
        if answer["ok"]:
            early = self.client.heard[self._seen : self.client.heard_before_answer]
            assert not [name for name, _ in early if name.startswith("queue:board_")]
            board = answer["data"]
            self.version, self.status = board["version"], board["status"]
            self._tokens = {token["id"]: token for token in board["tokens"]}
            self.versions = []
        return answer

    @property
    def tokens(self) -> list[Body]:
        """The board's tokens in order, each with how many are ahead and the newest wait."""
        self._apply()
        ahead = 0
        shown = []
        for token in self._tokens.values():
            waits = token["status"] == "WAITING" and not token["onHold"]
            shown.append(token | {"ahead": ahead if waits else None})
            ahead += waits
        return shown

    async def reach(self, version: int, *, within: float = 5.0) -> None:
        """Wait until it has everything up to that version."""

        def is_there() -> bool:
            self._apply()
            return self.version >= version

        await eventually(is_there, within=within)

    def _apply(self) -> None:
        heard = self.client.heard
        while self._seen < len(heard):
            name, update = heard[self._seen]
            self._seen += 1
            if name == "queue:board_waits" and update["queueId"] == self._queue_id:
                self._take_in(update["waits"])
            if name != "queue:board_update" or update["queueId"] != self._queue_id:
                continue
            self.versions.append(update["version"])
            assert update["version"] == self.version + 1, "a version is missing"
            assert update["status"]["version"] == update["version"]
            known = self._tokens | {token["id"]: token for token in update["changed"]}
            self._tokens = {id: known[id] for id in update["order"]}
            self.version, self.status = update["version"], update["status"]
            for token in update["changed"]:
                if token["id"] in self._tokens:
                    assert self.tokens_ahead(token["id"]) == token["ahead"]

    def _take_in(self, waits: list[Body]) -> None:
        for one in waits:
            if one["tokenId"] in self._tokens:
                self._tokens[one["tokenId"]] |= {"wait": one["wait"]}

    def tokens_ahead(self, id: str) -> int | None:
        """How many wait before it, as follows from the order."""
        ahead = 0
        for token in self._tokens.values():
            waits = token["status"] == "WAITING" and not token["onHold"]
            if token["id"] == id:
                return ahead if waits else None
            ahead += waits
        raise LookupError(id)


def what_it_says(wait: Body | None) -> Body | None:
    """As much of a wait as is news to somebody when it is different."""
    unsaid = ("asOf", "version", "basis")
    return wait and {name: value for name, value in wait.items() if name not in unsaid}
