"""The JavaScript client that phones use, run by node's own test runner."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from qure.domain.actor import Role
from tests.support.socket_service import SocketService

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "support" / "js"
ADMIN = {"email": "admin@example.org", "password": "correct horse"}


async def run(*command: str, **environment: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    return process.returncode, output.decode()


async def add_admin(service: SocketService) -> None:
    container = service.container
    user = await container.use_cases.registration.register(
        first_name="Ada",
        last_name="Lovelace",
        **ADMIN,
    )
    user.role = Role.ADMIN
    async with container.storage.write() as uow:
        await uow.users.save(user)
        await uow.commit()


@pytest.mark.timeout(300)
async def test_the_javascript_client_lives_through_every_transport(service: SocketService) -> None:
    if shutil.which("node") is None:
        pytest.fail("node is missing: install Node.js 18 or newer with npm")
    code, output = await run("scripts/install-js", "tests/support/js")
    assert code == 0, output
    await add_admin(service)
    tests = sorted(str(path) for path in FOLDER.glob("*.test.mjs"))
    assert tests
    code, output = await run(
        "node",
        "--test",
        *tests,
        QURE_TEST_URL=service.url,
        QURE_TEST_ADMIN=json.dumps(ADMIN),
    )
    assert code == 0, output
