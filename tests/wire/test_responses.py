"""Every body, key by key, as the mobile app knows it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest

from qure.application.ports.storage import FoundClinic, Page
from qure.domain.clinic import ClinicImage, ClinicType, Language, OpeningHours
from qure.domain.ids import ClinicId, ImageId, UserId
from qure.domain.token import TokenStatus
from qure.wire.body import calendar_date, encode, instant, optional_instant
from qure.wire.queues import QueueBody, StatusBody
from qure.wire.responses import (
    ClinicBody,
    ClinicListBody,
    LoginBody,
    ManagedUserBody,
    PaginationBody,
    ProfileBody,
    RefreshBody,
    SessionBody,
    StaffBody,
    UserBody,
    UserListBody,
)
from qure.wire.tokens import TokenBody
from tests.support.builders import (
    NOW,
    build_clinic,
    build_queue,
    build_session,
    build_staff,
    build_token,
    build_user,
    new_id,
)

NOW_TEXT = "2025-12-30T15:00:00.000Z"


def shown(body: object) -> Any:
    return json.loads(encode(body))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOW, NOW_TEXT),
        (datetime(2025, 1, 2, 3, 4, 5, 6000, tzinfo=UTC), "2025-01-02T03:04:05.006Z"),
        (datetime(2025, 1, 2, 3, 4, 5, 999999, tzinfo=UTC), "2025-01-02T03:04:05.999Z"),
        (
            datetime(2025, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=13))),
            "2024-12-31T12:30:00.000Z",
        ),
    ],
)
def test_an_instant_is_utc_with_milliseconds(at: datetime, text: str) -> None:
    assert instant(at) == text
    assert optional_instant(at) == text


def test_no_instant_is_null() -> None:
    assert optional_instant(None) is None


def test_a_calendar_date_is_written_as_its_midnight() -> None:
    assert calendar_date(date(2025, 12, 30)) == "2025-12-30T00:00:00.000Z"


def test_a_token() -> None:
    token = build_token(
        number=7,
        status=TokenStatus.COMPLETED,
        called_at=NOW + timedelta(minutes=1),
        started_at=NOW + timedelta(minutes=2),
        completed_at=NOW + timedelta(minutes=3),
        assigned_to=UserId(new_id()),
    )
    assert shown(TokenBody.of(token)) == {
        "id": str(token.id),
        "queueId": str(token.queue_id),
        "patientId": str(token.patient_id),
        "tokenNumber": 7,
        "status": "COMPLETED",
        "createdAt": NOW_TEXT,
        "calledAt": "2025-12-30T15:01:00.000Z",
        "startedAt": "2025-12-30T15:02:00.000Z",
        "completedAt": "2025-12-30T15:03:00.000Z",
        "skippedAt": None,
        "cancelledAt": None,
        "label": "7",
        "serviceId": str(token.service_id),
        "priority": "NORMAL",
        "onHold": False,
        "desk": None,
        "recallCount": 0,
        "lastCalledAt": None,
        "skipReason": None,
        "cancelReason": None,
        "rejoinUntil": None,
        "postponesLeft": 3,
        "transferredFrom": None,
        "transferredTo": None,
        "guest": False,
        "version": 1,
    }


def test_a_token_that_was_skipped_or_cancelled_says_when() -> None:
    at = NOW + timedelta(minutes=1)
    assert shown(TokenBody.of(build_token(skipped_at=at)))["skippedAt"] == instant(at)
    assert shown(TokenBody.of(build_token(cancelled_at=at)))["cancelledAt"] == instant(at)


def test_a_queue() -> None:
    queue = build_queue(
        now_serving=3, max_size=40, version=9, updated_at=NOW + timedelta(minutes=1)
    )
    assert shown(QueueBody.of(queue)) == {
        "id": str(queue.id),
        "clinicId": str(queue.clinic_id),
        "queueDate": "2025-12-30T00:00:00.000Z",
        "currentTokenNo": 3,
        "maxQueueSize": 40,
        "startTime": "2025-12-30T14:00:00.000Z",
        "endTime": "2025-12-30T22:00:00.000Z",
        "isActive": True,
        "createdAt": NOW_TEXT,
        "updatedAt": "2025-12-30T15:01:00.000Z",
        "version": 9,
        "serviceId": str(queue.service_id),
        "serviceName": "General",
        "prefix": "",
        "isClosed": False,
    }


def test_a_status() -> None:
    queue = build_queue(
        now_serving=3,
        waiting_count=4,
        last_issued_number=9,
        last_served_number=2,
        version=9,
        is_active=False,
    )
    assert shown(StatusBody.of(queue.status())) == {
        "queueId": str(queue.id),
        "clinicId": str(queue.clinic_id),
        "currentTokenNo": 3,
        "waitingCount": 4,
        "startTime": "2025-12-30T14:00:00.000Z",
        "endTime": "2025-12-30T22:00:00.000Z",
        "isActive": False,
        "lastServedTokenNumber": 2,
        "version": 9,
        "serviceId": str(queue.service_id),
        "serviceName": "General",
        "prefix": "",
        "openDesks": 0,
        "onHoldCount": 0,
        "next": [],
        "calls": [],
        "notice": None,
        "isClosed": False,
    }


def test_a_user_as_they_and_others_see_them() -> None:
    clinic_id = ClinicId(new_id())
    user = build_staff(clinic_id, is_active=False)
    own = {
        "id": str(user.id),
        "email": user.email,
        "firstName": "Ada",
        "lastName": "Lovelace",
        "role": "STAFF",
        "clinicId": str(clinic_id),
        "profilePicture": user.profile_picture,
    }
    assert shown(UserBody.of(user)) == own | {"guest": False}
    assert shown(ProfileBody.of(user)) == own | {"guest": False, "createdAt": NOW_TEXT}
    assert shown(ManagedUserBody.of(user)) == own | {
        "guest": False,
        "createdAt": NOW_TEXT,
        "isActive": False,
    }
    own.pop("clinicId")
    assert shown(StaffBody.of(user)) == own | {"createdAt": NOW_TEXT}


def test_a_patient_has_no_clinic() -> None:
    assert shown(UserBody.of(build_user()))["clinicId"] is None


def test_no_body_of_a_user_shows_the_password_hash() -> None:
    user = build_user(password_hash="$2b$10$secret")
    for body in (UserBody, ProfileBody, ManagedUserBody, StaffBody):
        assert b"secret" not in encode(body.of(user))


def test_a_session_says_whether_it_is_the_one_that_asks() -> None:
    session, other = build_session(UserId(new_id())), build_session(UserId(new_id()))
    assert shown(SessionBody.of(session, current=session.id)) == {
        "id": str(session.id),
        "userAgent": "Qure/1.0 (Android)",
        "ipAddress": "203.0.113.7",
        "createdAt": NOW_TEXT,
        "expiresAt": "2026-01-06T15:00:00.000Z",
        "current": True,
    }
    assert shown(SessionBody.of(session, current=other.id))["current"] is False


def test_a_login_and_a_refresh() -> None:
    user = build_user()
    assert shown(LoginBody(UserBody.of(user), "jwt", "secret")) == {
        "user": shown(UserBody.of(user)),
        "accessToken": "jwt",
        "refreshToken": "secret",
    }
    assert shown(RefreshBody("jwt", None, UserBody.of(user))) == {
        "accessToken": "jwt",
        "refreshToken": None,
        "user": shown(UserBody.of(user)),
    }


def test_a_clinic() -> None:
    clinic = build_clinic(
        name="Harbour Clinic",
        address="1 Pier",
        phone="0123456789",
        email="desk@example.org",
        website="https://example.org",
        description="By the sea.",
        logo="https://media.example.org/logo.jpg",
        images=(
            ClinicImage(ImageId(new_id()), 0, "https://media.example.org/0.jpg"),
            ClinicImage(ImageId(new_id()), 1, "https://media.example.org/1.jpg"),
        ),
        type=ClinicType.ENT,
        opening_hours=OpeningHours(time(8, 5), time(17, 30)),
        max_queue_size=20,
        auto_open_queue=True,
        next_opening_at=NOW,
        languages=(Language.ARABIC, Language.ENGLISH),
        no_show_minutes=5,
        refuse_below=0.25,
        guest_join=True,
    )
    body = {
        "id": str(clinic.id),
        "name": "Harbour Clinic",
        "address": "1 Pier",
        "latitude": 40.7128,
        "longitude": -74.006,
        "phone": "0123456789",
        "email": "desk@example.org",
        "website": "https://example.org",
        "description": "By the sea.",
        "logo": "https://media.example.org/logo.jpg",
        "images": ["https://media.example.org/0.jpg", "https://media.example.org/1.jpg"],
        "isActive": True,
        "type": "ENT",
        "openingHours": {"start": "08:05", "end": "17:30"},
        "timezone": "America/New_York",
        "languages": ["ar", "en"],
        "maxQueueSize": 20,
        "autoOpenQueue": True,
        "createdAt": NOW_TEXT,
        "updatedAt": NOW_TEXT,
        "noShowMinutes": 5,
        "rejoinMinutes": 30,
        "maxRejoins": 2,
        "rejoinAfter": 2,
        "refuseBelow": 0.25,
        "guestJoin": True,
    }
    assert shown(ClinicBody.of(clinic)) == body
    assert shown(ClinicBody.of(clinic, join_code="abc")) == body | {"joinCode": "abc"}
    assert shown(ClinicBody.of(clinic, join_code=None)) == body | {"joinCode": None}
    assert shown(ClinicBody.of(clinic, distance_km=0.0)) == body | {"distance_km": 0.0}


def test_what_a_clinic_has_not_said_is_null() -> None:
    body = shown(ClinicBody.of(build_clinic()))
    unsaid = ("address", "phone", "email", "website", "description", "logo")
    assert [body[key] for key in unsaid] == [None] * 6
    assert body["images"] == []


@pytest.mark.parametrize(
    ("page", "total", "pages", "has_next", "has_prev"),
    [
        (Page(1, 10), 0, 0, False, False),
        (Page(1, 10), 1, 1, False, False),
        (Page(1, 10), 10, 1, False, False),
        (Page(1, 10), 11, 2, True, False),
        (Page(2, 10), 11, 2, False, True),
        (Page(2, 10), 21, 3, True, True),
        (Page(9, 10), 21, 3, False, True),
    ],
)
def test_a_page_knows_its_place(
    page: Page, total: int, pages: int, has_next: bool, has_prev: bool
) -> None:
    assert shown(PaginationBody.of(page, total)) == {
        "page": page.number,
        "limit": page.size,
        "totalCount": total,
        "totalPages": pages,
        "hasNextPage": has_next,
        "hasPrevPage": has_prev,
    }


def test_a_list_of_clinics_shows_distances_where_they_were_asked_for() -> None:
    near, far = build_clinic(), build_clinic()
    body = ClinicListBody.of([FoundClinic(near, 1.5), FoundClinic(far, None)], Page(), 2)
    listed = shown(body)
    assert [clinic.get("distance_km") for clinic in listed["clinics"]] == [1.5, None]
    assert "distance_km" not in listed["clinics"][1]
    assert listed["pagination"] == shown(PaginationBody.of(Page(), 2))


def test_a_list_of_users() -> None:
    users = [build_user(), build_user()]
    assert shown(UserListBody.of(users, Page(), 2)) == {
        "users": [shown(ManagedUserBody.of(user)) for user in users],
        "pagination": shown(PaginationBody.of(Page(), 2)),
    }


def test_text_travels_as_it_is() -> None:
    body = shown(UserBody.of(build_user(first_name="Zoë \u2028 \x00 𝒵", last_name='"\\')))
    assert (body["firstName"], body["lastName"]) == ("Zoë \u2028 \x00 𝒵", '"\\')
    assert encode({"a": 1}) == b'{"a":1}'
