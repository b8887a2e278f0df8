"""Patients: how they come to a number, what is special about the visit, and what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from demo.lines import Line
from demo.pace import Bell
from demo.phones import App

STEP_OUT = 4.0
_ENDS = {
    ("COMPLETED", None): "served",
    ("SKIPPED", None): "skipped",
    ("CANCELLED", "PATIENT"): "left",
    ("CANCELLED", "STAFF"): "cancelled",
    ("CANCELLED", "DAY_ENDED"): "sent home",
}


class Kind(StrEnum):
    """How somebody comes to a number."""

    ACCOUNT = "with the app"
    GUEST = "through the door"
    WALK_IN = "at the desk"


class Twist(StrEnum):
    """What is special about a visit, if anything."""

    NONE = "comes when called"
    LEAVES = "leaves before the turn"
    RINGS_UP = "rings up that they are not coming"
    NO_SHOW = "never comes when called"
    LATE = "misses the call, and comes back"
    DOZES = "comes at the second call"
    PHONE_OFF = "has the phone off when called"
    STEPS_OUT = "steps out for a while"
    FETCHED = "steps out, and is called all the same"
    NEVER_BACK = "steps out, and does not come back"
    LETS_PASS = "lets others pass"
    IMPATIENT = "asks twice for the number"
    NEEDS_MORE = "is sent on to another service"
    WRONG_LINE = "stands in the wrong line"
    FORGETFUL = "has forgotten the papers"
    URGENT = "cannot wait"
    PRIORITY = "goes before others"
    LOST_LINK = "loses the link, and gets another"


class Call(NamedTuple):
    """One call of a number, as a phone says it and as the screen on the wall shows it."""

    label: str
    called_at: str
    recalls: int


def call_of(token: dict[str, Any]) -> Call:
    """The call by which a token is called now."""
    return Call(token["label"], token["calledAt"], token["recallCount"])


@dataclass(slots=True, eq=False)
class Patient:
    """A patient: when they come, to which line, and what is special about the visit.

    ``link`` is a guest's, ``away_for`` how long whoever steps out does so; ``tokens`` are their
    numbers, each as last heard of, ``histories`` what they read of them when everything was over;
    ``call`` is the last call they heard of, ``came_for`` are those they came for. ``is_wanted``
    when a desk has called them, ``had_twist`` when what is special has happened, ``is_settled``
    when nobody need wait for them any more.
    """

    app: App
    kind: Kind
    line: Line
    comes_after: float
    twist: Twist = Twist.NONE
    has_phone: bool = True
    link: str = ""
    away_for: float = STEP_OUT
    tokens: list[dict[str, Any]] = field(default_factory=list)
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    was_refused: str = ""
    waits_for: str = ""
    call: Call | None = None
    came_for: set[Call] = field(default_factory=set)
    had_twist: bool = False
    is_settled: bool = False
    is_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    bell: Bell = field(default_factory=Bell)

    @property
    def token(self) -> dict[str, Any]:
        """The number that counts: the newest."""
        return self.tokens[-1]

    @property
    def outcome(self) -> str:
        """What became of the visit, as far as they know: empty while it goes on."""
        if not self.tokens:
            return self.was_refused
        return _ENDS.get((self.token["status"], self.token["cancelReason"]), "")

    def follow(self, token: dict[str, Any]) -> None:
        """Hear how a number of theirs stands, or of another one that it has led to."""
        position = next(
            (at for at, one in enumerate(self.tokens) if one["id"] == token["id"]), None
        )
        if position is None:
            self.tokens.append(token)
        elif token["version"] > self.tokens[position]["version"]:
            self.tokens[position] = token
        else:
            return
        if token["status"] == "CALLED":
            self.call = call_of(token)
        self.bell.ring()

    async def hear_more(self, token: dict[str, Any], call: Call | None) -> None:
        """Wait until the number stands otherwise, or another call is heard of."""
        await self.bell.until(lambda: (self.token, self.call) != (token, call))

    def see(self, call: Call) -> None:
        """See on the wall that they are called."""
        self.call = call
        self.bell.ring()

    def comes_to(self, call: Call) -> bool:
        """Whether they mean to come to that call."""
        if self.twist is Twist.DOZES:
            return call.recalls > 0
        return self.twist is not Twist.NO_SHOW and (self.twist is not Twist.LATE or self.had_twist)
