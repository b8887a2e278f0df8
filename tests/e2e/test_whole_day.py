"""A clinic's whole day: what people were answered and heard is what is so, and what is kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from qure.application.ports.journal import JournalRecord
from qure.domain.actor import ActorKind
from qure.domain.token import Token, TokenStatus
from qure.wire.tokens import ACTIONS
from tests.e2e.ledger import Ledger, read_ledger
from tests.e2e.line_model import State
from tests.e2e.oracle import Entry, Oracle
from tests.e2e.phones import Phone
from tests.e2e.told_day import ToldDay
from tests.e2e.topology import Topology, embedded, production
from tests.e2e.visitors import PLACE
from tests.e2e.whole_day import (
    ABSENT,
    BACK_BY_STAFF,
    BACK_BY_THEMSELVES,
    KINDS,
    live_whole_day,
)
from tests.support.bodies import without_waits

pytestmark = pytest.mark.timeout(400)

TOLD = {
    "CALL": "called",
    "CALL_SPECIFIC": "called",
    "RECALL": "called",
    "START": "started",
    "SKIP": "skipped",
    "COMPLETE": "completed",
}
"""What a patient's phone calls a move; every other one is a change."""

NO_SHOW_SECONDS = 60.0
LATE_SECONDS = 30.0
"""So much later than it must be a no-show may be counted on a machine with other things to do."""


@dataclass(frozen=True, slots=True, repr=False)
class Day:
    """A day that is over: what people were told, what must be so, and what is kept."""

    told: ToldDay
    oracle: Oracle
    ledger: Ledger


async def _lived(topology: Topology, *, kill: bool) -> Day:
    told = await live_whole_day(topology, kill=kill)
    queue_ids = [queue["id"] for queue in told.queues.values()]
    ledger = await read_ledger(topology, queue_ids, secrets=told.secrets)
    return Day(told, Oracle(told).look(), ledger)


def _embedded() -> Day:
    with embedded() as topology:
        return asyncio.run(_lived(topology, kill=False))


def _production() -> Day:
    with production() as topology:
        return asyncio.run(_lived(topology, kill=True))


DAYS: dict[str, Callable[[], Day]] = {
    "embedded": _embedded,
    "in production, where a process is killed": _production,
}


@pytest.fixture(scope="module", params=DAYS)
def day(request: pytest.FixtureRequest) -> Day:
    """A day that is over."""
    return DAYS[request.param]()


# What kind of day it was


def test_a_hundred_and_twenty_came_with_and_without_accounts(day: Day) -> None:
    kinds = Counter(visitor.kind for visitor in day.told.visitors.values() if visitor.tokens)
    assert kinds == {"account": 60, "guest": 40, "walk-in": 20} == KINDS
    assert day.told.testimony.count("WALK_IN") == KINDS["walk-in"]
    assert {token.priority.value for token in day.ledger.tokens.values()} == {
        "NORMAL",
        "PRIORITY",
        "URGENT",
    }
    assert set(day.told.services) == {"G", "D", "BT"}
    assert len(day.told.desks) == 4


def test_every_move_that_there_is_was_made(day: Day) -> None:
    made = {entry.action for entries in day.oracle.history.values() for entry in entries}
    assert made == set(ACTIONS.values())
    assert {token.status for token in day.ledger.tokens.values()} == {
        TokenStatus.COMPLETED,
        TokenStatus.CANCELLED,
        TokenStatus.SKIPPED,
    }


def test_ten_were_counted_as_absent_by_the_clock_and_six_of_them_came_back(day: Day) -> None:
    names = {visitor.tokens[0]["id"]: name for name, visitor in day.told.visitors.items()}
    absent = [names[state["id"]] for state in day.oracle.by_the_clock]
    assert sorted(absent) == sorted(ABSENT)
    back = [
        name
        for name in absent
        for entry in day.oracle.history[day.told.visitors[name].tokens[0]["id"]]
        if entry.action == "REJOIN"
    ]
    assert sorted(back) == sorted([*BACK_BY_THEMSELVES, *BACK_BY_STAFF])


def test_the_clock_waits_for_a_minute_from_the_last_call_and_not_much_longer(day: Day) -> None:
    for state in day.oracle.by_the_clock:
        skipped = day.oracle.states[state["id"], state["version"]]["skippedAt"]
        waited = datetime.fromisoformat(skipped) - datetime.fromisoformat(state["lastCalledAt"])
        assert NO_SHOW_SECONDS <= waited.total_seconds() < NO_SHOW_SECONDS + LATE_SECONDS


# What people were told


def test_whatever_anybody_was_told_is_what_comes_of_what_was_done(day: Day) -> None:
    """Tokens, statuses, boards, places, the order of calls: by the rules, version by version."""
    assert day.oracle.contradictions == []


