"""A user: who they are, what they may be, and the clinic they work for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from qure.domain.errors import Conflict, Forbidden
from qure.domain.ids import ClinicId, ImageId, UserId

MAX_PASSWORD_CHARACTERS = 1000
"""Longer passwords are refused; up to here every character counts."""


class Role(StrEnum):
    """What a user is. STAFF always belongs to exactly one clinic."""

    PATIENT = "PATIENT"
    STAFF = "STAFF"
    ADMIN = "ADMIN"


def normalise_email(email: str) -> str:
    """The form in which addresses are stored and compared: trimmed, lower case."""
    return email.strip().lower()


def initials_picture(first_name: str, last_name: str) -> str:
    """The picture of a user who has given none."""
    seed = quote(f"{first_name} {last_name}", safe="")
    return f"https://api.dicebear.com/9.x/initials/svg?seed={seed}"


@dataclass(slots=True, kw_only=True)
class User:
    """A person with a login. ``email`` is normalised; ``pending_picture`` is the newest upload."""

    id: UserId
    first_name: str
    last_name: str
    email: str
    password_hash: str
    role: Role
    clinic_id: ClinicId | None
    profile_picture: str
    pending_picture: ImageId | None = None
    is_active: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def register(
        cls,
        *,
        id: UserId,
        first_name: str,
        last_name: str,
        email: str,
        password_hash: str,
        at: datetime,
        role: Role = Role.PATIENT,
    ) -> User:
        """A new user, active, with the initials as picture."""
        return cls(
            id=id,
            first_name=first_name,
            last_name=last_name,
            email=normalise_email(email),
            password_hash=password_hash,
            role=role,
            clinic_id=None,
            profile_picture=initials_picture(first_name, last_name),
            is_active=True,
            created_at=at,
            updated_at=at,
        )

    def join_clinic(self, clinic_id: ClinicId, *, at: datetime) -> None:
        """Become staff. Raises ``Conflict`` for an admin and for staff of any clinic."""
        if self.role is Role.ADMIN:
            raise Conflict("user_is_admin", "An admin cannot become staff of a clinic.")
        if self.role is Role.STAFF:
            raise Conflict("already_staff", "This user is already staff of a clinic.")
        self.role = Role.STAFF
        self.clinic_id = clinic_id
        self.updated_at = at

    def leave_clinic(self, *, at: datetime) -> None:
        """Back to being a patient."""
        self.role = Role.PATIENT
        self.clinic_id = None
        self.updated_at = at

    def promote_to_admin(self, *, at: datetime) -> None:
        """Become an admin; a staff member leaves their clinic by it."""
        self.role = Role.ADMIN
        self.clinic_id = None
        self.updated_at = at

    def set_active(self, active: bool, *, by: UserId, at: datetime) -> bool:
        """Allow in, or lock out. False if nothing changed. Nobody locks themselves out."""
        if by == self.id and not active:
            raise Forbidden("cannot_disable_self", "You cannot disable your own account.")
        if self.is_active == active:
            return False
        self.is_active = active
        self.updated_at = at
        return True
