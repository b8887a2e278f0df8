"""Small builders for tests: valid things with short defaults, time and chance under control.

Every builder takes any field of what it builds as a keyword; what is left out is valid, and
different where it must be unique.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from string import ascii_uppercase
from typing import Any
from uuid import UUID

from qure.application.ports.journal import JournalEntry
from qure.application.ports.lines import KeptAnswer
from qure.domain.actor import SYSTEM, Actor, Role
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.display import PAIRING_LIFE, Display, DisplayPairing
from qure.domain.events import DeskState, Event
from qure.domain.guest import GuestLink
from qure.domain.ids import (
    ClinicId,
    DeskId,
    DisplayId,
    EntryId,
    ImageId,
    QueueId,
    ServiceId,
    SessionId,
    TokenId,
    UserId,
)
from qure.domain.image import ImagePurpose, StagedImage
from qure.domain.queue import Queue
from qure.domain.queue_status import QueueStatus
from qure.domain.service import DEFAULT_NAME, Service
from qure.domain.session import REFRESH_LIFE, RefreshSecret, Session
from qure.domain.token import PLACE_STEP, Token, TokenStatus, label_of
from qure.domain.user import User
from qure.domain.waiting.promise import Promise
from qure.domain.waiting.wait import Basis

NOW = datetime(2025, 12, 30, 15, 0, tzinfo=UTC)
"""A Tuesday, ten in the morning in New York."""

TODAY = date(2025, 12, 30)
"""The date of `NOW` on the default clinic's calendar."""

_numbers = count(1)


class FixedClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        """It is that instant now."""
        self._now = now

    def advance(
        self,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        milliseconds: float = 0,
    ) -> datetime:
        """Move on (negative: back) and return the new instant."""
        self._now += timedelta(
            days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds
        )
        return self._now


class SequentialIds:
    """Ids and secrets that come in order and are the same in every run."""

    def __init__(self, start: int = 1) -> None:
        self._ids = count(start)
        self._secrets = count(start)

    def new_id(self) -> UUID:
        return sequential_id(next(self._ids), series=1)

    def new_secret(self) -> str:
        return f"{next(self._secrets):032x}" * 4  # Some take only the first digits of it.


def sequential_id(number: int, *, series: int = 0) -> UUID:
    """A well-formed UUIDv7 of the instant `NOW`; greater numbers sort later within a series."""
    milliseconds = int(NOW.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | series << 48 | number)


def new_id() -> UUID:
    """An id that no other call in this process has returned."""
    return sequential_id(next(_numbers))


def build_user(**fields: Any) -> User:
    """A patient who may log in; STAFF and ADMIN by `role` (and `clinic_id`)."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "id": UserId(new_id()),
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": f"user{number}@example.org",
        "password_hash": "hash",
        "role": Role.PATIENT,
        "clinic_id": None,
        "profile_picture": "https://example.org/ada.jpg",
        "is_active": True,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return User(**(defaults | fields))


def build_admin(**fields: Any) -> User:
    """An admin."""
    return build_user(**({"role": Role.ADMIN} | fields))


def build_staff(clinic_id: ClinicId, **fields: Any) -> User:
    """A staff member of that clinic."""
    return build_user(**({"role": Role.STAFF, "clinic_id": clinic_id} | fields))


def build_guest(**fields: Any) -> User:
    """A patient without a login."""
    without_login = {"last_name": "", "email": None, "password_hash": None, "guest": True}
    return build_user(**(without_login | fields))


def build_clinic(**fields: Any) -> Clinic:
    """An active clinic in New York; fields of its default service are taken too."""
    number = next(_numbers)
    service = {name: fields.pop(name) for name in _SERVICE_FIELDS if name in fields}
    fields.setdefault("id", ClinicId(new_id()))
    general = {"name": DEFAULT_NAME, "prefix": "", "is_default": True, "position": 0}
    fields.setdefault("service", build_service(fields["id"], **(general | service)))
    defaults: dict[str, Any] = {
        "name": f"Clinic {number}",
        "latitude": 40.7128,
        "longitude": -74.006,
        "timezone": "America/New_York",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Clinic(**(defaults | fields))


_SERVICE_FIELDS = (
    "prefix",
    "expected_minutes",
    "max_queue_size",
    "auto_open_queue",
    "next_opening_at",
)


def build_service(clinic_id: ClinicId | None = None, **fields: Any) -> Service:
    """A service beside the default one, with a name and a prefix of its own."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "id": ServiceId(new_id()),
        "clinic_id": clinic_id or ClinicId(new_id()),
        "name": f"Service {number}",
        "prefix": ascii_uppercase[number % 26] + f"{number // 26 % 100:02}",
        "is_default": False,
        "position": number,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Service(**(defaults | fields))


