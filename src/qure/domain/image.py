"""An uploaded picture on its way: staged, made fit by a job, then shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from qure.domain.ids import ImageId


class ImagePurpose(StrEnum):
    """Where a picture is shown once it is done."""

    PROFILE_PICTURE = "PROFILE_PICTURE"
    CLINIC_LOGO = "CLINIC_LOGO"
    CLINIC_IMAGE = "CLINIC_IMAGE"


@dataclass(slots=True, kw_only=True)
class StagedImage:
    """Checked bytes that wait for their job.

    ``owner_id`` is the user's or the clinic's id; ``batch`` ties together pictures that were
    given in one request, ``position`` orders them. ``failed_at`` is set when the job gave up.
    ``request_id`` names that request in the logs.
    """

    id: ImageId
    purpose: ImagePurpose
    owner_id: UUID
    batch: UUID
    position: int
    content: bytes
    created_at: datetime
    attempts: int = 0
    failed_at: datetime | None = None
    request_id: str | None = None
