"""Who may act. Every use case asks here, so that no two doors can disagree.

What counts is the user as stored, not what an access JWT once said.
"""

from __future__ import annotations

from dataclasses import dataclass

from qure.domain.errors import Forbidden
from qure.domain.ids import ClinicId, SessionId, UserId
from qure.domain.user import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking, through which login. ``clinic_id`` is set for STAFF only."""

    user_id: UserId
    session_id: SessionId
    role: Role
    clinic_id: ClinicId | None


def require_admin(actor: Principal) -> None:
    """Raises ``Forbidden`` unless an admin asks."""
    if actor.role is not Role.ADMIN:
        raise Forbidden("forbidden", "Only an admin may do this.")


def require_patient(actor: Principal) -> None:
    """Raises ``Forbidden`` unless a patient asks."""
    if actor.role is not Role.PATIENT:
        raise Forbidden("forbidden", "Only a patient may do this.")


def require_desk(actor: Principal) -> None:
    """Raises ``Forbidden`` for those who work at no desk at all."""
    if actor.role not in (Role.ADMIN, Role.STAFF):
        raise Forbidden("forbidden", "Only staff of the clinic or an admin may do this.")


def require_desk_of(actor: Principal, clinic_id: ClinicId) -> None:
    """Raises ``Forbidden`` unless an admin or staff of that clinic asks."""
    require_desk(actor)
    if actor.role is Role.STAFF and actor.clinic_id != clinic_id:
        raise Forbidden("forbidden", "You are not staff of this clinic.")


def require_self(actor: Principal, user_id: UserId) -> None:
    """Raises ``Forbidden`` when someone else's thing is asked for."""
    if actor.user_id != user_id:
        raise Forbidden("forbidden", "This belongs to someone else.")
