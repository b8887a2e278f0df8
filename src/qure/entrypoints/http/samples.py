"""Samples of what clients receive, for the documentation. Made of the real bodies."""

from types import MappingProxyType
from typing import Any, get_args, get_origin
from uuid import UUID

from msgspec import UNSET, structs

from qure.wire import responses as r

_AT = "2025-12-30T10:00:00.000Z"


def _id(number: int) -> UUID:
    return UUID(f"0193f3d0-0000-7000-8000-{number:012d}")


USER = r.UserBody(
    id=_id(1),
    email="maria@example.com",
    first_name="Maria",
    last_name="Curie",
    role="PATIENT",
    clinic_id=None,
    profile_picture="https://api.dicebear.com/9.x/initials/svg?seed=Maria%20Curie",
)
PROFILE = r.ProfileBody(**structs.asdict(USER), created_at=_AT)
MANAGED_USER = r.ManagedUserBody(**structs.asdict(PROFILE), is_active=True)
LOGIN = r.LoginBody(user=USER, access_token="eyJhbGciOiJSUzI1NiJ9...", refresh_token="0f" * 64)
REFRESH = r.RefreshBody(access_token=LOGIN.access_token, refresh_token="a5" * 64)
SESSION = r.SessionBody(
    id=_id(2),
    user_agent="Qure/2.1 (Android 15)",
    ip_address="203.0.113.7",
    created_at=_AT,
    expires_at="2026-01-06T10:00:00.000Z",
    current=True,
)
CLINIC = r.ClinicBody(
    id=_id(3),
    name="City Clinic",
    address="1 Main Street, New York",
    latitude=40.7,
    longitude=-74.0,
    phone="2125550123",
    email="desk@example.com",
    website="https://clinic.example.com",
    description=None,
    logo=None,
    images=(),
    is_active=True,
    type="GENERAL_PRACTICE",
    opening_hours=r.OpeningHoursBody(start="09:00", end="17:00"),
    timezone="America/New_York",
    max_queue_size=50,
    auto_open_queue=False,
    created_at=_AT,
    updated_at=_AT,
    distance_km=UNSET,
)
_ONE_PAGE = r.PaginationBody(
    page=1, limit=10, total_count=1, total_pages=1, has_next_page=False, has_prev_page=False
)
CLINICS = r.ClinicListBody(clinics=(CLINIC,), pagination=_ONE_PAGE)
USERS = r.UserListBody(users=(MANAGED_USER,), pagination=_ONE_PAGE)
STAFF = r.StaffBody(
    id=_id(4),
    first_name="Marie",
    last_name="Tharp",
    email="marie@example.com",
    role="STAFF",
    profile_picture="https://api.dicebear.com/9.x/initials/svg?seed=Marie%20Tharp",
    created_at=_AT,
)
QUEUE = r.QueueBody(
    id=_id(5),
    clinic_id=CLINIC.id,
    queue_date="2025-12-30T00:00:00.000Z",
    current_token_no=7,
    max_queue_size=50,
    start_time="2025-12-30T14:00:00.000Z",
    end_time="2025-12-30T22:00:00.000Z",
    is_active=True,
    created_at=_AT,
    updated_at=_AT,
    version=21,
)
STATUS = r.StatusBody(
    queue_id=QUEUE.id,
    clinic_id=CLINIC.id,
    current_token_no=7,
    waiting_count=5,
    start_time=QUEUE.start_time,
    end_time=QUEUE.end_time,
    is_active=True,
    last_served_token_number=6,
    version=21,
)


def token(status: str, **stamps: Any) -> r.TokenBody:
    """A token in that state."""
    none = dict.fromkeys(
        ("called_at", "started_at", "completed_at", "skipped_at", "cancelled_at"), None
    )
    return r.TokenBody(
        id=_id(6),
        queue_id=QUEUE.id,
        patient_id=USER.id,
        token_number=8,
        status=status,
        created_at=_AT,
        **{**none, **stamps},
    )


TOKEN = token("WAITING")
CALLED = token("CALLED", called_at=_AT)
STARTED = token("IN_PROGRESS", called_at=_AT, started_at=_AT)
COMPLETED = token("COMPLETED", called_at=_AT, started_at=_AT, completed_at=_AT)
SKIPPED = token("SKIPPED", called_at=_AT, skipped_at=_AT)
CANCELLED = token("CANCELLED", cancelled_at=_AT)

_BY_TYPE = MappingProxyType(
    {
        type(one): one
        for one in (
            *(USER, PROFILE, MANAGED_USER, USERS, LOGIN, REFRESH, SESSION),
            *(CLINIC, CLINICS, STAFF, QUEUE, STATUS, TOKEN),
        )
    }
)


def sample_of(kind: Any) -> Any:
    """A sample of a body's type, of a list of it, or of the first type of several."""
    if kind is None:
        return None
    if not get_args(kind):
        return _BY_TYPE[kind]
    first = sample_of(get_args(kind)[0])
    return [first] if get_origin(kind) is list else first
