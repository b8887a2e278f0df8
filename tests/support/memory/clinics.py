"""Clinics, and finding them by name and place."""

from __future__ import annotations

from dataclasses import replace

from qure.application.changes import Changes
from qure.application.clinics.geography import distance_km
from qure.application.ports.storage import ClinicFilter, FoundClinic, Page
from qure.domain.clinic import Clinic
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId
from tests.support.memory.places import MemoryServices
from tests.support.memory.state import ClinicPlace, State


class MemoryClinics:
    """See ``Clinics``."""

    def __init__(self, state: State, changes: Changes) -> None:
        self._state = state
        self._changes = changes
        self._services = MemoryServices(state, changes)

    async def add(self, clinic: Clinic) -> None:
        """Raises ``Conflict`` (``clinic_exists``)."""
        self._claim_place(clinic)
        self._changes.note(clinic)
        self._state.clinics[clinic.id] = _kept(clinic)
        await self._services.add(clinic.service)

    async def get(self, id: ClinicId, *, lock: bool = False) -> Clinic | None:
        clinic = self._state.clinics.get(id)
        return None if clinic is None else self._found(clinic)

    async def save(self, clinic: Clinic) -> None:
        """Raises ``Conflict`` (``clinic_exists``)."""
        before = _place(self._state.clinics[clinic.id])
        if before != _place(clinic):
            self._claim_place(clinic)
            self._state.clinics_by_place.discard(before)
        self._changes.note(clinic)
        self._state.clinics[clinic.id] = _kept(clinic)
        await self._services.save(clinic.service)

    async def search(self, wanted: ClinicFilter, *, page: Page) -> tuple[list[FoundClinic], int]:
        """Nearest first (then by id), else newest first."""
        found = [
            FoundClinic(clinic, _distance(wanted, clinic))
            for clinic in self._state.clinics.values()
            if _matches(clinic, wanted)
        ]
        if wanted.nearby is None:
            found.sort(key=lambda each: (each.clinic.created_at, each.clinic.id), reverse=True)
        else:
            radius = wanted.nearby.radius_km
            found = [each for each in found if (each.distance_km or 0.0) <= radius]
            found.sort(key=lambda each: (each.distance_km or 0.0, each.clinic.id))
        shown = found[page.offset : page.offset + page.size]
        return [replace(each, clinic=self._found(each.clinic)) for each in shown], len(found)

    async def after(self, id: ClinicId, *, limit: int) -> list[Clinic]:
        """By id."""
        later = sorted(each for each in self._state.clinics if each > id)
        return [self._found(self._state.clinics[each]) for each in later[:limit]]

    async def by_join_digest(self, digest: str) -> Clinic | None:
        clinics = self._state.clinics.values()
        return next((self._found(one) for one in clinics if one.join_digest == digest), None)

    def _claim_place(self, clinic: Clinic) -> None:
        place = _place(clinic)
        if place in self._state.clinics_by_place:
            raise Conflict("clinic_exists", "A clinic of this name at this position exists.")
        self._state.clinics_by_place[place] = clinic.id

    def _found(self, clinic: Clinic) -> Clinic:
        service = self._state.services.get(clinic.service.id) or clinic.service
        return replace(clinic, service=replace(service, events=[]), events=[])


def _kept(clinic: Clinic) -> Clinic:
    """A copy, without what has happened to it. Its service as it stands is kept with the others."""
    return replace(clinic, events=[])


def _place(clinic: Clinic) -> ClinicPlace:
    return clinic.name.casefold(), clinic.latitude, clinic.longitude


def _matches(clinic: Clinic, wanted: ClinicFilter) -> bool:
    return (
        clinic.is_active
        and (wanted.type is None or clinic.type is wanted.type)
        and (wanted.query is None or wanted.query.casefold() in clinic.name.casefold())
    )


def _distance(wanted: ClinicFilter, clinic: Clinic) -> float | None:
    if wanted.nearby is None:
        return None
    return distance_km(wanted.nearby, clinic.latitude, clinic.longitude)
