"""Any sequence of actions keeps the queue's promises: what it carries equals a recount."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qure.domain import events
from qure.domain.actor import Actor, Role
from qure.domain.errors import Conflict
from qure.domain.ids import TokenId, UserId
from qure.domain.queue import MAX_TAKES
from qure.domain.token import (
    ACTIVE,
    ASSIGNED,
    TRANSITIONS,
    ActiveTokenExists,
    Token,
    TokenStatus,
)
from tests.support.builders import NOW, build_actor, build_queue, new_id

CAPACITY = 8
PATIENTS = [UserId(new_id()) for _ in range(5)]
STAFF = [build_actor(role=Role.STAFF) for _ in range(2)]

patients = st.sampled_from(PATIENTS)
staff = st.sampled_from(STAFF)
places = st.integers(0, CAPACITY - 1)


def attempted(action: Callable[[], Token]) -> Token | Conflict:
    """What came of it: a token, or a refusal."""
    try:
        return action()
    except Conflict as refused:
        return refused


class ClinicDay(RuleBasedStateMachine):
    """A queue, and beside it the tokens as a storage would keep them."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = build_queue(max_size=CAPACITY)
        self.tokens: dict[TokenId, Token] = {}
        self.changes = 0
        self.served: list[int] = []
        self.called: list[int] = []
        self.now = NOW

    def keep(self, *tokens: Token) -> None:
        for token in tokens:
            before = self.tokens.get(token.id)
            if before is None:
                assert (token.status, token.version) == (TokenStatus.WAITING, 1)
            else:
                assert token.status in TRANSITIONS[before.status]
                assert (token.number, token.place) == (before.number, before.place)
                assert token.version == before.version + 1
            self.tokens[token.id] = token

    def changed(self) -> None:
        self.changes += 1
        self.now += timedelta(seconds=1)

    def active_token(self, patient: UserId) -> Token | None:
        active = (token for token in self.tokens.values() if token.is_active)
        return next((token for token in active if token.patient_id == patient), None)

    def tokens_of(self, patient: UserId) -> list[Token]:
        return [token for token in self.tokens.values() if token.patient_id == patient]

    def in_order(self, *statuses: TokenStatus) -> list[Token]:
        return [token for token in self.tokens.values() if token.status in statuses]

    @rule(patient=patients)
    def a_patient_asks(self, patient: UserId) -> None:
        active_token, places = self.active_token(patient), self.tokens_of(patient)
        before = self.queue.status()
        result = attempted(
            lambda: self.queue.issue(
                id=TokenId(new_id()),
                patient_id=patient,
                by=build_actor(patient),
                taken=places,
                max_active=1,
                at=self.now,
            )
        )
        if isinstance(result, Token):
            assert active_token is None
            assert len(places) < MAX_TAKES
            assert self.queue.is_active
            self.keep(result)
            self.changed()
            return
        assert self.queue.status() == before
        if active_token is not None:
            assert isinstance(result, ActiveTokenExists)
            assert result.token == active_token
        elif len(places) >= MAX_TAKES:
            assert result.code == "too_many_takes"
        elif self.queue.is_active:
            assert (result.code, len(self.tokens)) == ("queue_full", CAPACITY)
        else:
            assert result.code == "queue_inactive"

    @precondition(lambda self: self.in_order(TokenStatus.WAITING))
    @rule(by=staff)
    def staff_call(self, by: Actor) -> None:
        token = self.in_order(TokenStatus.WAITING)[0]
        in_hand = [one for one in self.in_order(*ASSIGNED) if one.assigned_to == by.user_id]
        called, completed = self.queue.call(token, assigned=in_hand, by=by, at=self.now)
        assert [one.id for one in completed] == [one.id for one in in_hand]
        self.keep(*completed, called)
        self.served += [one.number for one in completed]
        self.called.append(called.number)
        self.changed()

    @precondition(lambda self: self.tokens)
    @rule(by=staff, place=places, action=st.sampled_from(["start", "complete", "skip", "cancel"]))
    def somebody_moves_a_token(self, by: Actor, place: int, action: str) -> None:
        token = list(self.tokens.values())[place % len(self.tokens)]
        before = self.queue.status()
        moved = attempted(lambda: getattr(self.queue, action)(token, by=by, at=self.now))
        if isinstance(moved, Conflict):
            assert moved.code == "illegal_transition"
            assert self.queue.status() == before
            return
        self.keep(moved)
        if action == "complete":
            self.served.append(moved.number)
        self.changed()

    @rule(by=staff, active=st.booleans())
    def the_queue_is_closed_or_opened(self, by: Actor, active: bool) -> None:
        if self.queue.set_active(active, by=by, at=self.now):
            self.changed()
        assert self.queue.is_active == active

    @invariant()
    def numbers_run_from_one_without_gap_or_repeat(self) -> None:
        numbers = [token.number for token in self.tokens.values()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert self.queue.last_issued_number == len(numbers) <= CAPACITY

    @invariant()
    def counters_equal_recounts(self) -> None:
        assert self.queue.waiting_count == len(self.in_order(TokenStatus.WAITING))
        assert self.queue.now_serving == (self.called[-1] if self.called else 0)
        assert self.queue.last_served_number == (self.served[-1] if self.served else 0)

    @invariant()
    def a_patient_is_in_it_once_at_most(self) -> None:
        active_token = [token.patient_id for token in self.in_order(*ACTIVE)]
        assert len(active_token) == len(set(active_token))

    @invariant()
    def nobody_takes_more_than_three_numbers(self) -> None:
        assert all(len(self.tokens_of(patient)) <= 3 for patient in PATIENTS)

    @invariant()
    def what_is_assigned_has_a_staff_member(self) -> None:
        staff = {one.user_id for one in STAFF}
        assert all(token.assigned_to in staff for token in self.in_order(*ASSIGNED))

    @invariant()
    def the_version_counts_the_changes_and_the_events_tell_each_of_them(self) -> None:
        assert self.queue.version == 1 + self.changes
        told = [one.queue for one in self.queue.events if isinstance(one, events.QueueChanged)]
        assert sorted({status.version for status in told}) == list(range(2, 2 + self.changes))
        assert not told or told[-1] == self.queue.status()


TestClinicDay = ClinicDay.TestCase
TestClinicDay.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, database=None
)
