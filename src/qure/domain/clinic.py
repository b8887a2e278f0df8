"""A clinic: where it is, when it opens, and what its local day is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from qure.domain.errors import Invalid
from qure.domain.ids import ClinicId, ImageId

DEFAULT_QUEUE_SIZE = 50
MAX_CLINIC_IMAGES = 10


class ClinicType(StrEnum):
    """What a clinic is for."""

    GENERAL_PRACTICE = "GENERAL_PRACTICE"
    PEDIATRICS = "PEDIATRICS"
    DERMATOLOGY = "DERMATOLOGY"
    PSYCHIATRY = "PSYCHIATRY"
    GYNECOLOGY = "GYNECOLOGY"
    ORTHOPEDICS = "ORTHOPEDICS"
    ENT = "ENT"
    DENTIST = "DENTIST"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """From ``start`` to ``end`` on the clinic's wall clock, ``end`` after ``start``."""

    start: time = time(9)
    end: time = time(17)

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise Invalid.field("openingHours", "The end must be after the start.")


@dataclass(frozen=True, slots=True)
class ClinicImage:
    """A picture that is shown; ``position`` is its place in the list."""

    id: ImageId
    position: int
    url: str


@dataclass(slots=True, kw_only=True)
class Clinic:
    """A clinic. Degrees are WGS 84; ``timezone`` is an IANA name.

    ``next_opening_at`` is the instant of the local midnight at which its queue opens by itself
    next, None when it does not. ``pending_logo`` and ``images_batch`` name the newest upload:
    a job that finishes for an older one shows nothing.
    """

    id: ClinicId
    name: str
    latitude: float
    longitude: float
    address: str | None = None
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    description: str | None = None
    logo: str | None = None
    pending_logo: ImageId | None = None
    images: tuple[ClinicImage, ...] = ()
    images_batch: UUID | None = None
    is_active: bool = True
    type: ClinicType = ClinicType.GENERAL_PRACTICE
    opening_hours: OpeningHours = field(default_factory=OpeningHours)
    timezone: str
    max_queue_size: int = DEFAULT_QUEUE_SIZE
    auto_open_queue: bool = False
    next_opening_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def local_date(self, at: datetime) -> date:
        """The date on the clinic's calendar at that instant."""
        return at.astimezone(ZoneInfo(self.timezone)).date()

    def opening_times(self, day: date) -> tuple[datetime, datetime]:
        """When it opens and closes on that local day, in UTC.

        A time that daylight saving skips or repeats is read by the offset in force before the
        change (PEP 495, fold 0). A skipped start may so fall behind an end that exists: then the
        end is read by the same offset, so that it always comes after the start.
        """
        hours = self.opening_hours
        opens, closes = self._instant(day, hours.start), self._instant(day, hours.end)
        if closes <= opens:
            closes = opens + (datetime.combine(day, hours.end) - datetime.combine(day, hours.start))
        return opens, closes

    def day_bounds(self, day: date) -> tuple[datetime, datetime]:
        """The first instant of that local day and of the next one, in UTC (23 to 25 hours)."""
        return self._instant(day, time.min), self._instant(day + timedelta(days=1), time.min)

    def plan_opening(self, at: datetime) -> None:
        """Set ``next_opening_at``: the first local midnight after ``at``, or None.

        The midnight of a day that has begun is past: a clinic that wishes its queue opened at
        noon gets the first one tomorrow.
        """
        if self.auto_open_queue and self.is_active:
            self.next_opening_at = self.day_bounds(self.local_date(at))[1]
        else:
            self.next_opening_at = None

    def replan_opening(self, at: datetime) -> None:
        """Plan anew after a change of the clinic; an opening that is overdue stays due."""
        wished = self.auto_open_queue and self.is_active
        if not wished or self.next_opening_at is None or self.next_opening_at > at:
            self.plan_opening(at)

    def _instant(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)
