"""Rows to domain and back: the only place that knows both."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from qure.application.ports.storage import OutboxEntry
from qure.domain.clinic import Clinic, ClinicImage, ClinicType, OpeningHours
from qure.domain.ids import ImageId
from qure.domain.image import ImagePurpose, StagedImage
from qure.domain.queue import Queue
from qure.domain.session import RefreshSecret, Session
from qure.domain.staff_activity import StaffAction, StaffActivity
from qure.domain.token import Token, TokenStatus
from qure.domain.user import Role, User
from qure.wire.stored_events import decode_events, encode_events

Found = Row[Any]
Values = dict[str, Any]


def fold(text: str) -> str:
    """The form in which text is compared without regard to case (Unicode full case folding).

    Done here and kept in a column, so that every database finds the same.
    """
    return text.casefold()


def user_values(user: User) -> Values:
    return {
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "name_folded": fold(f"{user.first_name} {user.last_name}"),
        "email": user.email,
        "password_hash": user.password_hash,
        "role": user.role.value,
        "clinic_id": user.clinic_id,
        "profile_picture": user.profile_picture,
        "pending_picture": user.pending_picture,
        "is_active": user.is_active,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }


def to_user(row: Found) -> User:
    return User(
        id=row.id,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        password_hash=row.password_hash,
        role=Role(row.role),
        clinic_id=row.clinic_id,
        profile_picture=row.profile_picture,
        pending_picture=row.pending_picture,
        is_active=row.is_active,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def clinic_values(clinic: Clinic) -> Values:
    return {
        "id": clinic.id,
        "name": clinic.name,
        "name_folded": fold(clinic.name),
        "latitude": clinic.latitude,
        "longitude": clinic.longitude,
        "address": clinic.address,
        "phone": clinic.phone,
        "email": clinic.email,
        "website": clinic.website,
        "description": clinic.description,
        "logo": clinic.logo,
        "pending_logo": clinic.pending_logo,
        "images": [
            {"id": str(image.id), "position": image.position, "url": image.url}
            for image in clinic.images
        ],
        "images_batch": clinic.images_batch,
        "is_active": clinic.is_active,
        "type": clinic.type.value,
        "opening_start": clinic.opening_hours.start,
        "opening_end": clinic.opening_hours.end,
        "timezone": clinic.timezone,
        "max_queue_size": clinic.max_queue_size,
        "auto_open_queue": clinic.auto_open_queue,
        "next_opening_at": clinic.next_opening_at,
        "created_at": clinic.created_at,
        "updated_at": clinic.updated_at,
    }


def to_clinic(row: Found) -> Clinic:
    return Clinic(
        id=row.id,
        name=row.name,
        latitude=row.latitude,
        longitude=row.longitude,
        address=row.address,
        phone=row.phone,
        email=row.email,
        website=row.website,
        description=row.description,
        logo=row.logo,
        pending_logo=row.pending_logo,
        images=tuple(
            ClinicImage(id=ImageId(UUID(image["id"])), position=image["position"], url=image["url"])
            for image in row.images
        ),
        images_batch=row.images_batch,
        is_active=row.is_active,
        type=ClinicType(row.type),
        opening_hours=OpeningHours(start=row.opening_start, end=row.opening_end),
        timezone=row.timezone,
        max_queue_size=row.max_queue_size,
        auto_open_queue=row.auto_open_queue,
        next_opening_at=row.next_opening_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def queue_values(queue: Queue) -> Values:
    return {
        "id": queue.id,
        "clinic_id": queue.clinic_id,
        "date": queue.date,
        "day_starts_at": queue.day_starts_at,
        "day_ends_at": queue.day_ends_at,
        "start_time": queue.start_time,
        "end_time": queue.end_time,
        "max_size": queue.max_size,
        "is_active": queue.is_active,
        "last_issued_number": queue.last_issued_number,
        "waiting_count": queue.waiting_count,
        "current_number": queue.current_number,
        "last_served_number": queue.last_served_number,
        "version": queue.version,
        "created_at": queue.created_at,
        "updated_at": queue.updated_at,
    }


def to_queue(row: Found) -> Queue:
    return Queue(
        id=row.id,
        clinic_id=row.clinic_id,
        date=row.date,
        day_starts_at=row.day_starts_at,
        day_ends_at=row.day_ends_at,
        start_time=row.start_time,
        end_time=row.end_time,
        max_size=row.max_size,
        is_active=row.is_active,
        last_issued_number=row.last_issued_number,
        waiting_count=row.waiting_count,
        current_number=row.current_number,
        last_served_number=row.last_served_number,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def token_values(token: Token) -> Values:
    return {
        "id": token.id,
        "queue_id": token.queue_id,
        "patient_id": token.patient_id,
        "number": token.number,
        **token_progress(token),
        "created_at": token.created_at,
    }


def token_progress(token: Token) -> Values:
    """What changes in the life of a token."""
    return {
        "status": token.status.value,
        "called_at": token.called_at,
        "started_at": token.started_at,
        "completed_at": token.completed_at,
        "skipped_at": token.skipped_at,
        "cancelled_at": token.cancelled_at,
        "held_by": token.held_by,
    }


def to_token(row: Found) -> Token:
    return Token(
        id=row.id,
        queue_id=row.queue_id,
        patient_id=row.patient_id,
        number=row.number,
        status=TokenStatus(row.status),
        created_at=row.created_at,
        called_at=row.called_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        skipped_at=row.skipped_at,
        cancelled_at=row.cancelled_at,
        held_by=row.held_by,
    )


def session_values(session: Session) -> Values:
    return {
        "id": session.id,
        "user_id": session.user_id,
        "user_agent": session.user_agent,
        "ip_address": session.ip_address,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "revoked_at": session.revoked_at,
    }


def to_session(row: Found) -> Session:
    return Session(
        id=row.id,
        user_id=row.user_id,
        user_agent=row.user_agent,
        ip_address=row.ip_address,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def secret_values(secret: RefreshSecret) -> Values:
    return {
        "digest": secret.digest,
        "session_id": secret.session_id,
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
        "spent_at": secret.spent_at,
    }


def to_secret(row: Found) -> RefreshSecret:
    return RefreshSecret(
        digest=row.digest,
        session_id=row.session_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        spent_at=row.spent_at,
    )


def activity_values(activity: StaffActivity) -> Values:
    return {
        "id": activity.id,
        "staff_id": activity.staff_id,
        "token_id": activity.token_id,
        "action": activity.action.value,
        "created_at": activity.created_at,
    }


def to_activity(row: Found) -> StaffActivity:
    return StaffActivity(
        id=row.id,
        staff_id=row.staff_id,
        token_id=row.token_id,
        action=StaffAction(row.action),
        created_at=row.created_at,
    )


def image_values(image: StagedImage) -> Values:
    return {
        "id": image.id,
        "purpose": image.purpose.value,
        "owner_id": image.owner_id,
        "batch": image.batch,
        "position": image.position,
        "content": image.content,
        "created_at": image.created_at,
        "attempts": image.attempts,
        "failed_at": image.failed_at,
        "request_id": image.request_id,
    }


def to_image(row: Found) -> StagedImage:
    return StagedImage(
        id=row.id,
        purpose=ImagePurpose(row.purpose),
        owner_id=row.owner_id,
        batch=row.batch,
        position=row.position,
        content=row.content,
        created_at=row.created_at,
        attempts=row.attempts,
        failed_at=row.failed_at,
        request_id=row.request_id,
    )


def entry_values(entry: OutboxEntry) -> Values:
    return {
        "id": entry.id,
        "created_at": entry.created_at,
        "events": encode_events(entry.events),
    }


def to_entry(row: Found) -> OutboxEntry:
    return OutboxEntry(id=row.id, created_at=row.created_at, events=decode_events(row.events))