def build_desk(clinic_id: ClinicId | None = None, staff: User | None = None, **fields: Any) -> Desk:
    """A desk at which nobody sits, or that person does."""
    defaults: dict[str, Any] = {
        "id": DeskId(new_id()),
        "clinic_id": clinic_id or ClinicId(new_id()),
        "name": f"Desk {next(_numbers)}",
        "since": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }
    if staff is not None:
        defaults |= {
            "state": DeskState.OPEN,
            "staff_id": staff.id,
            "staff_name": staff.first_name,
            "closes_at": NOW + timedelta(hours=14),
        }
    return Desk(**(defaults | fields))


def build_display(clinic_id: ClinicId | None = None, **fields: Any) -> Display:
    """A device that shows all queues of that clinic; see ``build_display_user``."""
    defaults: dict[str, Any] = {
        "id": DisplayId(new_id()),
        "clinic_id": clinic_id or ClinicId(new_id()),
        "name": f"Display {next(_numbers)}",
        "service_ids": None,
        "created_at": NOW,
        "created_by": UserId(new_id()),
    }
    return Display(**(defaults | fields))


def build_display_user(display: Display) -> User:
    """The user that a display acts as."""
    return User.without_login(
        id=UserId(display.id),
        name=display.name,
        at=display.created_at,
        display_of=display.clinic_id,
    )


def build_pairing(**fields: Any) -> DisplayPairing:
    """A device that asks to be let in."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "digest": f"{number:064x}",
        "user_code": f"{number:08}".translate(_AS_CODE),
        "created_at": NOW,
        "expires_at": NOW + PAIRING_LIFE,
    }
    return DisplayPairing(**(defaults | fields))


_AS_CODE = str.maketrans("0123456789", "BCDFGHJKLM")


def build_guest_link(user_id: UserId, **fields: Any) -> GuestLink:
    """A guest's link, which has not been used yet."""
    defaults: dict[str, Any] = {
        "user_id": user_id,
        "digest": f"{next(_numbers):064x}",
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=15),
    }
    return GuestLink(**(defaults | fields))


def build_kept_answer(**fields: Any) -> KeptAnswer:
    """What came of a request that may be asked again."""
    defaults: dict[str, Any] = {
        "scope": str(new_id()),
        "key": f"key-{next(_numbers)}",
        "asked": "a digest",
        "tokens": (build_token(),),
        "created_at": NOW,
    }
    return KeptAnswer(**(defaults | fields))


def build_actor(user: User | UserId | None = None, **fields: Any) -> Actor:
    """That user acting, or a patient with that id, or one of their own."""
    if isinstance(user, User):
        defaults: dict[str, Any] = {
            "kind": user.kind,
            "id": user.id,
            "role": user.role,
            "clinic_id": user.clinic_id,
        }
    else:
        defaults = {"id": user or UserId(new_id()), "role": Role.PATIENT}
    return Actor(**({"session_id": SessionId(new_id())} | defaults | fields))


