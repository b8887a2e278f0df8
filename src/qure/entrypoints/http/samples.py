"""Samples of what clients receive, for the documentation. Made of the real bodies."""

from types import MappingProxyType
from typing import Any, get_args, get_origin
from uuid import UUID

from msgspec import UNSET, structs

from qure.application.accounts.displays import Started
from qure.entrypoints.http.samples_of_waits import ACCURACY, QUEUE_WAIT, WAIT, WHAT_IF
from qure.wire import queues as q
from qure.wire import responses as r
from qure.wire import tokens as t
from qure.wire import visitors as v

_AT = "2025-12-30T10:00:00.000Z"
_SECRET = "q83vEjRWeJCrze8SNFZ4kA"
_BASE = "https://qure.example.com"


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
    guest=False,
)
PROFILE = r.ProfileBody(**structs.asdict(USER), created_at=_AT)
MANAGED_USER = r.ManagedUserBody(**structs.asdict(PROFILE), is_active=True)
LOGIN = r.LoginBody(user=USER, access_token="eyJhbGciOiJSUzI1NiJ9...", refresh_token="0f" * 64)
REFRESH = r.RefreshBody(access_token=LOGIN.access_token, refresh_token="a5" * 64, user=USER)
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
    languages=("en", "es"),
    max_queue_size=50,
    auto_open_queue=False,
    no_show_minutes=None,
    rejoin_minutes=30,
    max_rejoins=2,
    rejoin_after=2,
    refuse_below=0.0,
    guest_join=True,
    created_at=_AT,
    updated_at=_AT,
    join_code=UNSET,
    distance_km=UNSET,
)
CLINIC_FOR_DESK = structs.replace(CLINIC, join_code=_SECRET)
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
SERVICE = q.ServiceBody(
    id=_id(8),
    clinic_id=CLINIC.id,
    name="Blood tests",
    prefix="B",
    expected_minutes=10,
    max_queue_size=50,
    auto_open_queue=False,
    is_default=False,
    is_active=True,
    position=1,
    created_at=_AT,
    updated_at=_AT,
)
DESK = q.DeskBody(
    id=_id(9),
    clinic_id=CLINIC.id,
    name="Room 2",
    is_active=True,
    state="OPEN",
    staff=q.SeatedBody(id=STAFF.id, first_name=STAFF.first_name),
    service_ids=(SERVICE.id,),
    since=_AT,
    paused_until=None,
)
PAUSED_DESK = structs.replace(DESK, state="PAUSED", paused_until="2025-12-30T10:30:00.000Z")
CLOSED_DESK = structs.replace(DESK, state="CLOSED", staff=None, service_ids=())
QUEUE = q.QueueBody(
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
    service_id=SERVICE.id,
    service_name=SERVICE.name,
    prefix=SERVICE.prefix,
    is_closed=False,
)
CLOSED_QUEUE = structs.replace(QUEUE, is_active=False, is_closed=True)
DESK_NAME = t.DeskNameBody(id=DESK.id, name=DESK.name)
STATUS = q.StatusBody(
    queue_id=QUEUE.id,
    clinic_id=CLINIC.id,
    current_token_no=7,
    waiting_count=2,
    start_time=QUEUE.start_time,
    end_time=QUEUE.end_time,
    is_active=True,
    last_served_token_number=6,
    version=21,
    service_id=SERVICE.id,
    service_name=SERVICE.name,
    prefix=SERVICE.prefix,
    open_desks=1,
    on_hold_count=1,
    next=("B008",),
    calls=[q.CallBody(label="B007", token_number=7, desk=DESK_NAME, called_at=_AT, recall_count=0)],
    notice=q.NoticeBody(
        kind="DELAY", minutes=15, until="2025-12-30T10:15:00.000Z", text=None, at=_AT
    ),
    is_closed=False,
)


def _token(status: str, **more: Any) -> dict[str, Any]:
    fields = dict.fromkeys(
        ("called_at", "last_called_at", "started_at", "completed_at", "skipped_at", "cancelled_at")
    )
    fields |= dict.fromkeys(("skip_reason", "cancel_reason", "rejoin_until", "desk"))
    if status not in ("WAITING", "CANCELLED"):
        fields |= {"called_at": _AT, "last_called_at": _AT, "desk": DESK_NAME}
    stamp = {"IN_PROGRESS": "started_at"}.get(status, f"{status.lower()}_at")
    return {
        **fields,
        **({stamp: _AT} if stamp in fields else {}),
        "id": _id(6),
        "queue_id": QUEUE.id,
        "patient_id": USER.id,
        "token_number": 8,
        "status": status,
        "created_at": _AT,
        "label": "B008",
        "service_id": SERVICE.id,
        "priority": "NORMAL",
        "on_hold": False,
        "recall_count": 0,
        "postpones_left": 3,
        "transferred_from": None,
        "transferred_to": None,
        "guest": False,
        "version": 2,
        **more,
    }


