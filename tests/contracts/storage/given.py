"""Putting things into a storage before a test begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qure.application.ports.lines import KeptAnswer
from qure.application.ports.storage import Storage, UnitOfWork
from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.display import Display, DisplayPairing
from qure.domain.events import UserChanged
from qure.domain.guest import GuestLink
from qure.domain.ids import UserId
from qure.domain.image import StagedImage
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.session import RefreshSecret, Session
from qure.domain.token import Token
from qure.domain.user import User
from tests.support.builders import (
    NOW,
    build_clinic,
    build_display_user,
    build_queue,
    build_token,
    build_user,
    new_id,
)

Thing = (
    Clinic
    | Desk
    | Display
    | DisplayPairing
    | GuestLink
    | KeptAnswer
    | Queue
    | Service
    | StagedImage
    | Token
    | User
    | tuple[Session, RefreshSecret | None]
)


async def given(storage: Storage, *things: Thing) -> None:
    """Keep these, in this order, and commit; a display with the user it acts as."""
    async with storage.write() as db:
        for thing in things:
            await _add(db, thing)
        await db.commit()


async def _add(db: UnitOfWork, thing: Thing) -> None:
    match thing:
        case Clinic():
            await db.clinics.add(thing)
        case Desk():
            await db.desks.add(thing)
        case Display():
            await db.users.add(build_display_user(thing))
            await db.displays.add(thing)
        case DisplayPairing():
            await db.displays.add_pairing(thing)
        case GuestLink():
            await db.guest_links.add(thing)
        case KeptAnswer():
            await db.kept_answers.add([thing])
        case Service():
            await db.services.add(thing)
        case Queue():
            await db.queues.add(thing)
        case StagedImage():
            await db.staged_images.add([thing])
        case Token():
            await db.tokens.add([thing])
        case User():
            await db.users.add(thing)
        case (session, secret):
            await db.sessions.add(session, secret)


def changed_user(**fields: object) -> User:
    """A user who has something to tell."""
    id = UserId(new_id())
    told = UserChanged(actor=SYSTEM, at=NOW, user_id=id, is_active=True)
    return build_user(id=id, events=[told], **fields)


async def given_queue(storage: Storage, *, max_size: int = 50, **clinic_fields: object) -> Queue:
    """An open queue of today, of a clinic of its own, in which nobody stands."""
    clinic = build_clinic(**clinic_fields)
    queue = build_queue(clinic, max_size=max_size)
    await given(storage, clinic, queue)
    return queue


async def given_patients(storage: Storage, count: int) -> list[User]:
    """So many patients."""
    patients = [build_user() for _ in range(count)]
    await given(storage, *patients)
    return patients


async def given_tokens(storage: Storage, queue: Queue, *fields: dict[str, Any]) -> list[Token]:
    """Tokens 1, 2, … of that queue with these fields, each of a patient of its own."""
    patients = await given_patients(storage, len(fields))
    tokens = [
        build_token(queue, **({"number": number, "patient_id": patient.id} | each))
        for number, (patient, each) in enumerate(zip(patients, fields, strict=True), start=1)
    ]
    await given(storage, *tokens)
    return tokens


def numbers(tokens: Sequence[Token]) -> list[int]:
    """Their numbers, in their order."""
    return [token.number for token in tokens]
