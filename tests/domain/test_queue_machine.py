"""Any sequence of moves keeps the queues' promises: what they carry equals a recount."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from qure.domain import calling, moves, places, undoing
from qure.domain.actor import SYSTEM, Actor, Role
from qure.domain.board import Board
from qure.domain.calling_order import call_order, first_across, run_after
from qure.domain.errors import Conflict
from qure.domain.events import QueueChanged, QueueSpacedOut, TokenCalled, TokenChanged
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.issuing import MAX_TAKES, Holder, issue, needs_line, take_over
from qure.domain.queue_status import SHOWN_CALLS, SHOWN_NEXT
from qure.domain.token import (
    ACTIVE,
    ASSIGNED,
    LAWFUL_MOVES,
    ActiveTokenExists,
    Comeback,
    Move,
    Priority,
    Token,
    TokenStatus,
)
from tests.domain.every_move import fields_of
from tests.domain.kept import KeptQueue, in_line
from tests.support.builders import (
    NOW,
    build_actor,
    build_clinic,
    build_desk,
    build_queue,
    build_service,
    new_id,
)

CAPACITY = 24
PATIENTS = [UserId(new_id()) for _ in range(4)]
STAFF = [build_actor(role=Role.STAFF) for _ in range(2)]
DESK = build_desk()
COMEBACK = Comeback()

patients = st.sampled_from(PATIENTS)
staff = st.sampled_from(STAFF)
classes = st.sampled_from(Priority)
sides = st.integers(0, 1)
some = st.integers(0, 5)
any_of_them = st.integers(0, 50)

NEVER_GIVEN_BACK = {"version", "updated_at", "last_place", "last_issued_number"}
"""What goes on in a queue when a move is undone."""


@dataclass
class Done:
    """What somebody did last in a queue, and how the queues were before and after it."""

    changes: list[TokenChanged]
    before: dict[QueueId, dict[str, Any]]
    versions: dict[QueueId, int]


class ClinicDay(RuleBasedStateMachine):
    """The queues of two services, and beside them all tokens as a storage would keep them."""

    def __init__(self) -> None:
        super().__init__()
        clinic = build_clinic(max_queue_size=CAPACITY)
        other = build_service(clinic.id, max_queue_size=CAPACITY, prefix="B")
        self.queues = [
            KeptQueue(build_queue(clinic)),
            KeptQueue(build_queue(clinic, service=other)),
        ]
        self.of = {kept.queue.id: kept for kept in self.queues}
        self.boards = {kept.queue.id: self.board_of(kept) for kept in self.queues}
        self.told = {kept.queue.id: 1 for kept in self.queues}
        self.done: dict[tuple[Actor, QueueId], Done] = {}
        # Numbers with the version that called or completed them, the last one last.
        self.called: dict[QueueId, list[tuple[int, int]]] = {id: [] for id in self.of}
        self.served: dict[QueueId, list[tuple[int, int]]] = {id: [] for id in self.of}
        self.now_serving = dict.fromkeys(self.of, 0)
        self.last_served = dict.fromkeys(self.of, 0)
        self.now = NOW

    # What happened

    def board_of(self, kept: KeptQueue) -> Board:
        return Board(
            kept.queue.id,
            kept.tokens.values(),
            version=kept.queue.version,
            priority_run=kept.queue.priority_run,
        )

    def attempt(
        self, make: Callable[[], Iterable[Token]], *, by: Actor, move: Move | None = None
    ) -> list[Token] | Conflict:
        """Make the move, see that it is lawful, and keep what came of it; a refusal changes
        nothing."""
        before = {id: fields_of(kept.queue) for id, kept in self.of.items()}
        try:
            made = list(make())
        except Conflict as refused:
            for id, kept in self.of.items():
                assert kept.queue.events == []
                is_now = fields_of(kept.queue)
                # A place was looked for: no storage keeps that now.
                kept.queue.last_place = before[id]["last_place"]
                assert {**is_now, "last_place": kept.queue.last_place} == before[id]
            return refused
        self.now += timedelta(seconds=1)
        for token in made:
            self.keep(token, move)
        changes = [change for kept in self.queues for change in self.hear(kept)]
        versions = {id: kept.queue.version for id, kept in self.of.items()}
        for queue_id in {one.queue.queue_id for one in changes if one.from_status is not None}:
            self.done[by, queue_id] = Done(changes, before, versions)
        return made

    def keep(self, token: Token, move: Move | None) -> None:
        """It stands so by that move of the table; by none when it is new or given back."""
        kept = self.of[token.queue_id]
        before = kept.tokens.get(token.id)
        kept.keep(token)
        if before is None:
            assert (token.status, token.version) == (TokenStatus.WAITING, 1)
            return
        assert (token.number, token.label) == (before.number, before.label)
        assert token.version == before.version + 1
        if move is None:
            return
        is_completed = token.status is TokenStatus.COMPLETED
        made = Move.COMPLETE if move is Move.CALL and is_completed else move
        assert LAWFUL_MOVES[made][before.status] is token.status
        assert token.place == before.place or made in (Move.RETURN, Move.REJOIN, Move.POSTPONE)
        if made is Move.CALL:
            self.called[token.queue_id].append((token.number, token.version))
            self.now_serving[token.queue_id] = token.number
        if is_completed:
            self.served[token.queue_id].append((token.number, token.version))
            self.last_served[token.queue_id] = token.number

    def hear(self, kept: KeptQueue) -> list[TokenChanged]:
        """Each version is told once and in order, and those of one change share one status."""
        queue, board = kept.queue, self.boards[kept.queue.id]
        told = [one for one in queue.events if isinstance(one, QueueChanged)]
        queue.events.clear()
        for version, group in groupby(told, key=lambda one: one.queue.version):
            changes = list(group)
            self.told[queue.id] += 1
            assert version == self.told[queue.id]
            assert all(one.queue == changes[0].queue for one in changes)
            changed = board.apply(changes)
            assert changed == [one.token for one in changes if isinstance(one, TokenChanged)]
            if any(isinstance(one, QueueSpacedOut) for one in changes):
                self.boards[queue.id] = board = self.board_of(kept)
        assert queue.version == self.told[queue.id]
        assert not told or told[-1].queue == queue.status()
        return [one for one in told if isinstance(one, TokenChanged)]

    # Who is there

    def waiting(self, kept: KeptQueue) -> list[Token]:
        """In the order of calls."""
        tokens = [one for one in kept.tokens.values() if one.waits]
        return call_order(tokens, priority_run=kept.queue.priority_run)

    def rank(self, token: Token) -> int:
        """So many of its class wait before it."""
        others = self.of[token.queue_id].tokens.values()
        return sum(
            one.waits and one.priority is token.priority and in_line(one) < in_line(token)
            for one in others
        )

    def one_of(self, number: int, *statuses: TokenStatus) -> Token | None:
        found = [token for kept in self.queues for token in kept.standing(*statuses)]
        return found[number % len(found)] if found else None

    # Who comes

    @initialize(
        first=st.lists(classes, min_size=6, max_size=14), second=st.lists(classes, max_size=4)
    )
    def some_are_there_already(self, first: list[Priority], second: list[Priority]) -> None:
        for kept, there in zip(self.queues, (first, second), strict=True):
            for priority in there:
                kept.take(priority)
            self.hear(kept)

    @rule(patient=patients, side=sides, most=st.integers(1, 2))
    def a_patient_asks(self, patient: UserId, side: int, most: int) -> None:
        kept, other = self.queues[side], self.queues[1 - side]
        here = kept.taken_by(patient)
        elsewhere = [one for one in other.taken_by(patient) if one.is_active]
        active = next((one for one in here if one.is_active), None)
        is_full = len(kept.tokens) == CAPACITY
        made = self.attempt(
            lambda: [
                issue(
                    kept.queue,
                    id=TokenId(new_id()),
                    holder=Holder(patient_id=patient),
                    by=build_actor(patient),
                    taken=[*here, *elsewhere],
                    max_active=most,
                    at=self.now,
                    line=kept.line() if needs_line(kept.queue) else None,
                )
            ],
            by=build_actor(patient),
        )
        takes = sum(one.transferred_from is None for one in here)
        stands_elsewhere = sum(one.transferred_from is None for one in elsewhere)
        code = made.code if isinstance(made, Conflict) else None
        if active is not None:
            assert isinstance(made, ActiveTokenExists)
            assert made.token == active
        elif takes >= MAX_TAKES:
            assert code == "too_many_takes"
        elif stands_elsewhere >= most:
            assert code == "too_many_active_tokens"
        elif kept.queue.is_closed:
            assert code == "queue_closed"
        elif not kept.queue.is_active:
            assert code == "queue_inactive"
        else:
            assert code == ("queue_full" if is_full else None)

    @precondition(lambda self: any(len(kept.tokens) < CAPACITY for kept in self.queues))
    @rule(by=staff, side=sides, priority=classes)
    def staff_take_somebody_in(self, by: Actor, side: int, priority: Priority) -> None:
        kept = self.queues[side]
        needed = needs_line(kept.queue, priority)
        self.attempt(
            lambda: [
                issue(
                    kept.queue,
                    id=TokenId(new_id()),
                    holder=Holder(patient_id=UserId(new_id()), guest=True, name="Grace"),
                    by=by,
                    taken=(),
                    max_active=1,
                    at=self.now,
                    line=kept.line() if needed else None,
                    priority=priority,
                    walk_in=True,
                )
            ],
            by=by,
        )

    # Calling

    def expect_called(self, by: Actor, among: Sequence[KeptQueue], first: Token | None) -> Any:
        """What a call of that one by them should come to, looked at before it is made."""
        in_hand = [
            token
            for kept in among
            for token in kept.standing(*ASSIGNED)
            if token.assigned_to == by.user_id
        ]
        if first is None:
            return None
        kept = self.of[first.queue_id]
        normal_waits = any(one.priority is Priority.NORMAL for one in self.waiting(kept))
        run = run_after(first.priority, normal_waits, kept.queue.priority_run)
        return first.id, {one.id for one in in_hand}, run

    def check_call(self, made: list[Token] | Conflict, expected: Any, calls: Any) -> None:
        if expected is None:
            assert isinstance(made, Conflict)
            assert made.code == "queue_empty"
            return
        assert not isinstance(made, Conflict)
        called, completed = made[-1], made[:-1]
        queue = self.of[called.queue_id].queue
        assert (called.id, {one.id for one in completed}, queue.priority_run) == expected
        shown = queue.calls[0]
        assert (shown.token_id, shown.label, shown.called_at) == (
            called.id,
            called.label,
            called.called_at,
        )
        rest = [call for call in calls[queue.id] if call.token_id != called.id]
        assert list(queue.calls[1:]) == rest[: SHOWN_CALLS - 1]

    def shown_calls(self) -> Any:
        return {id: kept.queue.calls for id, kept in self.of.items()}

    @rule(by=staff, side=sides)
    def staff_call_the_next(self, by: Actor, side: int) -> None:
        kept = self.queues[side]
        first = next(iter(self.waiting(kept)), None)
        expected, calls = self.expect_called(by, [kept], first), self.shown_calls()

        def call() -> list[Token]:
            called, completed = calling.call_next(kept.queue, kept.line(by), by=by, at=self.now)
            return [*completed, called]

        self.check_call(self.attempt(call, by=by, move=Move.CALL), expected, calls)

    @rule(by=staff)
    def staff_call_the_next_of_both(self, by: Actor) -> None:
        firsts = [waiting[0] for kept in self.queues if (waiting := self.waiting(kept))]
        first = first_across(firsts) if firsts else None
        expected, calls = self.expect_called(by, self.queues, first), self.shown_calls()

        def call() -> list[Token]:
            called, completed = calling.call_across(
                [kept.queue for kept in self.queues],
                {kept.queue.id: kept.line(by) for kept in self.queues},
                by=by,
                at=self.now,
                desk=DESK,
            )
            return [*completed, called]

        self.check_call(self.attempt(call, by=by, move=Move.CALL), expected, calls)

    @rule(by=staff, number=any_of_them)
    def staff_call_this_one(self, by: Actor, number: int) -> None:
        token = self.one_of(number, TokenStatus.WAITING)
        if token is None:
            return
        kept = self.of[token.queue_id]
        expected, calls = self.expect_called(by, [kept], token), self.shown_calls()
        made = self.attempt(lambda: self.call(token, by), by=by, move=Move.CALL)
        self.check_call(made, expected, calls)

    # The other moves

    @rule(by=staff, move=st.sampled_from(Move), number=any_of_them, some=some)
    def somebody_makes_a_move_of_the_table(
        self, by: Actor, move: Move, number: int, some: int
    ) -> None:
        token = self.one_of(number, *LAWFUL_MOVES[move])
        if token is not None and move not in (Move.CALL, Move.END_DAY):
            self.moved(token, move, by, some)

    @rule(by=staff, move=st.sampled_from(Move), number=any_of_them, some=some)
    def somebody_tries_any_move(self, by: Actor, move: Move, number: int, some: int) -> None:
        token = self.one_of(number, *TokenStatus)
        if token is not None and move is not Move.END_DAY:
            made = self.moved(token, move, by, some)
            if token.status not in LAWFUL_MOVES[move]:
                assert isinstance(made, Conflict)
                assert made.code == "illegal_transition"

    @rule(by=staff, number=any_of_them, some=some)
    def staff_hand_somebody_over(self, by: Actor, number: int, some: int) -> None:
        token = self.one_of(number, *ACTIVE)
        if token is not None:
            self.moved(token, Move.TRANSFER, by, some)

    def moved(self, token: Token, move: Move, by: Actor, some: int) -> list[Token] | Conflict:
        patient = build_actor(token.patient_id, role=Role.PATIENT)
        of_patients = {Move.POSTPONE, Move.LEAVE}
        of_both = {Move.HOLD, Move.RESUME, Move.REJOIN}
        if move in of_patients or (move in of_both and some % 2):
            by = patient
        rank, behind = self.rank(token), self.of[token.queue_id].places(token.priority)
        made = self.attempt(lambda: self.make(token, move, by, some), by=by, move=move)
        if isinstance(made, Conflict):
            return made
        (moved, *_) = made
        if move is Move.RETURN:
            expected = [0, len(behind), min(some, len(behind))][some % 3]
            assert self.rank(moved) == expected
        elif move is Move.REJOIN:
            assert self.rank(moved) == min(COMEBACK.after, len(behind))
        elif move is Move.POSTPONE and not token.on_hold:
            assert self.rank(moved) == min(rank + some + 1, len(behind) - 1)
        return made

    def make(self, token: Token, move: Move, by: Actor, some: int) -> list[Token]:
        """As the use cases do, with a line of what the storage finds."""
        if move is Move.CALL:
            return self.call(token, by)
        if move is Move.TRANSFER:
            return self.transfer(token, by, some)
        kept = self.of[token.queue_id]
        if move in (Move.RETURN, Move.REJOIN, Move.POSTPONE):
            return [self.place_anew(kept, token, move, by, some)]
        queue, at = kept.queue, self.now
        front = kept.line()
        line = front if token.status is TokenStatus.WAITING else None
        priority = list(Priority)[some % 3]
        simple: dict[Move, Callable[[], Token]] = {
            Move.RECALL: lambda: calling.recall(queue, token, by=by, at=at),
            Move.START: lambda: moves.start(queue, token, by=by, at=at),
            Move.COMPLETE: lambda: moves.complete(queue, token, by=by, at=at),
            Move.SKIP: lambda: moves.skip(queue, token, line, comeback=COMEBACK, by=by, at=at),
            Move.HOLD: lambda: moves.hold(queue, token, front, by=by, at=at),
            Move.RESUME: lambda: moves.resume(queue, token, front, by=by, at=at),
            Move.LEAVE: lambda: moves.cancel(queue, token, line, by=by, at=at),
            Move.CANCEL: lambda: moves.cancel(queue, token, line, by=by, at=at),
            Move.PRIORITY: lambda: moves.change_priority(
                queue, token, front, priority=priority, by=by, at=at
            ),
        }
        return [simple[move]()]

    def call(self, token: Token, by: Actor) -> list[Token]:
        kept = self.of[token.queue_id]
        called, completed = calling.call(
            kept.queue, token, kept.line(by), by=by, at=self.now, desk=DESK
        )
        return [*completed, called]

    def place_anew(self, kept: KeptQueue, token: Token, move: Move, by: Actor, some: int) -> Token:
        queue, at = kept.queue, self.now
        if move is Move.RETURN:
            token.require(move)
            front = kept.line()
            place = [
                lambda: places.front_of_line(queue, front, token.priority),
                lambda: places.end_of_line(queue),
                lambda: kept.place_after(token, some),
            ][some % 3]()
            return moves.return_to_line(queue, token, front, place=place, by=by, at=at)
        if move is Move.REJOIN:
            moves.require_may_rejoin(queue, token, comeback=COMEBACK, by=by, at=at)
            return moves.rejoin(
                queue,
                token,
                kept.line(),
                place=kept.place_after(token, COMEBACK.after),
                taken=kept.taken_by(token.patient_id),
                comeback=COMEBACK,
                by=by,
                at=at,
            )
        moves.require_may_postpone(token)
        behind = kept.places(token.priority, behind=token)
        if not behind:
            raise Conflict("nobody_behind", "Nobody waits behind you who could pass.")
        found = places.place_behind(behind, some + 1)
        place = places.end_of_line(queue) if found is None else found
        return moves.postpone(queue, token, kept.line(), place=place, by=by, at=at)

    def transfer(self, token: Token, by: Actor, some: int) -> list[Token]:
        kept, other = self.of[token.queue_id], self.other(token)
        token.require(Move.TRANSFER)
        new = take_over(
            other.queue,
            token,
            id=TokenId(new_id()),
            first=some % 2 == 0,
            priority=list(Priority)[some - 1] if 0 < some < 4 else None,
            taken=other.taken_by(token.patient_id),
            line=other.line(),
            by=by,
            at=self.now,
        )
        line = kept.line() if token.status is TokenStatus.WAITING else None
        gone = moves.transfer(kept.queue, token, line, to=new.id, by=by, at=self.now)
        return [gone, new]

    def other(self, token: Token) -> KeptQueue:
        (other,) = (kept for id, kept in self.of.items() if id != token.queue_id)
        return other

    # Undoing

    @rule(by=staff, side=sides)
    def staff_undo_their_last_move(self, by: Actor, side: int) -> None:
        done = self.done.get((by, self.queues[side].queue.id))
        if done is None or any(self.of[one.queue.queue_id].queue.is_closed for one in done.changes):
            return
        stands = [self.of[one.queue.queue_id].tokens[one.token.id] for one in done.changes]
        for change, current in zip(done.changes, stands, strict=True):
            gives_back = change.from_status is not None
            has_moved = current.version != change.token.version
            if gives_back and (has_moved or change.before is None):
                made = self.attempt(lambda change=change: self.take_back([change], by), by=by)  # type: ignore[misc]
                assert isinstance(made, Conflict)
                assert made.code == "nothing_to_undo"
                return
            is_back_elsewhere = not current.is_active and any(
                one.is_active for one in self.of[current.queue_id].taken_by(current.patient_id)
            )
            if (gives_back and is_back_elsewhere) or has_moved:
                return  # The use case refuses it.
        self.undone(done, by)

    def undone(self, done: Done, by: Actor) -> None:
        versions = {id: kept.queue.version for id, kept in self.of.items()}
        stands = {
            one.token.id: self.of[one.queue.queue_id].tokens[one.token.id] for one in done.changes
        }
        runs = {id: kept.queue.priority_run for id, kept in self.of.items()}
        made = self.attempt(lambda: self.take_back(done.changes, by), by=by)
        assert not isinstance(made, Conflict)
        for change, token in zip(reversed(done.changes), made, strict=True):
            if change.from_status is None:
                assert token.status is TokenStatus.CANCELLED
                continue
            assert change.before is not None
            was = change.before.token
            if stands[token.id].place != change.token.place:  # Spaced out anew meanwhile.
                was = replace(was, place=token.place)
            assert token == replace(was, version=token.version)
        for id, kept in self.of.items():
            is_newest = self.forget(id, done)
            run = done.before[id]["priority_run"] if is_newest else runs[id]
            assert kept.queue.priority_run == run
            called = {
                one.token.id
                for one in done.changes
                if isinstance(one, TokenCalled) and one.queue.queue_id == id
            }
            earlier = {call.token_id for call in done.before[id]["calls"]}
            assert not {call.token_id for call in kept.queue.calls} & (called - earlier)
            if versions == done.versions:  # Nothing has happened in between.
                after = fields_of(kept.queue)
                changed = {name for name in after if after[name] != done.before[id][name]}
                assert changed <= NEVER_GIVEN_BACK

    def forget(self, id: QueueId, done: Done) -> bool:
        """The current and the last served number are as before, unless somebody has called or
        completed since. Whether nobody has called since a call that is undone."""
        mine = [
            (one.token.number, one.token.version)
            for one in done.changes
            if one.queue.queue_id == id
        ]
        is_newest = bool(self.called[id]) and self.called[id][-1] in mine
        if is_newest:
            self.now_serving[id] = done.before[id]["now_serving"]
        if self.served[id] and self.served[id][-1] in mine:
            self.last_served[id] = done.before[id]["last_served_number"]
        for log in (self.called[id], self.served[id]):
            log[:] = [one for one in log if one not in mine]
        return is_newest

    def take_back(self, changes: Sequence[TokenChanged], by: Actor) -> list[Token]:
        """As the use case does: with lines that are read once, the last change first."""
        lines = {id: kept.line() for id, kept in self.of.items()}
        back = []
        for done in reversed(changes):
            kept = self.of[done.queue.queue_id]
            current, line = kept.tokens[done.token.id], lines[kept.queue.id]
            if done.from_status is None:
                back.append(undoing.withdraw(kept.queue, current, line, by=by, at=self.now))
            else:
                back.append(undoing.restore(kept.queue, done, current, line, by=by, at=self.now))
        return back

    # The queue

    @rule(by=staff, side=sides, active=st.booleans())
    def tokens_are_taken_or_no_more(self, by: Actor, side: int, active: bool) -> None:
        queue = self.queues[side].queue

        def set_active() -> list[Token]:
            queue.set_active(active, by=by, at=self.now)
            return []

        made = self.attempt(set_active, by=by)
        assert queue.is_active == (active and not queue.is_closed)
        assert isinstance(made, Conflict) == (active and queue.is_closed)

    @rule(side=sides, priority=classes)
    def the_places_are_numbered_anew(self, side: int, priority: Priority) -> None:
        kept = self.queues[side]
        order = self.waiting(kept)
        kept.space_out(priority)
        kept.queue.spaced_out(by=SYSTEM, at=self.now)
        self.hear(kept)
        assert [one.id for one in self.waiting(kept)] == [one.id for one in order]

    @precondition(lambda self: self.now > NOW + timedelta(seconds=20))
    @rule(side=sides, most=st.integers(1, CAPACITY))
    def the_day_ends(self, side: int, most: int) -> None:
        kept = self.queues[side]
        active = kept.standing(*ACTIVE)[:most]

        def end() -> list[Token]:
            kept.queue.close(by=SYSTEM, at=self.now)
            return moves.end_day(kept.queue, active, by=SYSTEM, at=self.now)

        made = self.attempt(end, by=SYSTEM, move=Move.END_DAY)
        assert not isinstance(made, Conflict)
        assert [one.id for one in made] == [one.id for one in active]
        assert kept.queue.is_closed

    # What always holds

    @invariant()
    def numbers_run_from_one_without_gap_or_repeat(self) -> None:
        for kept in self.queues:
            numbers = [token.number for token in kept.tokens.values()]
            assert numbers == list(range(1, len(numbers) + 1))
            assert kept.queue.last_issued_number == len(numbers) <= CAPACITY

    @invariant()
    def counters_equal_recounts(self) -> None:
        for kept in self.queues:
            waiting = kept.standing(TokenStatus.WAITING)
            assert kept.queue.waiting_count == len(waiting)
            assert kept.queue.on_hold_count == sum(one.on_hold for one in kept.tokens.values())
            assert kept.queue.on_hold_count == sum(one.on_hold for one in waiting)
            assert kept.queue.last_place >= max(
                (one.place for one in kept.tokens.values()), default=0
            )

    @invariant()
    def the_current_number_was_called_last_and_the_last_served_completed_last(self) -> None:
        for id, kept in self.of.items():
            assert kept.queue.now_serving == self.now_serving[id]
            assert kept.queue.last_served_number == self.last_served[id]

    @invariant()
    def the_next_five_are_the_first_of_all_who_wait(self) -> None:
        for kept in self.queues:
            if not kept.queue.is_closed:
                first = self.waiting(kept)[:SHOWN_NEXT]
                assert [one.label for one in kept.queue.upcoming] == [one.label for one in first]
                assert [one.priority for one in kept.queue.upcoming] == [
                    one.priority for one in first
                ]

    @invariant()
    def at_most_six_calls_are_shown_each_token_once(self) -> None:
        for kept in self.queues:
            shown = [call.token_id for call in kept.queue.calls]
            assert len(shown) == len(set(shown)) <= SHOWN_CALLS
            for call in kept.queue.calls:
                token = kept.tokens[call.token_id]
                assert (call.number, call.label) == (token.number, token.label)
                if token.status is TokenStatus.CALLED:
                    assert (call.recall_count, call.called_at, call.desk_id) == (
                        token.recall_count,
                        token.called_at,
                        token.desk_id,
                    )

    @invariant()
    def a_patient_is_in_each_queue_once_at_most(self) -> None:
        for kept in self.queues:
            active = [token.patient_id for token in kept.standing(*ACTIVE)]
            assert len(active) == len(set(active))

    @invariant()
    def nobody_takes_more_than_three_numbers_by_themselves(self) -> None:
        for kept in self.queues:
            for patient in PATIENTS:
                taken = [one for one in kept.taken_by(patient) if one.transferred_from is None]
                assert len(taken) <= MAX_TAKES

    @invariant()
    def what_is_assigned_has_a_staff_member(self) -> None:
        staff = {one.user_id for one in STAFF}
        for kept in self.queues:
            assert all(token.assigned_to in staff for token in kept.standing(*ASSIGNED))

    @invariant()
    def a_board_that_was_carried_on_is_what_a_new_one_would_be(self) -> None:
        for kept in self.queues:
            board, read_anew = self.boards[kept.queue.id], self.board_of(kept)
            assert board.version == read_anew.version
            assert board.priority_run == read_anew.priority_run
            assert (board.order, board.ahead) == (read_anew.order, read_anew.ahead)


TestClinicDay = ClinicDay.TestCase
TestClinicDay.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, database=None
)
