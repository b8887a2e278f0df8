"""Who acts: a person, a device that looks on, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from qure.domain.ids import ClinicId, SessionId, UserId


class Role(StrEnum):
    """What an account is. STAFF always belongs to exactly one clinic."""

    PATIENT = "PATIENT"
    STAFF = "STAFF"
    ADMIN = "ADMIN"
    DISPLAY = "DISPLAY"
    """A device that looks on, of exactly one clinic. Nobody is made one."""


class ActorKind(StrEnum):
    """What kind of actor it is."""

    USER = "USER"
    GUEST = "GUEST"
    """Somebody without a login of their own, who holds the link to one token."""

    DISPLAY = "DISPLAY"
    """A device with a right to look."""

    SYSTEM = "SYSTEM"
    """The clock, a job, or an operator's command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, as stored now. ``access.py`` says what they may do.

    ``id`` is the user's, the guest's or the display's, None for the system. ``session_id`` is the
    login they act through, if any. ``role`` is a person's; ``clinic_id`` is where staff work, or
    what a display shows.
    """

    kind: ActorKind = ActorKind.USER
    id: UUID | None = None
    session_id: SessionId | None = None
    role: Role | None = None
    clinic_id: ClinicId | None = None

    @property
    def is_patient(self) -> bool:
        """Whether they may hold tokens."""
        return self.role is Role.PATIENT

    @property
    def user_id(self) -> UserId:
        """The person's id. Raises ``LookupError`` for an actor that is no person."""
        if self.id is None or self.kind not in (ActorKind.USER, ActorKind.GUEST):
            raise LookupError(f"a {self.kind} is no person")
        return UserId(self.id)


SYSTEM = Actor(kind=ActorKind.SYSTEM)
"""Nobody in particular: the clock, a job, an operator."""
