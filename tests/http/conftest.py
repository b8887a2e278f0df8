"""The real application on the embedded adapters, in a folder of the test's own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from qure.adapters.sql.migrations.migrate import migrate
from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, Person, running_service


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    """A private and a public key for the whole run: making one takes its time."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with every table, to copy from."""
    path = tmp_path_factory.mktemp("migrated") / "qure.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def clock() -> FixedClock:
    """The service's time."""
    return FixedClock()


@pytest.fixture
def settings(tmp_path: Path, migrated_database: Path, key_pair: tuple[str, str]) -> Settings:
    """Nothing set but what makes tests quick."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(migrated_database, data / "qure.db")
    private, public = key_pair
    return Settings(data_dir=data, jwt_private_key=private, jwt_public_key=public, bcrypt_rounds=4)


@pytest.fixture
async def service(settings: Settings, clock: FixedClock) -> AsyncIterator[HttpService]:
    """A service that runs."""
    async with running_service(settings, clock) as service:
        yield service


@pytest.fixture
async def admin(service: HttpService) -> Person:
    """An admin who is logged in."""
    return await service.admin()
