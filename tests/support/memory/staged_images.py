"""Uploads that wait for their job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from qure.application.changes import Changes
from qure.domain.ids import ImageId
from qure.domain.image import StagedImage
from tests.support.memory.state import State


class MemoryStagedImages:
    """See ``StagedImages``."""

    def __init__(self, state: State, changes: Changes) -> None:
        self._state = state
        self._changes = changes

    async def add(self, images: Sequence[StagedImage]) -> None:
        for image in images:
            self._changes.note(image)
            self._state.staged_images[image.id] = replace(image, events=[])

    async def get(self, id: ImageId) -> StagedImage | None:
        image = self._state.staged_images.get(id)
        return None if image is None else replace(image, events=[])

    async def record_attempt(self, id: ImageId, *, failed_at: datetime | None) -> int:
        """How many there were; 0 for an image that is gone."""
        image = self._state.staged_images.get(id)
        if image is None:
            return 0
        attempts = image.attempts + 1
        self._state.staged_images[id] = replace(image, attempts=attempts, failed_at=failed_at)
        return attempts

    async def delete(self, image: StagedImage) -> None:
        self._changes.note(image)
        self._state.staged_images.discard(image.id)

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