def test_a_screen_that_applies_what_it_is_told_equals_a_fresh_board(day: Day) -> None:
    for clerk in day.told.clerks:
        for queue_id, screen in clerk.screens.items():
            board = day.told.boards[queue_id]
            fresh, shown = without_waits(board["tokens"]), without_waits(screen.shown)
            assert (screen.version, shown) == (board["version"], fresh), clerk.who


def test_no_screen_is_told_an_older_version_or_of_tokens_it_cannot_know(day: Day) -> None:
    for clerk in day.told.clerks:
        for screen in clerk.screens.values():
            assert (screen.stale, screen.unknown) == ([], []), clerk.who


def test_a_screen_sees_a_gap_only_where_a_process_died_or_all_places_were_given_anew(
    day: Day,
) -> None:
    if day.told.was_killed:
        return
    for clerk in day.told.clerks:
        for queue_id, screen in clerk.screens.items():
            anew = [version for id, version in day.oracle.spaced_out if id == queue_id]
            for had, came in screen.gaps:
                assert any(had < version < came for version in anew), (clerk.who, had, came)
            assert len(screen.snapshots) == 1 + len(screen.gaps), clerk.who


def test_nobody_sees_an_older_status_after_a_newer_one(day: Day) -> None:
    for phone in day.told.phones:
        for queue_id in phone.queue_ids:
            for connection in connections_of(phone):
                versions = [
                    body["version"]
                    for name, body in connection
                    if name == "queue:status_update" and body["queueId"] == queue_id
                ]
                assert versions == sorted(set(versions)), phone


def test_everybody_ends_on_the_true_status(day: Day) -> None:
    for phone in day.told.phones:
        for queue_id in phone.queue_ids:
            told = [body for body in phone.statuses if body["queueId"] == queue_id]
            assert told[-1] == day.told.statuses[queue_id], phone


def test_the_last_place_that_a_phone_was_told_is_what_those_who_ask_are_told(day: Day) -> None:
    assert len(day.told.places) > len(day.told.watching) / 2
    for told, asked in day.told.places:
        assert told is not None, asked
        assert (told["tokenId"], told["ahead"]) == (asked["tokenId"], asked["ahead"])


def test_nobody_hears_of_a_token_that_is_not_theirs(day: Day) -> None:
    for visitor in day.told.watching:
        assert visitor.phone
        told = {token["id"] for _, token in visitor.phone.personal}
        placed = {body["tokenId"] for name, body in visitor.phone.client.heard if name == PLACE}
        owners = {day.oracle.final[id]["patientId"] for id in told | placed}
        assert owners == {visitor.token["patientId"]}, visitor
    for clerk in day.told.clerks:
        assert clerk.phone.personal == []
        assert PLACE not in clerk.phone.client.names


def test_patients_hear_each_move_of_their_token_once_in_order_and_by_its_name(day: Day) -> None:
    """Where a process dies what it did not announce comes late: the next test is about that."""
    if day.told.was_killed:
        return
    for visitor in day.told.watching:
        assert visitor.phone
        assert visitor.phone.was_always_connected
        for token in visitor.tokens:
            moves = [TOLD.get(one.action, "changed") for one in day.oracle.history[token["id"]]]
            heard = [
                (name, body["version"])
                for name, body in visitor.phone.personal
                if body["id"] == token["id"]
            ]
            expected = list(zip(moves, range(1, len(moves) + 1), strict=True))
            assert heard == expected[len(expected) - len(heard) :], visitor
            if visitor.kind == "account":  # They were connected before.
                is_sent_on = token["transferredFrom"] is not None
                assert len(heard) == len(moves) - (0 if is_sent_on else 1), visitor


def test_what_a_patient_hears_of_a_token_never_goes_back(day: Day) -> None:
    for visitor in day.told.watching:
        assert visitor.phone
        for connection in connections_of(visitor.phone):
            for token in visitor.tokens:
                heard = [
                    (name, body["version"])
                    for name, body in connection
                    if name.startswith("queue:your_token_") and body["id"] == token["id"]
                ]
                assert len(set(heard)) == len(heard), visitor
                versions = [version for _, version in heard]
                assert versions == sorted(versions), visitor


def test_guests_secrets_and_the_posters_code_are_written_nowhere(day: Day) -> None:
    assert len(day.told.secrets) == KINDS["guest"] + KINDS["walk-in"] + 1
    assert day.ledger.told_secrets == []


# What is kept


def test_numbers_run_from_one_without_a_gap_in_every_queue(day: Day) -> None:
    for id, queue in day.ledger.queues.items():
        numbers = [one.number for one in day.ledger.tokens.values() if str(one.queue_id) == id]
        assert sorted(numbers) == list(range(1, queue.last_issued_number + 1))


def test_every_token_is_kept_as_the_oracle_says(day: Day) -> None:
    assert day.ledger.tokens.keys() == day.oracle.final.keys()
    for id, token in day.ledger.tokens.items():
        assert kept(token) == expected(day.oracle.final[id]), token.label


