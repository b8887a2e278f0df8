"""The world that the use cases act in."""

from __future__ import annotations

import pytest

from tests.application.world import World


@pytest.fixture
def world() -> World:
    return World()