def build_queue(
    clinic: Clinic | None = None, *, service: Service | None = None, **fields: Any
) -> Queue:
    """The queue of a clinic's default service, or of that one, of the day of `NOW`.

    As opened, with no events left to record.
    """
    clinic = clinic or build_clinic()
    at = fields.pop("at", NOW)
    queue = Queue.open(
        clinic,
        service or clinic.service,
        id=QueueId(new_id()),
        max_size=None,
        at=at,
        by=SYSTEM,
    )
    return replace(queue, **({"events": []} | fields))


def build_token(queue: Queue | None = None, **fields: Any) -> Token:
    """A WAITING token of its own patient; number 1 unless said."""
    defaults: dict[str, Any] = {
        "id": TokenId(new_id()),
        "queue_id": queue.id if queue else QueueId(new_id()),
        "service_id": queue.service_id if queue else ServiceId(new_id()),
        "patient_id": UserId(new_id()),
        "number": 1,
        "status": TokenStatus.WAITING,
        "created_at": NOW,
    }
    given = defaults | fields
    number = given["number"]
    of_number = {
        "label": label_of(queue.prefix if queue else "", number),
        "place": number * PLACE_STEP,
    }
    return Token(**(of_number | given))


def build_promise(token: Token, **fields: Any) -> Promise:
    """What was told of that token: called in 20 minutes, give or take ten, or five for leaving."""
    defaults: dict[str, Any] = {
        "token_id": token.id,
        "clinic_id": ClinicId(new_id()),
        "service_id": token.service_id,
        "queue_id": token.queue_id,
        "ahead": 3,
        "as_of": NOW,
        "leave_by": NOW + timedelta(minutes=5),
        "low": NOW + timedelta(minutes=10),
        "likely": NOW + timedelta(minutes=20),
        "high": NOW + timedelta(minutes=30),
        "basis": Basis.LIVE,
        "version": 1,
    }
    return Promise(**(defaults | fields))


def build_session(user_id: UserId, **fields: Any) -> Session:
    """A live login."""
    defaults: dict[str, Any] = {
        "id": SessionId(new_id()),
        "user_id": user_id,
        "user_agent": "Qure/1.0 (Android)",
        "ip_address": "203.0.113.7",
        "created_at": NOW,
        "expires_at": NOW + REFRESH_LIFE,
    }
    return Session(**(defaults | fields))


def build_secret(session: Session, **fields: Any) -> RefreshSecret:
    """An unspent refresh secret of that session."""
    defaults: dict[str, Any] = {
        "digest": f"{next(_numbers):064x}",
        "session_id": session.id,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
    }
    return RefreshSecret(**(defaults | fields))


def build_staged_image(owner_id: UUID | None = None, **fields: Any) -> StagedImage:
    """A profile picture that waits for its job."""
    defaults: dict[str, Any] = {
        "id": ImageId(new_id()),
        "purpose": ImagePurpose.PROFILE_PICTURE,
        "owner_id": owner_id or new_id(),
        "batch": new_id(),
        "position": 0,
        "content": b"picture",
        "created_at": NOW,
    }
    return StagedImage(**(defaults | fields))


def build_status(**fields: Any) -> QueueStatus:
    """An active queue's status at version 1."""
    defaults: dict[str, Any] = {
        "queue_id": QueueId(new_id()),
        "clinic_id": ClinicId(new_id()),
        "service_id": ServiceId(new_id()),
        "service_name": DEFAULT_NAME,
        "prefix": "",
        "now_serving": 0,
        "waiting_count": 0,
        "start_time": NOW - timedelta(hours=1),
        "end_time": NOW + timedelta(hours=7),
        "is_active": True,
        "last_served_number": 0,
        "version": 1,
    }
    return QueueStatus(**(defaults | fields))


def build_entry(*events: Event, created_at: datetime = NOW) -> JournalEntry:
    """What one transaction has to tell."""
    return JournalEntry(id=EntryId(new_id()), created_at=created_at, events=events)
