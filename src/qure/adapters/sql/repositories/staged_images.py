"""Uploads that wait for their job, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update

from qure.adapters.sql.mapping import image_values, to_image
from qure.adapters.sql.rows.records import STAGED_IMAGES
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.domain.ids import ImageId
from qure.domain.image import StagedImage

_ADD = insert(STAGED_IMAGES)
_GET = select(STAGED_IMAGES).where(STAGED_IMAGES.c.id == bindparam("id"))
_DELETE = delete(STAGED_IMAGES).where(STAGED_IMAGES.c.id == bindparam("id"))
_RECORD_ATTEMPT = (
    update(STAGED_IMAGES)
    .where(STAGED_IMAGES.c.id == bindparam("of"))
    .values(
        attempts=STAGED_IMAGES.c.attempts + 1,
        failed_at=func.coalesce(
            bindparam("at", type_=STAGED_IMAGES.c.failed_at.type), STAGED_IMAGES.c.failed_at
        ),
    )
    .returning(STAGED_IMAGES.c.attempts)
)
_WAITING = (
    select(STAGED_IMAGES.c.id)
    .where(STAGED_IMAGES.c.failed_at.is_(None), STAGED_IMAGES.c.created_at < bindparam("before"))
    .order_by(STAGED_IMAGES.c.created_at, STAGED_IMAGES.c.id)
    .limit(bindparam("most"))
)
_FAILED_COUNT = select(func.count()).where(STAGED_IMAGES.c.failed_at.is_not(None))
_DELETE_FAILED = delete(STAGED_IMAGES).where(STAGED_IMAGES.c.failed_at < bindparam("before"))


class SqlStagedImages:
    """See ``ports.storage.StagedImages``."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes

    async def add(self, images: Sequence[StagedImage]) -> None:
        for image in images:
            self._changes.note(image)
        if images:
            await self._transaction.change(_ADD, [image_values(image) for image in images])

    async def get(self, id: ImageId) -> StagedImage | None:
        row = await self._transaction.first(_GET, {"id": id})
        return None if row is None else to_image(row)

    async def record_attempt(self, id: ImageId, *, failed_at: datetime | None) -> int:
        attempts = await self._transaction.scalar(_RECORD_ATTEMPT, {"of": id, "at": failed_at})
        return attempts or 0

    async def delete(self, image: StagedImage) -> None:
        self._changes.note(image)
        await self._transaction.change(_DELETE, {"id": image.id})

    async def waiting(self, *, before: datetime, limit: int) -> list[ImageId]:
        rows = await self._transaction.all(_WAITING, {"before": before, "most": limit})
        return [row.id for row in rows]

    async def failed_count(self) -> int:
        return int(await self._transaction.scalar(_FAILED_COUNT))

    async def delete_failed(self, *, before: datetime) -> int:
        return await self._transaction.change(_DELETE_FAILED, {"before": before})
