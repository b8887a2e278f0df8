"""What clients may send of a clinic's day: moves, services, desks, notices, guests, displays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from qure.application.queueing.moves import ReturnTo
from qure.application.queueing.once import Once
from qure.domain.errors import Invalid
from qure.domain.token import Priority, SkipReason
from qure.wire import clinic_requests as c
from qure.wire import move_requests as m
from qure.wire import visitor_requests as v
from qure.wire.day_fields import read_instant
from qure.wire.parsing import Fields, parse

ID = "0193f3d0-0000-7000-8000-000000000005"


def bad_paths(request: type[Fields], given: object) -> list[str]:
    with pytest.raises(Invalid) as caught:
        parse(request, given)
    assert all(error.message.endswith(".") for error in caught.value.errors)
    return [error.path for error in caught.value.errors]


# Moves


def test_a_move_needs_nothing() -> None:
    for request in (m.Move, m.CallToken, m.SkipToken, m.ReturnToken, m.CancelToken):
        assert parse(request, {}).once() == Once()


def test_a_move_is_known_with_its_key_and_the_version_that_is_expected() -> None:
    assert parse(m.Move, {"expectedVersion": 7}).once("key") == Once(key="key", version=7)


@pytest.mark.parametrize("version", [0, -1, 1.5, "1", True, 2**31])
def test_a_version_is_a_whole_number_of_at_least_one(version: object) -> None:
    assert bad_paths(m.Move, {"expectedVersion": version}) == ["expectedVersion"]


@pytest.mark.parametrize("key", ["k", "x" * 64, "0193f3d0-7c1a-7000", "!~", 'a"b'])
def test_a_key_is_visible_ascii(key: str) -> None:
    assert parse(m.KeyHeader, {"Idempotency-Key": key}).key == key


@pytest.mark.parametrize("key", ["", "x" * 65, "a b", "a\n", "a\x7f", "ä", " a"])
def test_a_key_is_nothing_else(key: str) -> None:
    assert bad_paths(m.KeyHeader, {"Idempotency-Key": key}) == ["Idempotency-Key"]


def test_a_reason_that_says_nothing_is_none() -> None:
    assert parse(m.CallToken, {"reason": "  "}).reason is None
    assert parse(m.CancelToken, {"reason": " went home "}).reason == "went home"


def test_a_skip_has_one_of_two_reasons_or_none() -> None:
    assert parse(m.SkipToken, {"reason": "NO_SHOW"}).reason is SkipReason.NO_SHOW
    assert parse(m.SkipToken, {}).reason is None
    assert bad_paths(m.SkipToken, {"reason": "no_show"}) == ["reason"]


def test_a_return_says_after_how_many_only_where_it_must() -> None:
    assert parse(m.ReturnToken, {}).to is ReturnTo.FIRST
    made = parse(m.ReturnToken, {"to": "AFTER", "after": 0})
    assert (made.to, made.after) == (ReturnTo.AFTER, 0)
    for given in (
        {"to": "AFTER"},
        {"to": "AFTER", "after": None},
        {"after": 1},
        {"to": "LAST", "after": 0},
    ):
        assert bad_paths(m.ReturnToken, given) == ["after"]


def test_a_postponement_says_how_many_pass() -> None:
    assert parse(m.PostponeToken, {"pass": 20}).passing == 20
    for given in ({}, {"pass": None}, {"pass": 0}, {"pass": 21}, {"passing": 1}):
        assert bad_paths(m.PostponeToken, given) == ["pass"]


def test_a_transfer_is_to_the_end_unless_it_says_otherwise() -> None:
    made = parse(m.TransferToken, {"serviceId": ID})
    assert (str(made.service_id), made.first, made.priority) == (ID, False, None)
    made = parse(m.TransferToken, {"serviceId": ID, "to": "FIRST", "priority": "URGENT"})
    assert (made.first, made.priority) == (True, Priority.URGENT)
    wrong = {"to": "AFTER", "priority": "urgent"}
    assert bad_paths(m.TransferToken, wrong) == ["serviceId", "to", "priority"]


# Services, desks, notices


def test_a_service_has_the_defaults_of_the_contract() -> None:
    made = parse(c.CreateService, {"name": " Blood tests "})
    assert (made.name, made.prefix, made.position) == ("Blood tests", None, None)
    assert (made.expected_minutes, made.max_queue_size, made.auto_open_queue) == (10, 50, False)


@pytest.mark.parametrize("prefix", ["", "A", "A1", "999", "XYZ"])
def test_a_prefix_is_at_most_three_capitals_and_digits(prefix: str) -> None:
    assert parse(c.CreateService, {"name": "x", "prefix": prefix}).prefix == prefix


@pytest.mark.parametrize("prefix", ["a", "ABCD", "Ä", "A ", "A\n", "٣", 1])
def test_a_prefix_is_nothing_else(prefix: object) -> None:
    assert bad_paths(c.CreateService, {"name": "x", "prefix": prefix}) == ["prefix"]
    assert bad_paths(c.UpdateService, {"prefix": prefix}) == ["prefix"]


@pytest.mark.parametrize(
    "path", ["name", "prefix", "expectedMinutes", "maxQueueSize", "autoOpenQueue", "isActive"]
)
def test_a_change_cannot_clear_what_a_service_must_have(path: str) -> None:
    assert bad_paths(c.UpdateService, {path: None}) == [path]


def test_a_list_of_services_is_of_1_to_50_ids_and_each_bad_one_is_named() -> None:
    made = parse(c.OpenDesk, {"serviceIds": [ID]})
    assert [str(one) for one in made.service_ids or ()] == [ID]
    assert parse(c.OpenDesk, {"serviceIds": None}).service_ids is None
    wrong: list[Any] = [[], [ID] * 51, ID, {}]
    for given in wrong:
        assert bad_paths(c.OpenDesk, {"serviceIds": given}) == ["serviceIds"]
    assert bad_paths(c.OpenDesk, {"serviceIds": [ID, ID, "x"]}) == ["serviceIds.2"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2025-12-30T10:00:00.000Z", datetime(2025, 12, 30, 10, tzinfo=UTC)),
        ("2025-12-30T10:00:00Z", datetime(2025, 12, 30, 10, tzinfo=UTC)),
        ("2025-12-30T10:00:00.123Z", datetime(2025, 12, 30, 10, 0, 0, 123000, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_it_is_written(text: str, at: datetime) -> None:
    assert read_instant(text) == at
    assert parse(c.PauseDesk, {"until": text}).ends_at == at


@pytest.mark.parametrize(
    "text",
    [
        "2025-12-30T10:00:00",
        "2025-12-30T10:00:00+00:00",
        "2025-12-30T10:00Z",
        "2025-12-30 10:00:00Z",
        "2025-12-30T10:00:00.1234567Z",
        "2025-02-30T10:00:00Z",
        "2025-12-30T24:00:00Z",
        "2025-12-30T10:00:60Z",
        "0000-12-30T10:00:00Z",
        "2025-12-30T10:00:00Z\n",
        "٢٠٢٥-12-30T10:00:00Z",
        "",
        "tomorrow",
        0,
    ],
)
def test_an_instant_is_nothing_else(text: object) -> None:
    assert bad_paths(c.PauseDesk, {"until": text}) == ["until"]
    assert bad_paths(c.GiveNotice, {"kind": "PAUSE", "until": text}) == ["until"]


def test_a_pause_may_have_no_end() -> None:
    assert parse(c.PauseDesk, {}).ends_at is None
    assert parse(c.GiveNotice, {"kind": "PAUSE"}).ends_at is None


def test_what_a_notice_needs_depends_on_its_kind() -> None:
    parse(c.GiveNotice, {"kind": "DELAY", "minutes": 480})
    parse(c.GiveNotice, {"kind": "PAUSE", "minutes": 1, "text": "lunch"})
    assert parse(c.GiveNotice, {"kind": "NOTE", "text": " hello "}).text == "hello"
    assert bad_paths(c.GiveNotice, {"kind": "DELAY", "text": "late"}) == ["minutes"]
    assert bad_paths(c.GiveNotice, {"kind": "NOTE", "text": " "}) == ["text"]
    assert bad_paths(c.GiveNotice, {"kind": "NOTE", "text": "x", "minutes": 1}) == ["minutes"]


# People without the app, and displays


def test_nothing_need_be_known_of_who_comes_in() -> None:
    noted = parse(v.AdmitWalkIn, {"name": "", "phone": "  ", "note": "\n"})
    assert (noted.name, noted.phone, noted.note) == (None, None, None)
    assert noted.priority is Priority.NORMAL
    joins = parse(v.Join, {})
    assert (joins.service_id, joins.name) == (None, None)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", "x" * 60, "x" * 61),
        ("name", "Ζωή", "a\tb"),
        ("phone", "+49 (30) 123-45", "+49/30"),
        ("phone", "1" * 32, "1" * 33),
        ("note", "two\nlines", "nul\x00"),
        ("note", "x" * 500, "x" * 501),
    ],
)
def test_what_is_noted_of_a_walk_in_is_bounded(field: str, good: str, bad: str) -> None:
    assert getattr(parse(v.AdmitWalkIn, {field: good}), field) == good
    assert bad_paths(v.AdmitWalkIn, {field: bad}) == [field]


@pytest.mark.parametrize(
    ("request_", "field", "most"),
    [
        (v.OpenGuestLink, "secret", 64),
        (v.PollDisplay, "deviceCode", 64),
    ],
)
def test_secrets_are_bounded_text(request_: type[Fields], field: str, most: int) -> None:
    parse(request_, {field: "x" * most})
    for value in ("x" * (most + 1), "", " ", "\ud800", None, 7):
        assert bad_paths(request_, {field: value}) == [field]


def test_a_display_is_named_and_shows_all_services_unless_some_are_named() -> None:
    given: dict[str, Any] = {"userCode": " bcdf-ghjk ", "name": "x" * 40}
    made = parse(v.LetDisplayIn, given)
    assert (made.user_code, made.service_ids) == ("bcdf-ghjk", None)
    wrong = {"userCode": "x" * 33, "name": "x" * 41, "serviceIds": []}
    assert bad_paths(v.LetDisplayIn, wrong) == ["userCode", "name", "serviceIds"]
