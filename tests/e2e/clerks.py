"""Staff who see to patients: at desks and at the reception, over sockets and HTTP in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any

from tests.e2e.asking import About, Answer, Asking
from tests.e2e.phones import Phone
from tests.e2e.screens import BOARD_UPDATE, SHOWN_OUT, BoardScreen
from tests.e2e.testimony import Testimony, Who
from tests.support.http_service import Person, data_of
from tests.support.waiting import eventually

Token = dict[str, Any]

ACTIONS = {
    "call": "CALL_SPECIFIC",
    "recall": "RECALL",
    "start": "START",
    "complete": "COMPLETE",
    "skip": "SKIP",
    "rejoin": "REJOIN",
    "return": "RETURN",
    "hold": "HOLD",
    "resume": "RESUME",
    "transfer": "TRANSFER",
    "cancel": "CANCEL",
    "priority": "PRIORITY",
}
"""By the verb in paths and events, what a token's history calls it."""


class Clerk:
    """One of the staff: a person, a phone with the boards of all queues, perhaps a desk.

    Half of what they do they ask for over their socket, half over HTTP; some of that twice.
    """

    def __init__(self, person: Person, who: Who, testimony: Testimony, *, seed: int) -> None:
        self.person = person
        self.who = who
        self.desk: dict[str, str] | None = None
        self.service_ids: tuple[str, ...] = ()
        self.screens: dict[str, BoardScreen] = {}
        self.hand: list[Token] = []
        """Whom they have called, and not finished with."""
        self.seen = 0
        self._dice = Random(seed)
        self._asking = Asking(person, self.who, testimony)

    @property
    def is_there(self) -> bool:
        """Whether they have come to work."""
        return self._asking.phone is not None

    @property
    def phone(self) -> Phone:
        """Their app."""
        assert self._asking.phone is not None
        return self._asking.phone

    async def arrive(self, url: str, transport: str, queue_ids: Sequence[str]) -> None:
        """Connect, and open the boards."""
        phone = self._asking.phone = Phone(
            url,
            self.person.access_token,
            transport,
            on_event=self._heard,
            on_connect=self._connected,
        )
        await phone.open()
        for queue_id in queue_ids:
            await phone.watch(queue_id)
            self.screens[queue_id] = BoardScreen(phone, queue_id)
            await self.screens[queue_id].open()

    async def leave(self) -> None:
        """Go home."""
        for screen in self.screens.values():
            screen.close()
        await self.phone.close()

    # At a desk

    async def sit_down(self, desk: Mapping[str, Any], service_ids: Sequence[str]) -> None:
        """Open it for these services."""
        given = {"serviceIds": list(service_ids)}
        data_of(await self.person.post(f"/desks/{desk['id']}/open", given))
        self.desk = {"id": desk["id"], "name": desk["name"]}
        self.service_ids = tuple(service_ids)

    async def pause(self) -> None:
        """Call nobody for a while."""
        assert self.desk
        data_of(await self.person.post(f"/desks/{self.desk['id']}/pause"))

    async def stand_up(self) -> None:
        """Close the desk."""
        assert self.desk
        data_of(await self.person.post(f"/desks/{self.desk['id']}/close"))
        self.desk, self.service_ids = None, ()

    async def call_next_here(self) -> Token | None:
        """Whoever is next of all the queues of the desk; None when nobody waits."""
        assert self.desk
        id = self.desk["id"]
        about = About("CALL", desk=self.desk, service_ids=self.service_ids)
        if self._over_socket():
            answer = await self._asking.over_socket(about, "desk:call_next", id)
        else:
            path = f"/desks/{id}/call-next"
            answer = await self._asking.over_http(about, "POST", path, twice=self._twice())
        return self._called(answer, self.service_ids)

    # Anywhere

    async def call_next(self, queue_id: str) -> Token | None:
        """Whoever is next in that queue; None when nobody waits."""
        about = About("CALL", queue_id=queue_id, desk=self.desk)
        if self._over_socket():
            answer = await self._asking.over_socket(about, "queue:call_next", queue_id)
        else:
            path = f"/queues/{queue_id}/call-next"
            answer = await self._asking.over_http(about, "POST", path, twice=self._twice())
        return self._called(answer)

    async def do(self, verb: str, token: Token, **options: Any) -> Answer:
        """That move with that token. It may be refused."""
        about = About(ACTIONS[verb], token["id"], token["queueId"], self.desk)
        if self._over_socket():
            event = f"queue:{verb}_token"
            answer = await self._asking.over_socket(
                about, event, token["queueId"], token["id"], options=options
            )
        else:
            method = "PUT" if verb == "priority" else "POST"
            path = f"/tokens/{token['id']}/{verb}"
            answer = await self._asking.over_http(about, method, path, options, twice=self._twice())
        if answer.ok and verb == "call":
            self._took(answer.data)
        elif answer.ok:
            self.hand = [one for one in self.hand if one["id"] != token["id"]] + (
                [answer.data] if verb in ("start", "recall") else []
            )
        return answer

    async def must(self, verb: str, token: Token, **options: Any) -> Token:
        """That move, which nothing stands against; the token after it."""
        answer = await self.do(verb, token, **options)
        assert answer.ok, f"{self.who.name}: {verb} {token['label']} was refused: {answer.code}"
        moved: Token = answer.data
        return moved

    async def undo_if_possible(self, queue_id: str) -> bool:
        """Take back their last move in that queue. False if somebody has moved its token since."""
        about = About("UNDO", queue_id=queue_id)
        if self._over_socket():
            answer = await self._asking.over_socket(about, "queue:undo", queue_id)
        else:
            path = f"/queues/{queue_id}/undo"
            answer = await self._asking.over_http(about, "POST", path, twice=self._twice())
        if not answer.ok:
            assert answer.code == "nothing_to_undo", answer
            return False
        restored: list[Token] = answer.data["tokens"]
        ids = [token["id"] for token in restored]
        self.hand = [one for one in self.hand if one["id"] not in ids]
        self.hand += [one for one in restored if one["status"] in ("CALLED", "IN_PROGRESS")]
        return True

    async def undo(self, queue_id: str) -> None:
        """Take back their last move in that queue, which nobody has touched since."""
        assert await self.undo_if_possible(queue_id), f"{self.who.name} cannot undo"

    async def admit(self, queue_id: str, **given: Any) -> Answer:
        """A number for somebody who has no app: token and link."""
        about = About("WALK_IN", queue_id=queue_id)
        path = f"/queues/{queue_id}/walk-ins"
        return await self._asking.over_http(about, "POST", path, given, twice=self._twice())

    async def close_queue(self, queue_id: str) -> Answer:
        """End its day."""
        about = About("CLOSE", queue_id=queue_id)
        return await self._asking.over_http(about, "POST", f"/queues/{queue_id}/close")

    # Work

    async def work(
        self,
        see: Callable[[Clerk, Token], Awaitable[None]],
        is_over: Callable[[], bool],
        *,
        patience: float,
    ) -> None:
        """See one patient after the other, until nobody waits and nobody comes any more.

        ``see`` is what is done with somebody who was called.
        """
        while True:
            was_over = is_over()
            token = await self.call_next_here()
            if token is not None:
                self.seen += 1
                await see(self, token)
                continue
            # Nobody is kept while there is nobody to call: the clock would count them as absent.
            await self.finish()
            if was_over:
                return
            await eventually(lambda: self.somebody_waits() or is_over(), within=patience)

    async def finish(self) -> None:
        """Complete whom they still have in hand."""
        for token in list(self.hand):
            await self.must("complete", token)

    def sees(self, token: Token, status: str) -> bool:
        """Whether their screen says that it stands so."""
        return self.screens[token["queueId"]].status_of(token["id"]) == status

    def somebody_waits(self) -> bool:
        """Whether their screens say so, of the queues of their desk."""
        return any(
            screen.anybody_waits()
            for screen in self.screens.values()
            if screen.service_id in self.service_ids
        )

    def _called(self, answer: Answer, service_ids: Sequence[str] = ()) -> Token | None:
        if not answer.ok:
            assert answer.code == "queue_empty", answer
            return None
        token: Token = answer.data
        assert token["status"] == "CALLED", token
        self._took(token, service_ids)
        return token

    def _took(self, token: Token, service_ids: Sequence[str] = ()) -> None:
        """Calling completes what they had in hand in that queue, or in all queues of the desk."""
        done = {token["serviceId"], *service_ids}
        self.hand = [*(one for one in self.hand if one["serviceId"] not in done), token]

    def _over_socket(self) -> bool:
        return self._dice.random() < 0.5

    def _twice(self) -> bool:
        return self._dice.random() < 0.2

    def _heard(self, name: str, argument: Any) -> None:
        if name == BOARD_UPDATE and argument["queueId"] in self.screens:
            self.screens[argument["queueId"]].heard(argument)
        elif name == SHOWN_OUT:
            for screen in self.screens.values():
                screen.shown_out()

    def _connected(self) -> None:
        for screen in self.screens.values():
            screen.reconnected()
