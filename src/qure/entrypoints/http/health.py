"""``/health``: whether the process lives, and whether it can serve."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated

import msgspec
from litestar.response.base import ASGIResponse

from qure.application.ports.gateways import Clock
from qure.container import Container
from qure.domain.errors import Unavailable
from qure.entrypoints.http.routing import Api
from qure.entrypoints.version import VERSION
from qure.wire.body import encode, instant

_TIMEOUT_SECONDS = 2.0

UP, DOWN, UNUSED = "up", "down", "not used"


class Health(msgspec.Struct):
    """The process answers."""

    health: str
    timestamp: str
    version: str
    message: str


class Readiness(msgspec.Struct, rename="camel"):
    """Each backend and its state; ``failed_images`` were given up and wait for a person."""

    health: str
    timestamp: str
    version: str
    message: str
    backends: dict[str, str]
    failed_images: int | None


router = Api("/health", tag="Health")


@router.call(
    "GET",
    "/",
    "The process lives.",
    example=Health("ok", "2025-12-30T10:00:00.000Z", VERSION, "Server is running"),
    public=True,
)
async def read_health(clock: Clock) -> Annotated[ASGIResponse, Health]:
    """Whether the process lives.

    Touches no backend.
    """
    return _answer(Health("ok", instant(clock.now()), VERSION, "Server is running"))


@router.call(
    "GET",
    "/ready",
    "Every backend answers.",
    example=Readiness(
        "ok",
        "2025-12-30T10:00:00.000Z",
        VERSION,
        "Server is ready",
        {"database": UP, "redis": UNUSED, "jobs": UP},
        0,
    ),
    public=True,
    other_status=503,
)
async def read_readiness(container: Container) -> Annotated[ASGIResponse, Readiness]:
    """Whether the process can serve.

    Names each backend and its state: `up`, `down` or `not used`.
    """
    database, jobs, failed_images = await asyncio.gather(
        _state_of(container.storage.ping()),
        _state_of(container.jobs.ping()),
        _failed_images(container),
    )
    backends = {"database": database, "redis": _redis(container), "jobs": jobs}
    is_ready = DOWN not in backends.values()
    return _answer(
        Readiness(
            "ok" if is_ready else "unavailable",
            instant(container.clock.now()),
            VERSION,
            "Server is ready" if is_ready else "A backend is away",
            backends,
            failed_images,
        ),
        status=200 if is_ready else 503,
    )


def _redis(container: Container) -> str:
    if container.settings.redis_url is None:
        return UNUSED
    return UP if container.bus.generation() is not None else DOWN


async def _state_of(ping: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await ping
    except (Unavailable, TimeoutError):
        return DOWN
    return UP


async def _failed_images(container: Container) -> int | None:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS), container.storage.read() as uow:
            return await uow.staged_images.failed_count()
    except (Unavailable, TimeoutError):
        return None


def _answer(body: Health | Readiness, *, status: int = 200) -> ASGIResponse:
    headers = {} if status == 200 else {"Retry-After": "1"}
    return ASGIResponse(
        body=encode(body), status_code=status, headers=headers, media_type="application/json"
    )
