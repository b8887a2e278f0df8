"""A desk: where patients go, who sits there, and which services it serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from qure.domain.actor import Actor
from qure.domain.errors import Conflict, Invalid
from qure.domain.events import (
    DeskChanged,
    DeskClosed,
    DeskOpened,
    DeskPaused,
    DeskResumed,
    DeskState,
    Event,
)
from qure.domain.ids import ClinicId, DeskId, ServiceId, UserId


@dataclass(slots=True, kw_only=True)
class Desk:
    """A desk of a clinic.

    While it is not CLOSED, ``staff_id`` sits there (``staff_name`` is their first name) and calls
    for ``service_ids``; ``closes_at`` is the end of the clinic's local day. ``since`` is when its
    state began, ``paused_until`` when the pause is said to end, if that was said.
    """

    id: DeskId
    clinic_id: ClinicId
    name: str
    is_active: bool = True
    state: DeskState = DeskState.CLOSED
    staff_id: UserId | None = None
    staff_name: str | None = None
    service_ids: tuple[ServiceId, ...] = ()
    since: datetime
    paused_until: datetime | None = None
    closes_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    events: list[Event] = field(default_factory=list, compare=False, repr=False)

    def serves(self, service_id: ServiceId) -> bool:
        """Whether patients of that service are called here now: OPEN, and for it."""
        return self.state is DeskState.OPEN and service_id in self.service_ids

    def require_open(self) -> None:
        """Raises ``Conflict`` (``desk_closed``) when nobody sits here."""
        if self.state is DeskState.CLOSED:
            raise Conflict("desk_closed", "Nobody sits at this desk.")

    def edit(self, *, name: str, is_active: bool, by: Actor, at: datetime) -> None:
        """Rename it, or take it out of use: then it closes."""
        self.name, self.is_active = name, is_active
        self.updated_at = at
        self._tell(DeskChanged, by, at)
        if not is_active:
            self.close(by=by, at=at)

    def open(
        self,
        *,
        staff_name: str,
        service_ids: tuple[ServiceId, ...],
        closes_at: datetime,
        by: Actor,
        at: datetime,
    ) -> None:
        """``by`` sits down here and calls for these services, until then at the longest.

        Whoever sits here already changes the services by it, and ends a pause. Raises
        ``Conflict`` (``desk_taken``, ``desk_retired``).
        """
        if not self.is_active:
            raise Conflict("desk_retired", "This desk is no longer in use.")
        if self.state is not DeskState.CLOSED and self.staff_id != by.user_id:
            raise Conflict("desk_taken", "Somebody else sits at this desk.")
        if self.state is not DeskState.OPEN:
            self.since = at
        self.state = DeskState.OPEN
        self.staff_id, self.staff_name = by.user_id, staff_name
        self.service_ids = service_ids
        self.paused_until = None
        self.closes_at = closes_at
        self.updated_at = at
        self._tell(DeskOpened, by, at)

    def pause(self, *, until: datetime | None, by: Actor, at: datetime) -> None:
        """Nobody is called here for a while. Pausing again says another end.

        Raises ``Conflict`` (``desk_closed``), ``Invalid`` for an end that is past.
        """
        self.require_open()
        if until is not None and until <= at:
            raise Invalid.field("until", "Must be an instant in the future.")
        if self.state is not DeskState.PAUSED:
            self.since = at
        self.state = DeskState.PAUSED
        self.paused_until = until
        self.updated_at = at
        self._tell(DeskPaused, by, at)

    def resume(self, *, by: Actor, at: datetime) -> bool:
        """The pause is over. False if there was none. Raises ``Conflict`` (``desk_closed``)."""
        self.require_open()
        if self.state is DeskState.OPEN:
            return False
        self.state = DeskState.OPEN
        self.since = at
        self.paused_until = None
        self.updated_at = at
        self._tell(DeskResumed, by, at)
        return True

    def close(self, *, by: Actor, at: datetime) -> bool:
        """Nobody sits here any more. False if nobody did."""
        if self.state is DeskState.CLOSED:
            return False
        self._tell(DeskClosed, by, at)
        self.state = DeskState.CLOSED
        self.staff_id = self.staff_name = None
        self.service_ids = ()
        self.since = at
        self.paused_until = self.closes_at = None
        self.updated_at = at
        return True

    def _tell(self, kind: type[DeskChanged], by: Actor, at: datetime) -> None:
        self.events.append(
            kind(
                clinic_id=self.clinic_id,
                desk_id=self.id,
                desk_name=self.name,
                staff_id=self.staff_id,
                service_ids=self.service_ids,
                paused_until=self.paused_until,
                actor=by,
                at=at,
            )
        )
