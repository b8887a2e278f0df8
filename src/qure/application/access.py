"""Who may act. Every use case asks here, so that no two ways in can disagree.

What counts is the actor as stored, not what an access JWT once said.
"""

from __future__ import annotations

from qure.domain.actor import Actor, ActorKind, Role
from qure.domain.errors import Forbidden
from qure.domain.ids import ClinicId, UserId


def require_admin(actor: Actor) -> None:
    """Raises ``Forbidden`` unless an admin asks."""
    if actor.role is not Role.ADMIN:
        raise Forbidden("forbidden", "Only an admin may do this.")


def require_patient(actor: Actor) -> None:
    """Raises ``Forbidden`` unless a patient asks."""
    if not actor.is_patient:
        raise Forbidden("forbidden", "Only a patient may do this.")


def require_account(actor: Actor) -> None:
    """Raises ``Forbidden`` for guests and displays: they have no account of their own."""
    if actor.kind is not ActorKind.USER:
        raise Forbidden("forbidden", "Only who has an account may do this.")


def require_person(actor: Actor) -> None:
    """Raises ``Forbidden`` for displays."""
    if actor.kind is ActorKind.DISPLAY:
        raise Forbidden("forbidden", "A display may not do this.")


def require_sees(actor: Actor, clinic_id: ClinicId) -> None:
    """Raises ``Forbidden`` for the display of another clinic: everybody else sees every queue."""
    if actor.kind is ActorKind.DISPLAY and actor.clinic_id != clinic_id:
        raise Forbidden("forbidden", "This display belongs to another clinic.")


def works_at(actor: Actor, clinic_id: ClinicId) -> bool:
    """Whether an admin or staff of that clinic asks."""
    return actor.role is Role.ADMIN or (actor.role is Role.STAFF and actor.clinic_id == clinic_id)


def require_holder_or_desk(actor: Actor, patient_id: UserId, clinic_id: ClinicId) -> None:
    """Raises ``Forbidden`` unless the token's own patient, an admin or the clinic's staff asks."""
    if actor.is_patient and actor.id == patient_id:
        return
    require_desk_of(actor, clinic_id)


def require_desk(actor: Actor) -> None:
    """Raises ``Forbidden`` for those who work at no desk at all."""
    if actor.role not in (Role.ADMIN, Role.STAFF):
        raise Forbidden("forbidden", "Only staff of the clinic or an admin may do this.")


def require_desk_of(actor: Actor, clinic_id: ClinicId) -> None:
    """Raises ``Forbidden`` unless an admin or staff of that clinic asks."""
    require_desk(actor)
    if actor.role is Role.STAFF and actor.clinic_id != clinic_id:
        raise Forbidden("forbidden", "You are not staff of this clinic.")


def require_self(actor: Actor, user_id: UserId) -> None:
    """Raises ``Forbidden`` when someone else's thing is asked for."""
    if actor.id != user_id:
        raise Forbidden("forbidden", "This belongs to someone else.")
