"""What comes of what, by the rules that the contract states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.e2e.line_model import (
    NoRoom,
    QueueModel,
    State,
    label_of,
    later,
    moved,
    new_token,
)
from tests.e2e.testimony import Act, Who

UNDO_WITHIN = timedelta(seconds=60)


@dataclass(slots=True)
class Change:
    """What becomes of one token in a step; ``place`` when it gets another one."""

    action: str
    state: State
    by: Who | None
    reason: str | None = None
    place: int | None = None


@dataclass(slots=True)
class Taken:
    """What a move took of a queue: the token as it was and as it became, what the queue showed."""

    queue: QueueModel
    was: State | None
    made: State
    now_serving: int
    last_served: int
    priority_run: int
    calls: list[dict[str, Any]]
    place: int | None


@dataclass(slots=True)
class Step:
    """One version of a queue; with ``given_back`` if it undoes something."""

    queue: QueueModel
    changes: list[Change]
    given_back: Taken | None = None


@dataclass(slots=True)
class Done:
    """A move of staff, and how everything was before it."""

    act: Act
    taken: list[Taken]


@dataclass(slots=True)
class Consequences:
    """Of the day's acts, one after the other, in these ``queues``.

    ``told_of`` is what anybody was told of a token at a version: for what nobody asked for, when
    it was. ``services`` are by prefix.
    """

    queues: Mapping[str, QueueModel]
    clinic: Mapping[str, Any]
    services: Mapping[str, Mapping[str, Any]]
    told_of: Callable[[str, int], State | None]
    _last: dict[tuple[str, str], Done] = field(default_factory=dict)
    """By person and queue, their last move."""

    def of(self, act: Act) -> Iterator[Step]:
        """What becomes of what, version by version.

        Raises ``LookupError`` or ``AssertionError`` where the rules have no such thing, as things
        stand now.
        """
        match act.action:
            case "ISSUE" | "WALK_IN":
                yield self._issued(act)
            case "CALL" | "CALL_SPECIFIC":
                yield from self._called(act)
            case "TRANSFER":
                yield from self._transferred(act)
            case "UNDO":
                yield from self._undone(act)
            case "CLOSE":
                yield self._closed(act)
            case _:
                yield from self._moved_with_room(act)

    def remember(self, act: Act, taken: list[Taken]) -> None:
        """It was done by staff, and may be undone; what was undone not once more."""
        done = Done(act, [] if act.action == "UNDO" else taken)
        for one in taken:
            if one.was is not None:
                self._last[act.by.id, one.queue.id] = done

    def holding(self, token_id: str) -> tuple[QueueModel, str]:
        """The queue of that token, and the token. Raises ``LookupError``."""
        for queue in self.queues.values():
            if token_id in queue.tokens:
                return queue, token_id
        raise LookupError(f"token {token_id} was not given yet")

    def _issued(self, act: Act) -> Step:
        [token] = answered(act)
        queue = self.queues[token["queueId"]]
        known = {"patientId": act.by.id, "guest": act.by.guest, "name": act.by.name}
        if act.action == "WALK_IN":
            given = act.options
            known = {
                "patientId": token["patientId"],
                "guest": True,
                "name": given.get("name"),
                "phone": given.get("phone"),
                "note": given.get("note"),
                "priority": given.get("priority", "NORMAL"),
            }
        assert not queue.is_closed, "a closed queue issues nothing"
        active = [one for one in queue.active if one["patientId"] == known["patientId"]]
        assert not active, "nobody has two"
        state = self._numbered(queue, token["id"], token["createdAt"], **known)
        change = Change(act.action, state, act.by, place=queue.end())
        return Step(queue, [change])

    def _numbered(self, queue: QueueModel, id: str, at: str, **known: Any) -> State:
        number = len(queue.tokens) + 1
        return new_token(
            id=id,
            queueId=queue.id,
            serviceId=self.services[queue.prefix]["id"],
            tokenNumber=number,
            label=label_of(queue.prefix, number),
            createdAt=at,
            **known,
        )

    def _called(self, act: Act) -> Iterator[Step]:
        [token] = answered(act)
        queue, id = self.holding(token["id"])
        served = [one for one in self.queues.values() if self.serves(act, one)]
        assert queue in served, "called from a queue that was not asked for"
        if act.action == "CALL":
            assert queue.next() == id, f"next was {_name(queue, queue.next())}"
        at = token["calledAt"]
        for other in served:
            finished = [
                Change("COMPLETE", moved("COMPLETE", one, at), act.by)
                for one in other.in_hand_of(act.by.id)
            ]
            if other is queue:
                called = moved(
                    act.action,
                    queue.tokens[id],
                    at,
                    lastCalledAt=at,
                    recallCount=0,
                    desk=act.desk,
                    staff=act.by.id,
                )
                change = Change(act.action, called, act.by, act.options.get("reason"))
                yield Step(queue, [*finished, change])
            elif finished:
                yield Step(other, finished)

    def serves(self, act: Act, queue: QueueModel) -> bool:
        """Whether somebody of that queue could have been called by it."""
        if act.service_ids:
            return self.services[queue.prefix]["id"] in act.service_ids
        return queue.id == act.queue_id

    def _moved_with_room(self, act: Act) -> Iterator[Step]:
        """Where there is no place between two, all get places anew: a version of its own."""
        queue, _ = self.holding(answered(act)[0]["id"])
        try:
            yield self._moved(act)
        except NoRoom as error:
            # They stay in the order they are in: it does no harm should this be no move yet.
            queue.space_out(error.priority)
            yield Step(queue, [])
            yield self._moved(act)

    def _moved(self, act: Act) -> Step:
        [token] = answered(act)
        queue, id = self.holding(token["id"])
        state, options = queue.tokens[id], act.options
        by: Who | None = act.by
        is_own = act.by.id == state["patientId"]
        action = "SKIP" if act.action == "CLOCK" else act.action
        changes: dict[str, Any] = {}
        place: int | None = None
        reason: str | None = None
        at: str | None = None
        match act.action:
            case "RECALL":
                at = token["lastCalledAt"]
                changes = {"lastCalledAt": at, "recallCount": state["recallCount"] + 1}
            case "START":
                at, changes = token["startedAt"], {"staff": act.by.id}
            case "COMPLETE":
                at = token["completedAt"]
            case "SKIP":
                at = token["skippedAt"]
                reason = "NO_SHOW" if state["status"] == "CALLED" else "STAFF"
                reason = options.get("reason", reason)
                changes = {"skipReason": reason, "rejoinUntil": self._rejoin_until(token)}
            case "CLOCK":
                at, by, reason = token["skippedAt"], None, "NO_SHOW"
                assert state["status"] == "CALLED", "the clock skips who is called"
                changes = {"skipReason": reason, "rejoinUntil": self._rejoin_until(token)}
            case "REJOIN":
                place = queue.after_in_class(state["priority"], self.clinic["rejoinAfter"])
                changes = {"rejoins": state["rejoins"] + is_own}
                assert not queue.is_closed, "a closed queue takes nobody back"
                assert not is_own or state["rejoins"] < self.clinic["maxRejoins"], "too often"
            case "RETURN":
                place = self._place_of_return(queue, state, options)
            case "HOLD" | "RESUME":
                assert state["onHold"] is (action == "RESUME"), f"{action} of one that is so"
                changes = {"onHold": action == "HOLD"}
            case "POSTPONE":
                place = queue.letting_pass(id, options["pass"])
                changes = {"postponesLeft": state["postponesLeft"] - 1}
                assert state["postponesLeft"] > 0, "too often"
            case "PRIORITY":
                changes = {"priority": options["priority"]}
                reason = options["priority"]
            case "CANCEL":
                at = token["cancelledAt"]
                why = "PATIENT" if is_own else "STAFF"
                assert not is_own or state["status"] == "WAITING", "too late to leave"
                changes, reason = {"cancelReason": why}, options.get("reason", why)
            case unknown:
                raise LookupError(unknown)
        return Step(queue, [Change(action, moved(action, state, at, **changes), by, reason, place)])

    def _rejoin_until(self, token: State) -> str:
        return later(token["skippedAt"], self.clinic["rejoinMinutes"])

    def _place_of_return(self, queue: QueueModel, state: State, options: Any) -> int:
        to = options.get("to", "FIRST")
        if to == "LAST":
            return queue.end()
        if to == "AFTER" and options["after"] > 0:
            return queue.after_in_class(state["priority"], options["after"])
        return queue.front(state["priority"])

    def _transferred(self, act: Act) -> Iterator[Step]:
        [token] = answered(act)
        queue, id = self.holding(token["id"])
        state, options = queue.tokens[id], act.options
        target = next(
            one
            for one in self.queues.values()
            if self.services[one.prefix]["id"] == options["serviceId"]
        )
        waited = state["status"] == "WAITING"
        at = token["cancelledAt" if waited else "completedAt"]
        changes: dict[str, Any] = {"transferredTo": token["transferredTo"]}
        if waited:
            changes["cancelReason"] = "TRANSFERRED"
        gone = moved("TRANSFER", state, at, **changes)
        yield Step(queue, [Change("TRANSFER", gone, act.by, "TRANSFERRED")])
        keys = ("patientId", "guest", "name", "phone", "note")
        new = self._numbered(
            target,
            token["transferredTo"],
            at,
            priority=options.get("priority", state["priority"]),
            transferredFrom=id,
            **{key: state[key] for key in keys},
        )
        place = target.front(new["priority"]) if options.get("to") == "FIRST" else target.end()
        yield Step(target, [Change("ISSUE", new, act.by, place=place)])

    def _undone(self, act: Act) -> Iterator[Step]:
        assert act.queue_id
        done = self._last.get((act.by.id, act.queue_id))
        assert done is not None, "there was nothing to undo"
        assert done.taken, "that was undone already"
        assert act.answered_at - done.act.answered_at < UNDO_WITHIN, "too late to undo"
        answers = {token["id"]: token for token in act.answer["tokens"]}
        for one in reversed(done.taken):
            now = one.queue.tokens[one.made["id"]]
            assert now["version"] == one.made["version"], "it has moved since"
            if one.was is None:
                at = answers[now["id"]]["cancelledAt"]
                gone = moved("CANCEL", now, at, cancelReason="STAFF")
                yield Step(one.queue, [Change("CANCEL", gone, act.by, "UNDO")])
            else:
                restored = {**one.was, "version": now["version"] + 1}
                change = Change("UNDO", restored, act.by, place=one.place)
                yield Step(one.queue, [change], given_back=one)

    def _closed(self, act: Act) -> Step:
        assert act.queue_id
        queue = self.queues[act.queue_id]
        changes = []
        for state in queue.active:
            token = self.told_of(state["id"], state["version"] + 1)
            assert token is not None, f"nobody was told what became of {state['label']}"
            if state["status"] == "IN_PROGRESS":
                after = moved("COMPLETE", state, token["completedAt"])
                changes.append(Change("COMPLETE", after, act.by, "DAY_ENDED"))
            else:
                after = moved("CANCEL", state, token["cancelledAt"], cancelReason="DAY_ENDED")
                changes.append(Change("CANCEL", after, act.by, "DAY_ENDED"))
        return Step(queue, changes)


def give_back(one: Taken) -> None:
    """The queue shows what it showed before the move, unless somebody has called since."""
    assert one.was is not None
    queue, number = one.queue, one.made["tokenNumber"]
    if one.was["status"] == "WAITING" and one.made["status"] == "CALLED":
        queue.take_call_back(number)
        if queue.now_serving == number:
            queue.now_serving, queue.priority_run = one.now_serving, one.priority_run
    if one.made["recallCount"] > one.was["recallCount"]:
        queue.take_recall_back(number, one.calls)
    if one.made["status"] == "COMPLETED" and queue.last_served == number:
        queue.last_served = one.last_served


def answered(act: Act) -> list[State]:
    """The tokens that the answer tells of."""
    if act.action == "WALK_IN":
        return [act.answer["token"]]
    if act.action == "UNDO":
        return list(act.answer["tokens"])
    if act.action in ("CLOSE", "CLOCK"):
        return [act.answer] if act.action == "CLOCK" else []
    return [act.answer]


def _name(queue: QueueModel, token_id: str | None) -> str:
    return "nobody" if token_id is None else str(queue.tokens[token_id]["label"])
