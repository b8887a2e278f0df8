"""What is still to be done: uploads that wait for their job, events that wait to be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from qure.adapters.memory.state import State
from qure.application.ports.storage import OutboxEntry
from qure.domain.ids import EntryId, ImageId
from qure.domain.image import StagedImage


class MemoryStagedImages:
    """See ``StagedImages``."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, images: Sequence[StagedImage]) -> None:
        for image in images:
            self._state.staged_images[image.id] = replace(image)

    async def get(self, id: ImageId) -> StagedImage | None:
        image = self._state.staged_images.get(id)
        return None if image is None else replace(image)

    async def record_attempt(self, id: ImageId, *, failed_at: datetime | None) -> int:
        """How many there were; 0 for an image that is gone."""
        image = self._state.staged_images.get(id)
        if image is None:
            return 0
        attempts = image.attempts + 1
        self._state.staged_images[id] = replace(image, attempts=attempts, failed_at=failed_at)
        return attempts

    async def delete(self, id: ImageId) -> None:
        self._state.staged_images.discard(id)

    async def waiting(self, *, before: datetime, limit: int) -> list[ImageId]:
        """Oldest first."""
        waiting = [
            (image.created_at, image.id)
            for image in self._state.staged_images.values()
            if image.failed_at is None and image.created_at < before
        ]
        return [id for _, id in sorted(waiting)[:limit]]

    async def failed_count(self) -> int:
        return sum(image.failed_at is not None for image in self._state.staged_images.values())

    async def delete_failed(self, *, before: datetime) -> int:
        """How many went."""
        failed = [
            image.id
            for image in self._state.staged_images.values()
            if image.failed_at is not None and image.failed_at < before
        ]
        for id in failed:
            self._state.staged_images.discard(id)
        return len(failed)


class MemoryOutbox:
    """See ``Outbox``. Entries lie in the order in which their transactions were committed."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def pending(self, *, before: datetime, limit: int) -> list[OutboxEntry]:
        """Oldest first."""
        entries = [e for e in self._waiting() if e.created_at <= before]
        return entries[:limit]

    async def kept(self, *, after: datetime, limit: int) -> list[OutboxEntry]:
        """The newest ``limit`` of them, oldest first."""
        entries = [e for e in self._state.outbox.values() if e.created_at > after]
        return entries[-limit:]

    async def mark_sent(self, ids: Iterable[EntryId], *, at: datetime) -> None:
        for id in ids:
            if id in self._state.outbox:
                self._state.sent_at[id] = at

    async def delete_sent(self, *, before: datetime) -> int:
        old = [id for id in self._state.sent_at if self._state.sent_at[id] < before]
        for id in old:
            self._state.sent_at.discard(id)
            self._state.outbox.discard(id)
        return len(old)

    async def depth(self) -> int:
        return len(self._waiting())

    def _waiting(self) -> list[OutboxEntry]:
        return [e for e in self._state.outbox.values() if e.id not in self._state.sent_at]
