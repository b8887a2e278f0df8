"""What the outside sees of accounts and clinics, for HTTP and sockets alike."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from qure.application.clinics.position_index import Nearest
from qure.application.ports.storage import FoundClinic, Page
from qure.domain.clinic import Clinic, OpeningHours
from qure.domain.session import Session
from qure.domain.user import User
from qure.wire.body import Body, encoder, instant


class UserBody(Body):
    """A user, as they see themselves."""

    id: UUID
    email: str | None
    first_name: str
    last_name: str
    role: str
    clinic_id: UUID | None
    profile_picture: str
    guest: bool

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


def _seen(user: User) -> tuple[UUID, str | None, str, str, str, UUID | None, str, bool]:
    """The fields of ``UserBody``, in their order."""
    return (
        user.id,
        user.email,
        user.first_name,
        user.last_name,
        user.role.value,
        user.clinic_id,
        user.profile_picture,
        user.guest,
    )


class StaffBody(Body):
    """A staff member of a clinic."""

    id: UUID
    first_name: str
    last_name: str
    email: str | None
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


class SessionBody(Body):
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


class LoginBody(Body):
    """A fresh login; a page has its refresh token in a cookie."""

    user: UserBody
    access_token: str
    refresh_token: str | None


class RefreshBody(Body):
    """The next pair of a login, and whose it is; the refresh token that was given is spent."""

    access_token: str
    refresh_token: str | None
    user: UserBody


class OpeningHoursBody(Body):
    """On the clinic's wall clock, ``HH:MM``."""

    start: str
    end: str

    @classmethod
    def of(cls, hours: OpeningHours) -> OpeningHoursBody:
        return cls(f"{hours.start:%H:%M}", f"{hours.end:%H:%M}")


class ClinicBody(Body):
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
    languages: tuple[str, ...]
    max_queue_size: int
    auto_open_queue: bool
    no_show_minutes: int | None
    rejoin_minutes: int
    max_rejoins: int
    rejoin_after: int
    refuse_below: float
    guest_join: bool
    created_at: str
    updated_at: str
    join_code: str | msgspec.UnsetType | None = msgspec.UNSET
    """For staff of the clinic and admins alone."""

    distance_km: float | msgspec.UnsetType = msgspec.field(
        default=msgspec.UNSET, name="distance_km"
    )

    @classmethod
    def of(
        cls,
        clinic: Clinic,
        *,
        distance_km: float | None = None,
        join_code: str | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> ClinicBody:
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
            OpeningHoursBody.of(clinic.opening_hours),
            clinic.timezone,
            clinic.languages,
            clinic.service.max_queue_size,
            clinic.service.auto_open_queue,
            clinic.no_show_minutes,
            clinic.rejoin_minutes,
            clinic.max_rejoins,
            clinic.rejoin_after,
            clinic.refuse_below,
            clinic.guest_join,
            instant(clinic.created_at),
            instant(clinic.updated_at),
            join_code,
            msgspec.UNSET if distance_km is None else distance_km,
        )


class PaginationBody(Body):
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


class ClinicListBody(Body):
    """A page of clinics."""

    clinics: tuple[ClinicBody, ...]
    pagination: PaginationBody

    @classmethod
    def of(cls, found: Sequence[FoundClinic], page: Page, total: int) -> ClinicListBody:
        return cls(
            tuple(ClinicBody.of(one.clinic, distance_km=one.distance_km) for one in found),
            PaginationBody.of(page, total),
        )


class UserListBody(Body):
    """A page of users."""

    users: tuple[ManagedUserBody, ...]
    pagination: PaginationBody

    @classmethod
    def of(cls, users: Sequence[User], page: Page, total: int) -> UserListBody:
        return cls(
            tuple(ManagedUserBody.of(user) for user in users), PaginationBody.of(page, total)
        )


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
