"""A user: who they are, what they may be, and the clinic they work for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from qure.domain.actor import SYSTEM, Actor, ActorKind, Role
from qure.domain.errors import Conflict, Forbidden
from qure.domain.events import Event, ImageReplaced, UserChanged
from qure.domain.ids import ClinicId, ImageId, SessionId, UserId

MAX_PASSWORD_CHARACTERS = 1000
"""Longer passwords are refused; up to here every character counts."""


def normalise_email(email: str) -> str:
    """The form in which addresses are stored and compared: trimmed, lower case."""
    return email.strip().lower()


def initials_image(first_name: str, last_name: str) -> str:
    """The image of a user who has given none."""
    seed = quote(f"{first_name} {last_name}".strip(), safe="")
    return f"https://api.dicebear.com/9.x/initials/svg?seed={seed}"


@dataclass(slots=True, kw_only=True)
class User:
    """Somebody with an account. ``email`` is normalised; ``pending_picture`` is the newest upload.

    A person logs in by ``email`` and password. Guests (``guest``) and displays have neither: they
    are let in by a link, or by staff.
    """

    id: UserId
    first_name: str
    last_name: str
    email: str | None
    password_hash: str | None
    role: Role
    clinic_id: ClinicId | None
    profile_picture: str
    pending_picture: ImageId | None = None
    is_active: bool
    guest: bool = False
    created_at: datetime
    updated_at: datetime
    events: list[Event] = field(default_factory=list, compare=False, repr=False)

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
        """A new user, active, with the initials as image."""
        return cls(
            id=id,
            first_name=first_name,
            last_name=last_name,
            email=normalise_email(email),
            password_hash=password_hash,
            role=role,
            clinic_id=None,
            profile_picture=initials_image(first_name, last_name),
            is_active=True,
            created_at=at,
            updated_at=at,
        )

    @classmethod
    def without_login(
        cls,
        *,
        id: UserId,
        name: str,
        at: datetime,
        display_of: ClinicId | None = None,
    ) -> User:
        """A guest of that name, or a display of that clinic."""
        return cls(
            id=id,
            first_name=name,
            last_name="",
            email=None,
            password_hash=None,
            role=Role.PATIENT if display_of is None else Role.DISPLAY,
            clinic_id=display_of,
            profile_picture=initials_image(name, ""),
            is_active=True,
            guest=display_of is None,
            created_at=at,
            updated_at=at,
        )

    @property
    def kind(self) -> ActorKind:
        """As what they act."""
        if self.role is Role.DISPLAY:
            return ActorKind.DISPLAY
        return ActorKind.GUEST if self.guest else ActorKind.USER

    def acting(self, session_id: SessionId) -> Actor:
        """Them, acting through that login."""
        return Actor(
            kind=self.kind,
            id=self.id,
            session_id=session_id,
            role=self.role,
            clinic_id=self.clinic_id,
        )

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    def update(
        self,
        *,
        first_name: str | None,
        last_name: str | None,
        pending_picture: ImageId | None,
        by: Actor,
        at: datetime,
    ) -> None:
        """Change what is not None. Initials follow the name as long as there is no image."""
        had_initials = self.profile_picture == initials_image(self.first_name, self.last_name)
        self.first_name = first_name or self.first_name
        self.last_name = last_name or self.last_name
        if had_initials:
            self.profile_picture = initials_image(self.first_name, self.last_name)
        self.pending_picture = pending_picture or self.pending_picture
        self._changed(by, at)

    def show_image(self, url: str, *, at: datetime) -> None:
        """The upload that was waited for is done."""
        if self.profile_picture != url:
            self.events.append(ImageReplaced(url=self.profile_picture, actor=SYSTEM, at=at))
        self.profile_picture = url
        self.pending_picture = None
        self._changed(SYSTEM, at)

    def join_clinic(self, clinic_id: ClinicId, *, by: Actor, at: datetime) -> None:
        """Become staff. Raises ``Conflict`` for an admin and for staff of any clinic."""
        if self.role is Role.ADMIN:
            raise Conflict("user_is_admin", "An admin cannot become staff of a clinic.")
        if self.kind is not ActorKind.USER:
            raise Conflict("not_an_account", "A guest cannot become staff of a clinic.")
        if self.role is Role.STAFF:
            raise Conflict("already_staff", "This user is already staff of a clinic.")
        self.role = Role.STAFF
        self.clinic_id = clinic_id
        self._changed(by, at)

    def leave_clinic(self, *, by: Actor, at: datetime) -> None:
        """Back to being a patient."""
        self._leave_for(Role.PATIENT, by, at)

    def promote_to_admin(self, *, by: Actor, at: datetime) -> None:
        """Become an admin; a staff member leaves their clinic by it."""
        self._leave_for(Role.ADMIN, by, at)

    def set_active(self, active: bool, *, by: Actor, at: datetime) -> bool:
        """Allow in, or lock out. False if nothing changed. Nobody locks themselves out."""
        if by.id == self.id and not active:
            raise Forbidden("cannot_disable_self", "You cannot disable your own account.")
        if self.is_active == active:
            return False
        self.is_active = active
        self._changed(by, at)
        return True

    def _leave_for(self, role: Role, by: Actor, at: datetime) -> None:
        left = self.clinic_id
        self.role = role
        self.clinic_id = None
        self._changed(by, at, left=left)

    def _changed(self, by: Actor, at: datetime, *, left: ClinicId | None = None) -> None:
        self.updated_at = at
        clinics = {clinic for clinic in (self.clinic_id, left) if clinic is not None}
        self.events.append(
            UserChanged(
                user_id=self.id,
                is_active=self.is_active,
                clinic_ids=tuple(clinics),
                actor=by,
                at=at,
            )
        )
