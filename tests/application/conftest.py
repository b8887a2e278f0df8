"""The world that the use cases act in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.application.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.forecasts.close()
