"""What a client may send, request by request. The rules of the fields are in ``wire.fields``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time
from typing import Annotated, ClassVar

from msgspec import UNSET, UnsetType

from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain.actor import Role
from qure.domain.clinic import MAX_CLINIC_IMAGES, ClinicType
from qure.domain.clinic import OpeningHours as Hours
from qure.domain.errors import FieldError
from qure.domain.service import DEFAULT_QUEUE_SIZE
from qure.wire import day_fields as d
from qure.wire import fields as f
from qure.wire.parsing import Fields, parse

__all__ = [
    "AddStaff",
    "ChangePassword",
    "CreateClinic",
    "DeviceInfo",
    "FilterTokens",
    "IssueToken",
    "ListClinics",
    "LogIn",
    "LogOut",
    "OfService",
    "OpenQueue",
    "OpeningHours",
    "Refresh",
    "Register",
    "SearchUsers",
    "SetActive",
    "UpdateClinic",
    "UpdateProfile",
    "parse",
]


class Register(Fields):
    """A new account."""

    first_name: f.PersonName
    last_name: f.PersonName
    email: f.Email
    password: f.NewPassword
    confirm_password: f.NewPassword

    def complaints(self) -> Iterator[FieldError]:
        if self.confirm_password != self.password:
            yield FieldError("confirmPassword", "The passwords are not the same.")


class DeviceInfo(Fields):
    """What the app says of the device."""

    user_agent: f.UserAgent | None = None


class LogIn(Fields):
    """A login."""

    email: f.Email
    password: f.Password
    device_info: DeviceInfo | None = None


class Refresh(Fields):
    """A refresh token for the next pair."""

    refresh_token: f.RefreshSecret
    device_info: DeviceInfo | None = None


class LogOut(Fields):
    """The refresh token of the login that ends."""

    refresh_token: f.RefreshSecret


class UpdateProfile(Fields):
    """What a user may change of themselves; what is left out stays."""

    IMAGES: ClassVar[Mapping[str, int]] = {"profilePicture": 1}

    first_name: f.PersonName | UnsetType = UNSET
    last_name: f.PersonName | UnsetType = UNSET


class ChangePassword(Fields):
    """The password as it was and as it shall be."""

    old_password: f.Password
    new_password: f.NewPassword
    confirm_new_password: f.NewPassword

    def complaints(self) -> Iterator[FieldError]:
        if self.new_password == self.old_password:
            yield FieldError("newPassword", "The new password must differ from the old one.")
        if self.confirm_new_password != self.new_password:
            yield FieldError("confirmNewPassword", "The passwords are not the same.")


class OpeningHours(Fields):
    """On the clinic's wall clock; the end is after the start."""

    start: f.ClockTime
    end: f.ClockTime

    def complaints(self) -> Iterator[FieldError]:
        if self.end <= self.start:
            yield FieldError("end", "The end must be after the start.")

    def hours(self) -> Hours:
        """As the domain knows them."""
        return Hours(time.fromisoformat(self.start), time.fromisoformat(self.end))


CLINIC_IMAGES = {"logo": 1, "images": MAX_CLINIC_IMAGES}


class CreateClinic(Fields):
    """A new clinic."""

    IMAGES: ClassVar[Mapping[str, int]] = CLINIC_IMAGES

    name: f.ClinicName
    latitude: f.Latitude
    longitude: f.Longitude
    address: f.Address | None = None
    phone: f.Phone | None = None
    email: f.Email | None = None
    website: f.Website | None = None
    description: f.Description | None = None
    opening_hours: Annotated[OpeningHours, f.JsonText] | UnsetType = UNSET
    type: f.Kind = ClinicType.GENERAL_PRACTICE
    timezone: f.Timezone | None = None
    languages: f.Languages | None = None
    max_queue_size: f.QueueSize = DEFAULT_QUEUE_SIZE
    auto_open_queue: f.Flag = False
    no_show_minutes: d.NoShowMinutes | None = None
    rejoin_minutes: d.RejoinMinutes = 30
    max_rejoins: d.MaxRejoins = 2
    rejoin_after: d.RejoinAfter = 2
    refuse_below: d.RefuseBelow = 0.0
    guest_join: f.Flag = False


