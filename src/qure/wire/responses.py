"""What the outside sees of each thing, for HTTP and sockets alike.

Keys are camelCase, instants UTC with milliseconds and ``Z``, ids UUIDs. Fields may be added,
never renamed or removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

from qure.application.clinics.position_index import Nearest
from qure.application.ports.storage import FoundClinic, Page
from qure.domain.clinic import Clinic
from qure.domain.queue import Queue
from qure.domain.queue_status import QueueStatus
from qure.domain.session import Session
from qure.domain.token import Token
from qure.domain.user import User


def instant(at: datetime) -> str:
    """``2025-12-30T10:00:00.000Z``. ``at`` must be aware."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def optional_instant(at: datetime | None) -> str | None:
    """An instant, or null."""
    return None if at is None else instant(at)


def calendar_date(day: date) -> str:
    """A local date, written as the midnight of that date: ``2025-12-30T00:00:00.000Z``."""
    return f"{day.isoformat()}T00:00:00.000Z"


class _Body(msgspec.Struct, rename="camel"):
    """A JSON object that a client receives."""


class TokenBody(_Body):
    """A token."""

    id: UUID
    queue_id: UUID
    patient_id: UUID
    token_number: int
    status: str
    created_at: str
    called_at: str | None
    started_at: str | None
    completed_at: str | None
    skipped_at: str | None
    cancelled_at: str | None

    @classmethod
    def of(cls, token: Token) -> TokenBody:
        return cls(
            token.id,
            token.queue_id,
            token.patient_id,
            token.number,
            token.status.value,
            instant(token.created_at),
            optional_instant(token.called_at),
            optional_instant(token.started_at),
            optional_instant(token.completed_at),
            optional_instant(token.skipped_at),
            optional_instant(token.cancelled_at),
        )


class QueueBody(_Body):
    """A clinic's queue of one local day."""

    id: UUID
    clinic_id: UUID
    queue_date: str
    current_token_no: int
    max_queue_size: int
    start_time: str
    end_time: str
    is_active: bool
    created_at: str
    updated_at: str
    version: int

    @classmethod
    def of(cls, queue: Queue) -> QueueBody:
        return cls(
            queue.id,
            queue.clinic_id,
            calendar_date(queue.date),
            queue.now_serving,
            queue.max_size,
            instant(queue.start_time),
            instant(queue.end_time),
            queue.is_active,
            instant(queue.created_at),
            instant(queue.updated_at),
            queue.version,
        )


class StatusBody(_Body):
    """How a queue stands. Token numbers are 0 while no token was called or served."""

    queue_id: UUID
    clinic_id: UUID
    current_token_no: int
    waiting_count: int
    start_time: str
    end_time: str
    is_active: bool
    last_served_token_number: int
    version: int

    @classmethod
    def of(cls, status: QueueStatus) -> StatusBody:
        return cls(
            status.queue_id,
            status.clinic_id,
            status.now_serving,
            status.waiting_count,
            instant(status.start_time),
            instant(status.end_time),
            status.is_active,
            status.last_served_number,
            status.version,
        )


class UserBody(_Body):
    """A user, as they see themselves."""

    id: UUID
    email: str
    first_name: str
    last_name: str
    role: str
    clinic_id: UUID | None
    profile_picture: str

    @classmethod
    def of(cls, user: User) -> UserBody:
        return cls(*_seen(user))


class ProfileBody(UserBody):
    """A user, and since when they are one."""

    created_at: str

    @classmethod
    def of(cls, user: User) -> ProfileBody:
        return cls(*_seen(user), instant(user.created_at))


class ManagedUserBody(ProfileBody):
    """A user, as an admin sees them."""

    is_active: bool

    @classmethod
    def of(cls, user: User) -> ManagedUserBody:
        return cls(*_seen(user), instant(user.created_at), user.is_active)


def _seen(user: User) -> tuple[UUID, str, str, str, str, UUID | None, str]:
    """The fields of ``UserBody``, in their order."""
    return (
        user.id,
        user.email,
        user.first_name,
        user.last_name,
        user.role.value,
        user.clinic_id,
        user.profile_picture,
    )


class StaffBody(_Body):
    """A staff member of a clinic."""

    id: UUID
    first_name: str
    last_name: str
    email: str
    role: str
    profile_picture: str
    created_at: str

    @classmethod
    def of(cls, user: User) -> StaffBody:
        return cls(
            user.id,
            user.first_name,
            user.last_name,
            user.email,
            user.role.value,
            user.profile_picture,
            instant(user.created_at),
        )


