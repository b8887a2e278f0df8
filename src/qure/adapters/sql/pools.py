"""How long a connection is waited for, and how many are in use."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

# A caller hears within two seconds that the database is away or too busy.
ACQUIRE_SECONDS = 1.5
LOCK_MILLISECONDS = 1_200


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How the connections are used at this moment."""

    size: int
    in_use: int
    waiting: int


def pool_use(engine: AsyncEngine, *, waiting: int) -> PoolUse:
    """Of an engine that has a pool; ``waiting`` for a connection of it."""
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    return PoolUse(size=pool.size(), in_use=pool.checkedout(), waiting=waiting)
