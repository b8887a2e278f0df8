"""An uploaded image on its way: staged, made fit by a job, then shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from qure.domain.actor import SYSTEM, Actor
from qure.domain.events import Event, ImageReplaced, ImageStaged
from qure.domain.ids import ImageId


class ImagePurpose(StrEnum):
    """Where an image is shown once it is done."""

    PROFILE_PICTURE = "PROFILE_PICTURE"
    CLINIC_LOGO = "CLINIC_LOGO"
    CLINIC_IMAGE = "CLINIC_IMAGE"


@dataclass(slots=True, kw_only=True)
class StagedImage:
    """Checked bytes that wait for their job.

    ``owner_id`` is the user's or the clinic's id; ``batch`` ties together images that were
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
    events: list[Event] = field(default_factory=list, compare=False, repr=False)

    def stage(self, *, by: Actor) -> None:
        """It is accepted, and waits for its job from now on."""
        self.events.append(ImageStaged(image_id=self.id, actor=by, at=self.created_at))

    def overtaken(self, url: str, *, at: datetime) -> None:
        """A newer upload came first: what was stored at ``url`` for this one is never shown."""
        self.events.append(ImageReplaced(url=url, actor=SYSTEM, at=at))