class SessionBody(_Body):
    """A live login; ``current`` marks the one that asked."""

    id: UUID
    user_agent: str | None
    ip_address: str | None
    created_at: str
    expires_at: str
    current: bool

    @classmethod
    def of(cls, session: Session, *, current: UUID | None) -> SessionBody:
        return cls(
            session.id,
            session.user_agent,
            session.ip_address,
            instant(session.created_at),
            instant(session.expires_at),
            session.id == current,
        )


class LoginBody(_Body):
    """A fresh login."""

    user: UserBody
    access_token: str
    refresh_token: str


class RefreshBody(_Body):
    """The next pair of a login; the refresh token that was given is spent."""

    access_token: str
    refresh_token: str


class OpeningHoursBody(_Body):
    """On the clinic's wall clock, ``HH:MM``."""

    start: str
    end: str


class ClinicBody(_Body):
    """A clinic."""

    id: UUID
    name: str
    address: str | None
    latitude: float
    longitude: float
    phone: str | None
    email: str | None
    website: str | None
    description: str | None
    logo: str | None
    images: tuple[str, ...]
    is_active: bool
    type: str
    opening_hours: OpeningHoursBody
    timezone: str
    max_queue_size: int
    auto_open_queue: bool
    created_at: str
    updated_at: str
    distance_km: float | msgspec.UnsetType = msgspec.field(
        default=msgspec.UNSET, name="distance_km"
    )

    @classmethod
    def of(cls, clinic: Clinic, *, distance_km: float | None = None) -> ClinicBody:
        hours = clinic.opening_hours
        return cls(
            clinic.id,
            clinic.name,
            clinic.address,
            clinic.latitude,
            clinic.longitude,
            clinic.phone,
            clinic.email,
            clinic.website,
            clinic.description,
            clinic.logo,
            tuple(image.url for image in clinic.images),
            clinic.is_active,
            clinic.type.value,
            OpeningHoursBody(f"{hours.start:%H:%M}", f"{hours.end:%H:%M}"),
            clinic.timezone,
            clinic.service.max_queue_size,
            clinic.service.auto_open_queue,
            instant(clinic.created_at),
            instant(clinic.updated_at),
            msgspec.UNSET if distance_km is None else distance_km,
        )


class PaginationBody(_Body):
    """Where in a listing a page is."""

    page: int
    limit: int
    total_count: int
    total_pages: int
    has_next_page: bool
    has_prev_page: bool

    @classmethod
    def of(cls, page: Page, total: int) -> PaginationBody:
        pages = -(-total // page.size)
        return cls(page.number, page.size, total, pages, page.number < pages, page.number > 1)


class ClinicListBody(_Body):
    """A page of clinics."""

    clinics: tuple[ClinicBody, ...]
    pagination: PaginationBody

    @classmethod
    def of(cls, found: Sequence[FoundClinic], page: Page, total: int) -> ClinicListBody:
        return cls(
            tuple(ClinicBody.of(one.clinic, distance_km=one.distance_km) for one in found),
            PaginationBody.of(page, total),
        )


class UserListBody(_Body):
    """A page of users."""

    users: tuple[ManagedUserBody, ...]
    pagination: PaginationBody

    @classmethod
    def of(cls, users: Sequence[User], page: Page, total: int) -> UserListBody:
        return cls(
            tuple(ManagedUserBody.of(user) for user in users), PaginationBody.of(page, total)
        )


encoder = msgspec.json.Encoder()


def encode(body: Any) -> bytes:
    """Any of the bodies above as JSON."""
    return encoder.encode(body)


def clinic_stem(clinic: Clinic) -> bytes:
    """A clinic as JSON up to its closing brace, so that a distance can follow."""
    return encoder.encode(ClinicBody.of(clinic))[:-1]


def nearest_clinics(found: Nearest, page: Page) -> bytes:
    """A ``ClinicListBody`` of stems, as JSON."""
    return b'{"clinics":[%b],"pagination":%b}' % (
        b",".join(
            [b'%b,"distance_km":%b}' % (stem, encoder.encode(km)) for stem, km in found.shown]
        ),
        encoder.encode(PaginationBody.of(page, found.total)),
    )