def staff_token(status: str, **more: Any) -> t.StaffTokenBody:
    """A token in that state, as staff see it."""
    return t.StaffTokenBody(**_token(status, **more), name="Maria Curie", phone=None, note=None)


TOKEN = t.TokenBody(**_token("WAITING"))
CANCELLED = t.TokenBody(**_token("CANCELLED", cancel_reason="PATIENT"))
STAFF_TOKEN = staff_token("WAITING")
QUEUE_OF_DAY = q.QueueOfDayBody(**structs.asdict(STATUS), wait=QUEUE_WAIT)
TRANSFERRED = staff_token("COMPLETED", transferred_to=_id(10))
BOARD = q.BoardBody(
    queue=QUEUE,
    status=STATUS,
    version=QUEUE.version,
    tokens=[t.BoardTokenBody(**structs.asdict(STAFF_TOKEN), ahead=0, wait=WAIT)],
)
UNDONE = t.UndoneBody(tokens=[STAFF_TOKEN])
PLACE = t.PlaceBody(token_id=TOKEN.id, queue_id=QUEUE.id, ahead=4, wait=WAIT, version=21)
ENTRY = t.HistoryEntryBody(
    at=_AT,
    action="CALL",
    from_="WAITING",
    to="CALLED",
    by=t.ActorBody(id=STAFF.id, name="Marie Tharp", role="STAFF"),
    desk=DESK_NAME,
    reason=None,
)
GUEST = v.GuestBody.of(_SECRET, base=_BASE)
WALK_IN = v.WalkInBody(token=structs.replace(STAFF_TOKEN, guest=True), guest=GUEST)
JOINED = v.JoinedBody(token=structs.replace(TOKEN, guest=True), guest=GUEST)
GUEST_SESSION = v.GuestSessionBody(
    user=structs.replace(
        USER,
        email=None,
        first_name="Maria",
        last_name="",
        profile_picture="https://api.dicebear.com/9.x/initials/svg?seed=Maria",
        guest=True,
    ),
    access_token=LOGIN.access_token,
    expires_at="2025-12-30T10:15:00.000Z",
)
DOOR = v.DoorBody(
    clinic_id=CLINIC.id,
    name=CLINIC.name,
    address=CLINIC.address,
    logo=None,
    opening_hours=CLINIC.opening_hours,
    timezone=CLINIC.timezone,
    languages=CLINIC.languages,
    services=[
        v.DoorServiceBody(
            id=SERVICE.id, name=SERVICE.name, prefix=SERVICE.prefix, status=STATUS, wait=QUEUE_WAIT
        )
    ],
)
JOIN_CODE = v.JoinCodeBody.of(_SECRET, base=_BASE)
RENEWED_JOIN_CODE = v.RenewedJoinCodeBody.shown_with(CLINIC_FOR_DESK, base=_BASE)
PAIRING = v.PairingBody.of(Started(_SECRET, "BDWPHQPK"), base=_BASE)
DISPLAY = v.DisplayBody(
    id=_id(11),
    clinic_id=CLINIC.id,
    name="Waiting room",
    service_ids=None,
    created_at=_AT,
)
DISPLAY_GRANT = v.DisplayGrantBody(
    access_token=LOGIN.access_token, refresh_token=LOGIN.refresh_token, display=DISPLAY
)

_BY_TYPE = MappingProxyType(
    {
        type(one): one
        for one in (
            *(USER, PROFILE, MANAGED_USER, USERS, LOGIN, REFRESH, SESSION),
            *(CLINIC, CLINICS, STAFF, SERVICE, DESK, QUEUE, STATUS, BOARD),
            *(TOKEN, STAFF_TOKEN, UNDONE, PLACE, ENTRY),
            *(QUEUE_WAIT, WHAT_IF, ACCURACY, QUEUE_OF_DAY),
            *(WALK_IN, JOINED, GUEST_SESSION, DOOR, JOIN_CODE, RENEWED_JOIN_CODE),
            *(PAIRING, DISPLAY, DISPLAY_GRANT),
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
