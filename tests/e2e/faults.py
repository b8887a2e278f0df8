"""What goes wrong during a day: processes killed, Redis away."""

from __future__ import annotations

import asyncio
from functools import partial

import httpx

from tests.e2e.day import Day
from tests.support.http_service import comes_true
from tests.support.waiting import eventually


async def everything_breaks(day: Day) -> None:
    """A worker dies in the middle of its uploads, a server in the rush, Redis while staff work."""
    cloudinary, worker, redis = day.topology.cloudinary, day.topology.worker, day.topology.redis
    assert cloudinary
    assert worker
    assert redis
    server = day.topology.processes[0]
    # Staff see some patients before, some while Redis is away, and some after it is back.
    day.rest_after(10, "Redis is away")
    day.rest_after(25, "Redis is back")

    cloudinary.hang()
    await day.reached("pictures given")
    await eventually(lambda: cloudinary.waiting > 0, within=30)
    await asyncio.to_thread(worker.kill)
    cloudinary.resume()
    await asyncio.to_thread(worker.start)

    await day.reached("everybody asks")
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)

    await day.reached("10 were seen")
    await asyncio.to_thread(redis.stop)
    day.reach("Redis is away")
    for door in day.topology.doors:
        await comes_true(partial(misses_redis, door), within=30)
    await day.reached("25 were seen")
    await asyncio.to_thread(redis.start)
    day.reach("Redis is back")
    await day.caught_up()
    day.reach("nothing disturbs any more")


async def misses_redis(door: str) -> bool:
    """Whether that process has noticed that Redis is away."""
    async with httpx.AsyncClient() as http:
        health = (await http.get(f"{door}/health/ready")).json()
    return bool(health["backends"]["redis"] == "down")
