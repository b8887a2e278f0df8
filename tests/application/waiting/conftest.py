"""A clinic at work."""

from __future__ import annotations

import pytest

from tests.application.waiting.practice import Practice
from tests.application.world import World


@pytest.fixture
async def practice(world: World) -> Practice:
    return await Practice(world).set_up()
