"""A whole day in a clinic, and what was promised: the same on every topology, and under faults."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from qure.domain.token import TokenStatus
from tests.e2e.day import ASKING, PLACES, live_through
from tests.e2e.faults import everything_breaks
from tests.e2e.record import Record
from tests.e2e.topology import embedded, production

pytestmark = pytest.mark.timeout(300)

TOLD = {"CALL": "called", "START": "started", "COMPLETE": "completed", "SKIP": "skipped"}
STATUS_OF = {
    "called": "CALLED",
    "started": "IN_PROGRESS",
    "completed": "COMPLETED",
    "skipped": "SKIPPED",
    "changed": "CANCELLED",  # Of what has no event of its own nothing else happens on this day.
}
PLACE = "queue:your_place"
AFTER_JOINING = {"join-queue", "queue:status_update"}


def _embedded() -> Record:
    with embedded() as topology:
        return asyncio.run(live_through(topology))


def _production() -> Record:
    with production() as topology:
        return asyncio.run(live_through(topology))


def _broken(*, persistent_redis: bool) -> Record:
    with production(persistent_redis=persistent_redis) as topology:
        return asyncio.run(live_through(topology, everything_breaks))


DAYS: dict[str, Callable[[], Record]] = {
    "embedded": _embedded,
    "in production": _production,
    "with faults, and a Redis that forgets": lambda: _broken(persistent_redis=False),
    "with faults, and a Redis that remembers": lambda: _broken(persistent_redis=True),
}


@pytest.fixture(scope="module", params=DAYS)
def day(request: pytest.FixtureRequest) -> Record:
    """A day that is over."""
    return DAYS[request.param]()


def history(day: Record, token_id: str) -> list[str]:
    """What the patient was to be told of it, by the record of what was done."""
    told = [TOLD[move.action] for move in day.staff_moves[token_id]]
    left = day.kept_tokens[token_id].status is TokenStatus.CANCELLED
    return [*told, *(["changed"] if left else [])]


def test_fifty_of_sixty_who_ask_at_once_get_1_to_50_and_ten_are_told_that_it_is_full(
    day: Record,
) -> None:
    numbers = [one.token["tokenNumber"] for one in day.patients if one.token]
    assert sorted(numbers) == list(range(1, PLACES + 1))
    assert sum(one.was_told_full for one in day.patients) == ASKING - PLACES


def test_no_token_is_lost_or_another_than_its_patient_was_given(day: Record) -> None:
    identity = ("tokenNumber", "id", "patientId", "queueId", "createdAt")
    given = [one.token for one in day.patients if one.token]
    given.sort(key=lambda token: token["tokenNumber"])
    assert [[token[key] for key in identity] for token in day.tokens] == [
        [token[key] for key in identity] for token in given
    ]
    for patient in day.patients:
        if patient.token is not None:
            assert patient.token["patientId"] == patient.person.id


def test_everybody_was_served_or_skipped_or_left(day: Record) -> None:
    left = {one.token["id"] for one in day.patients if one.token and one.has_left}
    for token in day.tokens:
        last = history(day, token["id"])[-1:]
        if token["id"] in left:
            assert (token["status"], history(day, token["id"])) == ("CANCELLED", ["changed"])
        elif token["status"] != "CANCELLED":
            assert token["status"] in ("COMPLETED", "SKIPPED")
            assert [token["status"]] == [STATUS_OF[one] for one in last]


def test_patients_heard_exactly_what_happened_to_their_own_token(day: Record) -> None:
    """Whoever lost the connection may have missed or heard something again, but in order."""
    for patient in day.patients:
        heard = patient.phone.personal
        if patient.token is None:
            assert heard == []
            continue
        for name, token in heard:
            assert (token["id"], token["tokenNumber"], token["patientId"]) == (
                patient.token["id"],
                patient.token["tokenNumber"],
                patient.person.id,
            )
            assert token["status"] == STATUS_OF[name]
        names = [name for name, _ in heard]
        happened = history(day, patient.token["id"])
        if patient.phone.was_always_connected:
            assert names == happened, (names, happened, patient.phone)
        else:
            told = [happened.index(name) for name in names]
            assert told == sorted(told), (names, happened)


def test_patients_hear_nothing_but_the_queue_and_their_own_token(day: Record) -> None:
    personal = {f"queue:your_token_{name}" for name in STATUS_OF} | {PLACE}
    retried = {"join-queue-error"} if day.was_disturbed else set()
    for patient in day.patients:
        assert set(patient.phone.client.names) <= AFTER_JOINING | personal | retried
        placed = {body["tokenId"] for name, body in patient.phone.client.heard if name == PLACE}
        own = {patient.token["id"]} if patient.token else set()
        assert placed == own or (placed < own and not patient.phone.was_always_connected)


def test_nobody_sees_an_older_status_after_a_newer_one(day: Record) -> None:
    for phone in day.phones:
        for versions in phone.versions():
            assert versions == sorted(set(versions))
        seen = [version for versions in phone.versions() for version in versions]
        assert seen == sorted(seen), phone.transport


def test_everybody_ends_on_the_true_status(day: Record) -> None:
    for phone in day.phones:
        assert phone.was_connected_at_last
        assert phone.statuses[-1] == day.status


def test_everybody_knows_the_truth_within_five_seconds_of_the_last_disturbance(day: Record) -> None:
    assert day.caught_up_seconds is not None
    assert day.caught_up_seconds < 5


def test_the_final_status_is_what_the_tokens_say(day: Record) -> None:
    tokens = day.kept_tokens.values()
    called = [token for token in tokens if token.called_at]
    completed = [token for token in tokens if token.completed_at]
    assert day.status["currentTokenNo"] == max(called, key=lambda one: one.called_at).number  # type: ignore[arg-type, return-value]
    last = max(one.completed_at for one in completed if one.completed_at)
    assert day.status["lastServedTokenNumber"] in [
        one.number for one in completed if one.completed_at == last
    ]
    assert day.status["waitingCount"] == 0
    assert day.status["isActive"] is True


def test_the_version_has_grown_by_one_with_each_change(day: Record) -> None:
    actions = Counter(one.action for done in day.staff_moves.values() for one in done)
    calls = {token.called_at for token in day.kept_tokens.values() if token.called_at}
    # Completed by the next call: at its instant, and in one change with it.
    with_a_call = sum(token.completed_at in calls for token in day.kept_tokens.values())
    cancelled = sum(token["status"] == "CANCELLED" for token in day.tokens)
    changes = len(day.tokens) + cancelled + actions.total() - with_a_call
    assert day.status["version"] == 1 + changes


def test_everything_that_staff_did_is_recorded(day: Record) -> None:
    done = Counter(
        (one.staff_id, one.action, token_id)
        for token_id, moves in day.staff_moves.items()
        for one in moves
    )
    acknowledged = Counter(
        (desk.person.id, *action) for desk in day.desks for action in desk.acknowledged
    )
    assert set(done.values()) == {1}
    assert acknowledged <= done
    if not any(desk.lost_answers for desk in day.desks):
        assert acknowledged == done
    assert {action for _, action, _ in acknowledged} == set(TOLD)


def test_every_picture_arrives_once_and_can_be_fetched(day: Record) -> None:
    assert len(set(day.picture_urls)) == day.pictures_given == 4
    sizes = []
    for content in day.pictures:
        assert content is not None
        with Image.open(BytesIO(content)) as image:
            assert image.format == "JPEG"
            sizes.append(image.size)
    assert sizes == [(64, 64), (1024, 768), (300, 200), (200, 300)]
    assert day.stored_pictures in (None, day.pictures_given)


def test_text_is_not_taken_for_a_picture_whatever_its_name(day: Record) -> None:
    assert [error["path"] for error in day.refusal_of_text["errors"]] == ["images.0"]


def test_clients_were_connected_to_every_process(day: Record) -> None:
    assert sum(day.sockets_at.values()) == ASKING + len(day.desks)
    assert all(day.sockets_at.values())


def test_a_disabled_user_loses_every_socket_of_every_process_within_two_seconds(
    day: Record,
) -> None:
    assert day.closed_after_seconds < 2


def test_a_change_of_role_reaches_the_open_sockets_of_every_process_within_two_seconds(
    day: Record,
) -> None:
    assert [code for code, _ in day.role_changes] == ["forbidden", "queue_empty", "forbidden"]
    assert all(seconds < 2 for _, seconds in day.role_changes)


def test_everything_was_announced(day: Record) -> None:
    assert day.outbox_depth == 0
