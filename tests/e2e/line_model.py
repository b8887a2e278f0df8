"""The rules of a queue as the contract words them, once more and in nobody else's words.

What the service does with a queue is held against this: it shares no line with the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

State = dict[str, Any]
"""A token as clients see it, and who has it in hand (``staff``)."""

APART = 2**20
"""Between two who come one after the other."""

RANK = {"URGENT": 0, "PRIORITY": 1, "NORMAL": 2}
SHOWN_NEXT, SHOWN_CALLS = 5, 6
MOST_PRIORITY_IN_A_ROW = 2

IN_HAND = ("CALLED", "IN_PROGRESS")
NOT_CALLED: Mapping[str, Any] = {
    "status": "WAITING",
    "calledAt": None,
    "lastCalledAt": None,
    "startedAt": None,
    "skippedAt": None,
    "skipReason": None,
    "rejoinUntil": None,
    "recallCount": 0,
    "desk": None,
    "staff": None,
}
"""Whoever is back in the line has not been called, started or skipped."""

LAWFUL: Mapping[str, Mapping[str, str]] = {
    "CALL": {"WAITING": "CALLED"},
    "CALL_SPECIFIC": {"WAITING": "CALLED"},
    "RECALL": {"CALLED": "CALLED"},
    "START": {"CALLED": "IN_PROGRESS"},
    "COMPLETE": {"CALLED": "COMPLETED", "IN_PROGRESS": "COMPLETED"},
    "SKIP": {"WAITING": "SKIPPED", "CALLED": "SKIPPED"},
    "REJOIN": {"SKIPPED": "WAITING"},
    "RETURN": {"CALLED": "WAITING", "IN_PROGRESS": "WAITING"},
    "HOLD": {"WAITING": "WAITING"},
    "RESUME": {"WAITING": "WAITING"},
    "POSTPONE": {"WAITING": "WAITING"},
    "PRIORITY": {"WAITING": "WAITING"},
    "CANCEL": {"WAITING": "CANCELLED", "CALLED": "CANCELLED"},
    "TRANSFER": {"WAITING": "CANCELLED", "CALLED": "COMPLETED", "IN_PROGRESS": "COMPLETED"},
}
"""The table of the contract: from where each move leads where."""

STAMPS = {
    "CALLED": "calledAt",
    "IN_PROGRESS": "startedAt",
    "COMPLETED": "completedAt",
    "SKIPPED": "skippedAt",
    "CANCELLED": "cancelledAt",
}


class NoRoom(Exception):
    """Between two neighbours of that class so many have come in that there is no place left."""

    def __init__(self, priority: str) -> None:
        super().__init__(priority)
        self.priority = priority


def label_of(prefix: str, number: int) -> str:
    """What people see and hear."""
    return f"{prefix}{number:03}" if prefix else str(number)


def new_token(**known: Any) -> State:
    """As it is when it is issued."""
    return {
        **NOT_CALLED,
        "priority": "NORMAL",
        "onHold": False,
        "completedAt": None,
        "cancelledAt": None,
        "cancelReason": None,
        "postponesLeft": 3,
        "transferredFrom": None,
        "transferredTo": None,
        "phone": None,
        "note": None,
        "version": 1,
        "rejoins": 0,
        **known,
    }


def moved(action: str, state: State, at: str | None, **changes: Any) -> State:
    """After that move, at that instant. Raises ``LookupError`` for one that the table lacks."""
    to = LAWFUL[action].get(state["status"])
    if to is None:
        raise LookupError(f"{action} of {state['label']}, which is {state['status']}")
    after = {**state, "version": state["version"] + 1, "status": to}
    if to == "WAITING":
        if state["status"] != "WAITING":
            after |= NOT_CALLED
    else:
        after["onHold"] = False
        if to != state["status"]:
            after[STAMPS[to]] = at
    return {**after, **changes}


def is_next_in_line(state: State) -> bool:
    """Whether it may be called next."""
    return state["status"] == "WAITING" and not state["onHold"]


def later(instant: str, minutes: int) -> str:
    """So many minutes after it."""
    after = datetime.fromisoformat(instant) + timedelta(minutes=minutes)
    return after.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Moment:
    """How a queue stands at one version: what a status says of it, and the line."""

    status: Mapping[str, Any]
    line: tuple[str, ...]
    """The tokens that wait, in the order in which they would be called."""
    on_board: frozenset[str]
    head: tuple[int, str] | None
    """Class and time of arrival of whoever is next."""


@dataclass(slots=True)
class QueueModel:
    """One queue, carried on from version to version."""

    id: str
    prefix: str
    version: int
    tokens: dict[str, State] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    """All, the newest last."""
    now_serving: int = 0
    last_served: int = 0
    priority_run: int = 0
    is_closed: bool = False
    moments: dict[int, Moment] = field(default_factory=dict)
    called: list[tuple[int, str]] = field(default_factory=list)
    """At which version who was called, in order."""
    _last_place: int = 0

    # Who is next

    def next(self) -> str | None:
        """Who is called now."""
        found = self._first_of_each()
        chosen = _chosen(found, self.priority_run)
        return None if chosen is None else found[chosen]

    def line(self) -> list[str]:
        """Who waits, in the order of calls as things stand."""
        classes = {name: self._in_class(name) for name in RANK}
        order: list[str] = []
        run = self.priority_run
        while any(classes.values()):
            found = {name: ids[0] for name, ids in classes.items() if ids}
            chosen = _chosen(found, run)
            assert chosen
            order.append(classes[chosen].pop(0))
            run = _run_after(chosen, "NORMAL" in found, run)
        return order

    def _in_class(self, priority: str) -> list[str]:
        ids = [
            id
            for id, state in self.tokens.items()
            if state["priority"] == priority and is_next_in_line(state)
        ]
        return sorted(ids, key=self._place)

    def _place(self, id: str) -> tuple[int, int]:
        return self.places[id], self.tokens[id]["tokenNumber"]

    def _first_of_each(self) -> dict[str, str]:
        return {name: ids[0] for name in RANK if (ids := self._in_class(name))}

    # Places

    def end(self) -> int:
        """Behind everybody who ever stood there; it is taken by who is ``put`` there."""
        return self._last_place + APART

    def front(self, priority: str) -> int:
        """Before all of that class."""
        first = self._in_class(priority)[:1]
        return self.places[first[0]] - APART // 2 if first else self.end()

    def after(self, others: Sequence[str], how_many: int) -> int:
        """Behind so many of these. Raises ``NoRoom``.

        Between two it is 618/1000 of the way: where exactly shows when a held one, who stands
        between them uncounted, goes on.
        """
        places = [self.places[id] for id in others]
        if how_many >= len(places):
            return self.end()
        if how_many == 0:
            return places[0] - APART // 2
        before, behind = places[how_many - 1], places[how_many]
        place = before + (behind - before) * 618 // 1000
        if not before < place < behind:
            raise NoRoom(self.tokens[others[how_many]]["priority"])
        return place

    def space_out(self, priority: str) -> None:
        """Everybody of that class gets a place of their own, in the same order."""
        ids = [id for id, state in self.tokens.items() if state["priority"] == priority]
        last = max(self.places[id] for id in ids)
        for behind, id in enumerate(sorted(ids, key=self._place, reverse=True)):
            self.places[id] = last - behind * APART

    def after_in_class(self, priority: str, how_many: int) -> int:
        """Behind so many of the class."""
        return self.after(self._in_class(priority), how_many)

    def letting_pass(self, id: str, how_many: int) -> int:
        """So many further back."""
        behind = [
            other
            for other in self._in_class(self.tokens[id]["priority"])
            if self._place(other) > self._place(id)
        ]
        return self.after(behind, how_many)

    # What happens

    def put(self, state: State, place: int | None = None) -> None:
        """A token stands so now."""
        if place is not None:
            self.places[state["id"]] = place
            self._last_place = max(self._last_place, place)
        was = self.tokens.get(state["id"])
        self.tokens[state["id"]] = state
        if state["status"] == "COMPLETED" and (was is None or was["status"] != "COMPLETED"):
            self.last_served = state["tokenNumber"]

    def call(self, state: State) -> None:
        """It was called, and stands so now."""
        normal_waits = bool(self._in_class("NORMAL"))
        self.priority_run = _run_after(state["priority"], normal_waits, self.priority_run)
        self.put(state)
        self.now_serving = state["tokenNumber"]
        self.calls.append(_call_of(state))
        self.called.append((self.version + 1, state["label"]))

    def show_recall(self, state: State) -> None:
        """Where its call is shown; a call that is shown no more is shown as a new one."""
        number = state["tokenNumber"]
        if any(call["tokenNumber"] == number for call in self.shown_calls()):
            position = self._last_call(number)
            self.calls[position] = _call_of(state)
        else:
            self.calls.append(_call_of(state))

    def take_call_back(self, number: int) -> None:
        """The last call of that number has not been."""
        del self.calls[self._last_call(number)]

    def take_recall_back(self, number: int, before: Sequence[Mapping[str, Any]]) -> None:
        """Its last call is as it was, when these were all the calls."""
        position = self._last_call(number)
        calls = [call for call in before if call["tokenNumber"] == number]
        if sum(call["tokenNumber"] == number for call in self.calls) > len(calls):
            del self.calls[position]
        else:
            self.calls[position] = dict(calls[-1])

    def shown_calls(self) -> list[dict[str, Any]]:
        """The last ones, the newest first, each number once."""
        shown: dict[int, dict[str, Any]] = {}
        for call in reversed(self.calls):
            shown.setdefault(call["tokenNumber"], call)
        return list(shown.values())[:SHOWN_CALLS]

    def _last_call(self, number: int) -> int:
        return max(at for at, call in enumerate(self.calls) if call["tokenNumber"] == number)

    def advance(self) -> None:
        """The next version is this one."""
        self.version += 1
        self.remember()

    def remember(self) -> None:
        """How it stands now."""
        waiting = [one for one in self.tokens.values() if one["status"] == "WAITING"]
        line = self.line()
        head = self.tokens[line[0]] if line else None
        self.moments[self.version] = Moment(
            status={
                "queueId": self.id,
                "version": self.version,
                "currentTokenNo": self.now_serving,
                "lastServedTokenNumber": self.last_served,
                "waitingCount": len(waiting),
                "onHoldCount": sum(one["onHold"] for one in waiting),
                "next": [self.tokens[id]["label"] for id in line[:SHOWN_NEXT]],
                "calls": self.shown_calls(),
                "isClosed": self.is_closed,
                "isActive": not self.is_closed,
            },
            line=tuple(line),
            on_board=frozenset(
                id
                for id, one in self.tokens.items()
                if one["status"] in (*IN_HAND, "WAITING", "SKIPPED")
            ),
            head=None if head is None else (RANK[head["priority"]], head["createdAt"]),
        )

    def in_hand_of(self, staff_id: str) -> list[State]:
        """Whom that person has called or started."""
        return [
            one
            for one in self.tokens.values()
            if one["staff"] == staff_id and one["status"] in IN_HAND
        ]

    @property
    def active(self) -> list[State]:
        """Who waits, is called or is being seen."""
        return [one for one in self.tokens.values() if one["status"] in (*IN_HAND, "WAITING")]


def _chosen(found: Mapping[str, str], priority_run: int) -> str | None:
    """URGENT before all; PRIORITY may overtake NORMAL, at most twice in a row."""
    if "URGENT" in found:
        return "URGENT"
    if "PRIORITY" in found and ("NORMAL" not in found or priority_run < MOST_PRIORITY_IN_A_ROW):
        return "PRIORITY"
    return "NORMAL" if "NORMAL" in found else None


def _run_after(called: str, normal_waits: bool, priority_run: int) -> int:
    if called == "URGENT":
        return priority_run
    if called == "PRIORITY" and normal_waits:
        return min(priority_run + 1, MOST_PRIORITY_IN_A_ROW)
    return 0


def _call_of(state: State) -> dict[str, Any]:
    keys = ("label", "tokenNumber", "desk", "calledAt", "recallCount")
    return {key: state[key] for key in keys}
