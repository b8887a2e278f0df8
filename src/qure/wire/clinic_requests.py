"""What admins and staff send about a clinic's services, desks, and what they tell who waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET, UnsetType

from qure.domain.errors import FieldError
from qure.domain.queue_status import NoticeKind
from qure.domain.service import DEFAULT_EXPECTED_MINUTES, DEFAULT_QUEUE_SIZE
from qure.wire import day_fields as d
from qure.wire import fields as f
from qure.wire.parsing import Fields

__all__ = [
    "CreateDesk",
    "CreateService",
    "GiveNotice",
    "OpenDesk",
    "PauseDesk",
    "UpdateDesk",
    "UpdateService",
]


class CreateService(Fields):
    """A new service; without a prefix it gets a letter, without a position it comes last."""

    name: d.ServiceName
    prefix: d.Prefix | None = None
    expected_minutes: d.ExpectedMinutes = DEFAULT_EXPECTED_MINUTES
    max_queue_size: f.QueueSize = DEFAULT_QUEUE_SIZE
    auto_open_queue: f.Flag = False
    position: d.Position | None = None


class UpdateService(Fields):
    """What changes of a service; what is left out stays."""

    name: d.ServiceName | UnsetType = UNSET
    prefix: d.Prefix | UnsetType = UNSET
    expected_minutes: d.ExpectedMinutes | UnsetType = UNSET
    max_queue_size: f.QueueSize | UnsetType = UNSET
    auto_open_queue: f.Flag | UnsetType = UNSET
    is_active: f.Flag | UnsetType = UNSET
    position: d.Position | UnsetType = UNSET


class CreateDesk(Fields):
    """A new desk."""

    name: d.ShortName


class UpdateDesk(Fields):
    """What changes of a desk; what is left out stays."""

    name: d.ShortName | UnsetType = UNSET
    is_active: f.Flag | UnsetType = UNSET


class OpenDesk(Fields):
    """The services to call for; by default all active ones."""

    service_ids: d.ServiceIds | None = None


class PauseDesk(Fields):
    """When the pause is said to end."""

    until: d.Instant | None = None

    @property
    def ends_at(self) -> datetime | None:
        """As the domain knows it."""
        return None if self.until is None else d.read_instant(self.until)


class GiveNotice(Fields):
    """What everyone who watches the queue is told.

    A DELAY says by how many minutes, a NOTE says something, a PAUSE may say neither.
    """

    kind: d.NoticeName
    minutes: d.NoticeMinutes | None = None
    until: d.Instant | None = None
    text: d.NoticeText | None = None

    def complaints(self) -> Iterator[FieldError]:
        if self.kind is NoticeKind.DELAY and self.minutes is None:
            yield FieldError("minutes", "Say by how many minutes, from 1 to 480.")
        if self.kind is NoticeKind.NOTE and self.minutes is not None:
            yield FieldError("minutes", "A note has no minutes; it may end at an instant: until.")
        if self.kind is NoticeKind.NOTE and self.text is None:
            yield FieldError("text", "A note needs a text.")

    @property
    def ends_at(self) -> datetime | None:
        """As the domain knows it."""
        return None if self.until is None else d.read_instant(self.until)
