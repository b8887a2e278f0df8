"""What goes wrong during a day: processes killed, Redis away."""

from __future__ import annotations

import asyncio

from tests.e2e.day import Day
from tests.waiting import eventually

REDIS_AWAY_SECONDS = 5.0


async def everything_breaks(day: Day) -> None:
    """A worker dies in the middle of its uploads, a server in the rush, Redis while staff work."""
    topology = day.topology
    cloudinary = topology.cloudinary
    assert cloudinary
    assert topology.worker
    assert topology.redis
    cloudinary.hang()
    await day.reached("pictures given")
    await eventually(lambda: cloudinary.waiting > 0, within=30)
    await asyncio.to_thread(topology.worker.kill)
    cloudinary.resume()
    await asyncio.to_thread(topology.worker.start)

    await day.reached("everybody asks")
    await asyncio.to_thread(topology.processes[0].kill)
    await asyncio.to_thread(topology.processes[0].start)

    await day.reached("ten were seen")
    await asyncio.to_thread(topology.redis.stop)
    await asyncio.sleep(REDIS_AWAY_SECONDS)
    await asyncio.to_thread(topology.redis.start)
    await day.caught_up()
    day.reach("nothing disturbs any more")
