"""All active clinics by where they are, held in this process and kept exact by announcements."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from contextvars import Context
from itertools import islice
from uuid import UUID

from qure.application.announcing.trust import Generation, Trust
from qure.application.clinics.position_index import Nearest, PlaceIndex
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import ClinicFilter, Page, Storage
from qure.domain.clinic import Clinic
from qure.domain.errors import Unavailable
from qure.domain.events import ClinicChanged
from qure.domain.ids import ClinicId

logger = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024 * 1024
MAX_CHANGED = 10_000
BATCH = 50
"""How many clinics are taken in before others get their turn."""

_FIRST = ClinicId(UUID(int=0))


class _Held:
    """What has been read since nothing was missed."""

    def __init__(self) -> None:
        self.index = PlaceIndex()
        self.last = _FIRST
        self.has_all = False
        self.is_given_up = False
        self.changed: dict[ClinicId, object] = {}
        """Announced but not read again yet, each with the mark of the last announcement."""

    @property
    def is_exact(self) -> bool:
        return self.has_all and not self.changed

    def give_up(self) -> None:
        """Free the memory, and do without until something is missed."""
        self.is_given_up = True
        self.index = PlaceIndex()
        self.changed.clear()


class NearbyClinics:
    """Searches around a place, answered without a backend: as long as every change is heard.

    The clinics are read in the background when somebody first searches, in small pieces;
    meanwhile, while anything that was announced has not been read again, and for circles that hold
    too much, there is no answer here and the database is asked. So a search that begins after a
    change was announced here sees it. ``body`` makes what is shown of a clinic. More than
    ``max_bytes`` of clinics are not held at all.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        generation: Generation,
        body: Callable[[Clinic], bytes],
        max_bytes: int = MAX_BYTES,
        max_changed: int = MAX_CHANGED,
    ) -> None:
        self._storage = storage
        self._trust = Trust(generation, forget=self._forget_all)
        self._body = body
        self._max_bytes = max_bytes
        self._max_changed = max_changed
        self._held: _Held | None = None
        self._reading: asyncio.Task[None] | None = None

    def search(self, wanted: ClinicFilter, *, page: Page) -> Nearest | None:
        """What ``Clinics.search`` would find, or None when that has to be asked."""
        if wanted.nearby is None or not self._trust.holds():
            return None
        held = self._held
        if held is None:
            held = self._held = _Held()
        if held.is_given_up:
            return None
        if held.is_exact:
            return held.index.search(wanted, wanted.nearby, page=page)
        if self._reading is None or self._reading.done():
            # Of nobody's request: whose it is must not show in its log lines.
            self._reading = asyncio.create_task(self._read(held), context=Context())
        return None

    def receive(self, entry: JournalEntry) -> None:
        """A clinic that has changed is read again before the next answer from here."""
        for event in entry.events:
            if isinstance(event, ClinicChanged):
                self._forget(event.clinic_id)

    def _forget_all(self) -> None:
        self._held = None

    def _forget(self, clinic_id: ClinicId) -> None:
        held = self._held
        if held is None or held.is_given_up:
            return
        held.changed[clinic_id] = object()
        if len(held.changed) > self._max_changed:
            self._held = None

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self, held: _Held) -> None:
        try:
            while self._held is held and not held.is_exact and not held.is_given_up:
                await (self._read_changed(held) if held.has_all else self._read_more(held))
                # What stays is looked at once, now, and not by tens of thousands in one go.
                gc.collect(0)
                await asyncio.sleep(0)
        except Unavailable as error:
            logger.warning("clinics cannot be read into memory now: %s", error.message)
        except Exception:
            logger.exception("reading clinics into memory failed: searches go without")
            held.give_up()

    async def _read_more(self, held: _Held) -> None:
        async with self._storage.read() as uow:
            found = await uow.clinics.after(held.last, limit=BATCH)
        for clinic in found:
            self._take(held, clinic)
        if len(found) < BATCH:
            held.has_all = True
            logger.info("%d clinics are held in memory", len(held.index))
        else:
            held.last = found[-1].id

    async def _read_changed(self, held: _Held) -> None:
        asked = tuple(islice(held.changed.items(), BATCH))
        async with self._storage.read() as uow:
            found = [(id, mark, await uow.clinics.get(id)) for id, mark in asked]
        for id, mark, clinic in found:
            # Announced again meanwhile, it may be older than that: it stays to be read.
            if held.changed.get(id) is mark:
                del held.changed[id]
                if clinic is not None:
                    self._take(held, clinic)

    def _take(self, held: _Held, clinic: Clinic) -> None:
        if held.is_given_up:
            return
        if not clinic.is_active:
            held.index.remove(clinic.id)
            return
        held.index.put(clinic, self._body(clinic))
        if held.index.size > self._max_bytes:
            logger.warning("there are too many clinics to hold in memory: searches go without")
            held.give_up()
