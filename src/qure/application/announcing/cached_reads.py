"""Reads that are remembered as encoded bytes: in the process, and behind it for all processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol
from uuid import UUID

from qure.application.ports.gateways import Cache, Lease
from qure.domain import events
from qure.domain.events import Event

DAY = 24 * 60 * 60
QUARTER_HOUR = 15 * 60

CLINIC_LISTS = "clinics"


def profile_group(user_id: UUID) -> str:
    """What is remembered of a user."""
    return f"me:{user_id}"


def clinic_group(clinic_id: UUID) -> str:
    """What is remembered of a clinic."""
    return f"clinic:{clinic_id}"


def staff_group(clinic_id: UUID) -> str:
    """What is remembered of a clinic's staff."""
    return f"staff:{clinic_id}"


def groups_changed_by(event: Event) -> Iterator[str]:
    """Which remembered reads an event makes false."""
    if isinstance(event, events.UserChanged):
        yield profile_group(event.user_id)
        for clinic_id in event.clinic_ids:
            yield staff_group(clinic_id)
    elif isinstance(event, events.ClinicChanged):
        yield clinic_group(event.clinic_id)
        yield CLINIC_LISTS


class NearCache(Protocol):
    """A ``Cache`` in this process, asked and told without waiting."""

    def peek(self, group: str, key: str) -> bytes | None: ...

    def lease(self, group: str) -> Lease: ...

    def fill(
        self, group: str, key: str, value: bytes, *, lease: Lease, ttl_seconds: int
    ) -> None: ...

    def drop_group(self, group: str) -> None: ...

    def clear(self) -> None: ...


class CachedReads:
    """Two levels of bytes: ``near`` in this process, ``far`` (if any) shared by all.

    Both are believed only while announcements are heard (see ``Principals`` for ``hearing``):
    who hears none cannot know whether the far level has been told of a change either. Losing
    them slows reads and breaks none.
    """

    def __init__(
        self, *, near: NearCache, far: Cache | None, hearing: Callable[[], int | None]
    ) -> None:
        self._near = near
        self._far = far
        self._hearing = hearing
        self._heard: int | None = None

    def peek(self, group: str, key: str) -> bytes | None:
        """The bytes, if this process holds them and may believe them."""
        return self._near.peek(group, key) if self._listen() else None

    async def get_or_load(
        self, group: str, key: str, *, ttl_seconds: int, load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """The remembered bytes, else what ``load`` gives, which is then remembered."""
        if not self._listen():
            return await load()
        found = self._near.peek(group, key)
        if found is not None:
            return found
        lease = self._near.lease(group)
        value = await self._through_far(group, key, ttl_seconds, load)
        if self._listen():
            self._near.fill(group, key, value, lease=lease, ttl_seconds=ttl_seconds)
        return value

    def forget(self, group: str) -> None:
        """It has changed. The far level is told by the relay."""
        self._near.drop_group(group)

    async def _through_far(
        self, group: str, key: str, ttl_seconds: int, load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        if self._far is None:
            return await load()
        found = await self._far.get(group, key)
        if not isinstance(found, Lease):
            return found
        value = await load()
        await self._far.put(group, key, value, lease=found, ttl_seconds=ttl_seconds)
        return value

    def _listen(self) -> bool:
        hearing = self._hearing()
        if hearing is None:
            return False
        if hearing != self._heard:
            # Clearing voids the leases too: what was read before the gap is not kept after it.
            self._near.clear()
            self._heard = hearing
        return True
