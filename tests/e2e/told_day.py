"""A clinic's day as clients know it: who was there, and what they were answered and heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.e2e.clerks import Clerk, Token
from tests.e2e.phones import Phone
from tests.e2e.testimony import Testimony
from tests.e2e.visitors import Visitor
from tests.support.http_service import data_of

NEXT_DOOR = {"G": "D", "D": "BT", "BT": "G"}
"""Where patients are sent on to, by prefixes of services."""


@dataclass(slots=True, kw_only=True)
class ToldDay:
    """What people were answered and heard on a day that is over."""

    testimony: Testimony = field(default_factory=Testimony)
    clinic: dict[str, Any] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By prefix."""
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By prefix, as they were opened."""
    desks: list[dict[str, Any]] = field(default_factory=list)
    join_code: str = ""
    visitors: dict[str, Visitor] = field(default_factory=dict)
    clerks: list[Clerk] = field(default_factory=list)
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, list[Token]] = field(default_factory=dict)
    """By queue, as read at the end; ``histories`` by token."""
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    places: list[tuple[Any, Any]] = field(default_factory=list)
    """What phones had heard last when nothing moved, and what those were answered who asked."""
    was_killed: bool = False

    @property
    def watching(self) -> list[Visitor]:
        """Those who have an app or their link open."""
        return [one for one in self.visitors.values() if one.phone is not None]

    @property
    def phones(self) -> list[Phone]:
        """Of patients and staff."""
        patients = [one.phone for one in self.watching if one.phone is not None]
        return [*patients, *(one.phone for one in self.clerks)]

    @property
    def secrets(self) -> list[str]:
        """Of the guests' links, and of the poster."""
        return [*(one.secret for one in self.visitors.values() if one.secret), self.join_code]

    def named(self, name: str) -> Visitor:
        """Who is called so on a board."""
        return self.visitors[name.removeprefix("Marie ")]

    def service_ids(self, *prefixes: str) -> list[str]:
        """The services with these prefixes."""
        return [self.services[prefix]["id"] for prefix in prefixes]

    def queue_id(self, prefix: str) -> str:
        """The queue of the service with that prefix."""
        return str(self.queues[prefix]["id"])

    def next_door(self, token: Token) -> str:
        """The service that a patient with that token is sent on to."""
        [here] = [p for p, one in self.services.items() if one["id"] == token["serviceId"]]
        return self.service_ids(NEXT_DOOR[here])[0]

    async def goes_on(self, visitor: Visitor, token_id: str, clerk: Clerk) -> None:
        """The patient was sent on next door: with that token, in that queue."""
        there = self.next_door(visitor.token)
        [queue] = [one for one in self.queues.values() if one["serviceId"] == there]
        tokens = data_of(await clerk.person.get(f"/tokens/queue/{queue['id']}"))
        visitor.tokens.append(next(token for token in tokens if token["id"] == token_id))
        await visitor.watch()