class UpdateClinic(Fields):
    """What changes of a clinic; what is left out stays, a null clears what may be empty."""

    IMAGES: ClassVar[Mapping[str, int]] = CLINIC_IMAGES

    name: f.ClinicName | UnsetType = UNSET
    latitude: f.Latitude | UnsetType = UNSET
    longitude: f.Longitude | UnsetType = UNSET
    address: f.Address | UnsetType | None = UNSET
    phone: f.Phone | UnsetType | None = UNSET
    email: f.Email | UnsetType | None = UNSET
    website: f.Website | UnsetType | None = UNSET
    description: f.Description | UnsetType | None = UNSET
    opening_hours: Annotated[OpeningHours, f.JsonText] | UnsetType = UNSET
    type: f.Kind | UnsetType = UNSET
    timezone: f.Timezone | UnsetType = UNSET
    languages: f.Languages | UnsetType | None = UNSET
    max_queue_size: f.QueueSize | UnsetType = UNSET
    auto_open_queue: f.Flag | UnsetType = UNSET
    no_show_minutes: d.NoShowMinutes | UnsetType | None = UNSET
    rejoin_minutes: d.RejoinMinutes | UnsetType = UNSET
    max_rejoins: d.MaxRejoins | UnsetType = UNSET
    rejoin_after: d.RejoinAfter | UnsetType = UNSET
    refuse_below: d.RefuseBelow | UnsetType = UNSET
    guest_join: f.Flag | UnsetType = UNSET
    is_active: f.Flag | UnsetType = UNSET
    logo: f.ShownImage | UnsetType | None = UNSET
    images: f.ShownImages | UnsetType | None = UNSET

    @property
    def drops_logo(self) -> bool:
        """Whether the logo is taken away."""
        return self.logo is None

    @property
    def drops_images(self) -> bool:
        """Whether all images are taken away."""
        return self.images is None or self.images == []


class AddStaff(Fields):
    """Whom to make staff, by id or by e-mail."""

    user_id: f.Id | None = None
    email: f.Email | None = None

    def complaints(self) -> Iterator[FieldError]:
        if (self.user_id is None) == (self.email is None):
            yield FieldError("userId", "Give either userId or email.")


class SetActive(Fields):
    """Switch on or off."""

    is_active: f.Flag


class OfService(Fields):
    """Which service; by default the clinic's default one."""

    service_id: f.Id | None = None


class OpenQueue(OfService):
    """For which service, and how many tokens; by default the service's own number."""

    max_queue_size: f.QueueSize | None = None


class IssueToken(Fields):
    """The queue to stand in."""

    queue_id: f.Id


class _Paged(Fields, kw_only=True):
    page: f.PageNumber = 1
    limit: f.PageSize = 10

    def wanted_page(self) -> Page:
        """As the storage knows it."""
        return Page(self.page, self.limit)


class ListClinics(_Paged, kw_only=True):
    """Which clinics, which page."""

    query: f.SearchText | None = None
    type: f.Kind | None = None
    latitude: f.Latitude | None = None
    longitude: f.Longitude | None = None
    radius: f.Radius | None = None

    def complaints(self) -> Iterator[FieldError]:
        place = {"latitude": self.latitude, "longitude": self.longitude, "radius": self.radius}
        if any(value is not None for value in place.values()):
            for name, value in place.items():
                if value is None:
                    yield FieldError(name, "Give latitude, longitude and radius, or none of them.")

    def wanted(self) -> ClinicFilter:
        """As the storage knows it."""
        nearby = None
        if self.latitude is not None and self.longitude is not None and self.radius is not None:
            nearby = Nearby(self.latitude, self.longitude, self.radius)
        return ClinicFilter(query=self.query, type=self.type, nearby=nearby)


class SearchUsers(_Paged, kw_only=True):
    """Which users, which page."""

    query: f.SearchText | None = None
    role: f.RoleName | None = None

    @property
    def wanted_role(self) -> Role | None:
        """As the storage knows it."""
        return None if self.role is None else Role(self.role)


class FilterTokens(Fields):
    """Which tokens of a queue."""

    token_number: f.TokenNumber | None = None
    status: f.TokenState | None = None
