"""What every test of a filled database begins with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/qure.db"
    dsn: str = request.getfixturevalue("postgres_database")
    return dsn


@pytest.fixture
def now() -> datetime:
    """The migration to 0004 asks the clock which days go on."""
    return datetime.now(UTC)