def test_every_token_has_the_history_that_the_oracle_says(day: Day) -> None:
    for id, records in day.ledger.histories.items():
        label = day.ledger.tokens[id].label
        assert [as_entry(record) for record in records] == [
            as_told(entry) for entry in day.oracle.history[id]
        ], label


def test_staff_who_ask_are_shown_that_history(day: Day) -> None:
    assert day.told.histories.keys() == day.oracle.history.keys()
    for id, shown in day.told.histories.items():
        assert [
            (line["action"], line["from"], line["to"], line["by"], line["desk"], line["reason"])
            for line in shown
        ] == [
            (
                one.action,
                one.before,
                one.after,
                None if one.by is None else shown_by(one),
                one.desk,
                one.reason,
            )
            for one in day.oracle.history[id]
        ]


def test_everybody_was_called_in_the_order_that_the_oracle_says(day: Day) -> None:
    assert day.ledger.called == {id: one.called for id, one in day.oracle.queues.items()}


def test_counters_are_what_counting_again_gives(day: Day) -> None:
    for id, queue in day.ledger.queues.items():
        tokens = [one for one in day.ledger.tokens.values() if str(one.queue_id) == id]
        waiting = [one for one in tokens if one.status is TokenStatus.WAITING]
        model = day.oracle.queues[id]
        assert queue.waiting_count == len(waiting) == 0
        assert queue.on_hold_count == sum(one.on_hold for one in waiting) == 0
        assert queue.last_issued_number == len(tokens) == len(model.tokens)
        assert queue.now_serving == model.now_serving
        assert queue.last_served_number == model.last_served
        assert queue.priority_run == model.priority_run
        assert queue.version == model.version
        assert queue.open_desks == 0
        assert queue.is_closed


def test_everything_was_announced(day: Day) -> None:
    assert day.ledger.unannounced == 0


# Putting things side by side


def connections_of(phone: Phone) -> list[list[tuple[str, Any]]]:
    """What each of its connections brought."""
    ends = [*phone.connected_at[1:], len(phone.client.heard)]
    return [
        phone.client.heard[begin:end] for begin, end in zip(phone.connected_at, ends, strict=True)
    ]


def instant(at: datetime | None) -> str | None:
    """As the wire has it."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def text(value: object) -> str | None:
    return None if value is None else str(value)


def kept(token: Token) -> State:
    """What the database has of a token, in the oracle's words."""
    has_desk = token.desk_id is not None
    return {
        "id": str(token.id),
        "queueId": str(token.queue_id),
        "serviceId": str(token.service_id),
        "patientId": str(token.patient_id),
        "tokenNumber": token.number,
        "label": token.label,
        "status": token.status.value,
        "priority": token.priority.value,
        "onHold": token.on_hold,
        "version": token.version,
        "createdAt": instant(token.created_at),
        "calledAt": instant(token.called_at),
        "lastCalledAt": instant(token.last_called_at),
        "startedAt": instant(token.started_at),
        "completedAt": instant(token.completed_at),
        "skippedAt": instant(token.skipped_at),
        "cancelledAt": instant(token.cancelled_at),
        "recallCount": token.recall_count,
        "skipReason": text(token.skip_reason),
        "cancelReason": text(token.cancel_reason),
        "rejoinUntil": instant(token.rejoin_until),
        "rejoins": token.rejoins,
        "postponesLeft": 3 - token.postpones,
        "staff": text(token.assigned_to),
        "desk": {"id": str(token.desk_id), "name": token.desk_name} if has_desk else None,
        "transferredFrom": text(token.transferred_from),
        "transferredTo": text(token.transferred_to),
        "guest": token.guest,
        "name": token.name,
        "phone": token.phone,
        "note": token.note,
    }


def expected(state: State) -> State:
    return dict(state)


Line = tuple[str, str | None, str | None, str | None, str | None, str | None, str | None]


def as_entry(record: JournalRecord) -> Line:
    """Action, from, to, who, in which role, at which desk, why."""
    by_clock = record.actor_kind is ActorKind.SYSTEM
    return (
        ACTIONS[record.event],
        text(record.from_status),
        text(record.to_status),
        None if by_clock else str(record.actor_id),
        None if by_clock else text(record.actor_role),
        text(record.desk_id),
        record.reason,
    )


def as_told(entry: Entry) -> Line:
    by = entry.by
    return (
        entry.action,
        entry.before,
        entry.after,
        None if by is None else by.id,
        None if by is None else by.role,
        None if entry.desk is None else entry.desk["id"],
        entry.reason,
    )


def shown_by(entry: Entry) -> dict[str, str]:
    """Who it was, as staff see it."""
    assert entry.by
    return {"id": entry.by.id, "name": entry.by.name, "role": entry.by.role}
