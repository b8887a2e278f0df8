"""A clinic: where it is, when it opens, and what its local day is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from qure.domain.actor import SYSTEM, Actor
from qure.domain.errors import Invalid
from qure.domain.events import ClinicChanged, Event, ImageReplaced
from qure.domain.ids import ClinicId, ImageId
from qure.domain.image import ImagePurpose, StagedImage
from qure.domain.service import Service
from qure.domain.token import Comeback

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


class Language(StrEnum):
    """What pages and displays can speak (BCP 47)."""

    ENGLISH = "en"
    SPANISH = "es"
    FRENCH = "fr"
    GERMAN = "de"
    HINDI = "hi"
    ARABIC = "ar"


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
    """An image that is shown; ``position`` is its place in the list."""

    id: ImageId
    position: int
    url: str


@dataclass(slots=True, kw_only=True)
class Clinic:
    """A clinic. Degrees are WGS 84; ``timezone`` is an IANA name.

    ``service`` is its default service, which it is born with. ``pending_logo`` and
    ``images_batch`` name the newest upload: a job that finishes for an older one shows nothing.

    ``no_show_minutes`` (1..60, None: never) after the last call a token counts as not there;
    ``rejoin_minutes`` (0..240), ``max_rejoins`` (0..10) and ``rejoin_after`` (0..20) say how its
    patient may come back. Nobody may join whose call before closing is less likely than
    ``refuse_below`` (0..1, 0: never refused). ``guest_join`` lets strangers take a number with the
    join code, of which only the SHA-256 is kept; ``join_generation`` counts the codes there have
    been. Its pages and displays speak ``languages``, in that order and each once; without any, what
    each browser wishes.
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
    languages: tuple[Language, ...] = ()
    no_show_minutes: int | None = None
    rejoin_minutes: int = 30
    max_rejoins: int = 2
    rejoin_after: int = 2
    refuse_below: float = 0.0
    guest_join: bool = False
    join_generation: int = 0
    join_digest: str | None = None
    created_at: datetime
    updated_at: datetime
    service: Service
    events: list[Event] = field(default_factory=list, compare=False, repr=False)

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

    def changed(self, *, by: Actor, at: datetime) -> None:
        """Something that others may see of it is different now."""
        self.updated_at = self.service.updated_at = at
        self.events.append(ClinicChanged(clinic_id=self.id, actor=by, at=at))

    def drop_logo(self, *, by: Actor, at: datetime) -> None:
        """Show none, and none that is on its way."""
        if self.logo is not None:
            self.events.append(ImageReplaced(url=self.logo, actor=by, at=at))
        self.logo = None
        self.pending_logo = None

    def drop_images(self, *, by: Actor, at: datetime) -> None:
        """Show none of those that are shown now."""
        for image in self.images:
            self.events.append(ImageReplaced(url=image.url, actor=by, at=at))
        self.images = ()

    def show(self, staged: StagedImage, url: str, *, at: datetime) -> bool:
        """The upload is done. False when a newer one has overtaken it: then nothing changes."""
        if staged.purpose is ImagePurpose.CLINIC_LOGO:
            if self.pending_logo != staged.id:
                return False
            if self.logo is not None and self.logo != url:
                self.events.append(ImageReplaced(url=self.logo, actor=SYSTEM, at=at))
            self.logo = url
            self.pending_logo = None
        else:
            if self.images_batch != staged.batch:
                return False
            others = [image for image in self.images if image.id != staged.id]
            shown = [*others, ClinicImage(staged.id, staged.position, url)]
            self.images = tuple(sorted(shown, key=lambda image: image.position))
        self.changed(by=SYSTEM, at=at)
        return True

    @property
    def comeback(self) -> Comeback:
        """What it grants to those who were not there."""
        return Comeback(
            within=timedelta(minutes=self.rejoin_minutes),
            at_most=self.max_rejoins,
            after=self.rejoin_after,
        )

    def plan_opening(self, service: Service, at: datetime) -> None:
        """Plan the first local midnight after ``at`` for that service's queue, or none.

        The midnight of a day that has begun is past: a clinic that wishes its queue opened at
        noon gets the first one tomorrow.
        """
        if self._opens_by_itself(service):
            service.next_opening_at = self.day_bounds(self.local_date(at))[1]
        else:
            service.next_opening_at = None

    def replan_opening(self, service: Service, at: datetime) -> None:
        """Plan anew after a change of either; an opening that is overdue stays due."""
        if not (self._opens_by_itself(service) and service.is_due(at)):
            self.plan_opening(service, at)

    def _opens_by_itself(self, service: Service) -> bool:
        return service.auto_open_queue and service.is_active and self.is_active

    def _instant(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)
