"""A worker in a process of its own, which a test may kill: run as a module.

Arguments: the Redis URL, the queue's name, a file to write into, and ``hang`` or ``finish``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from qure.adapters.jobs.saq_worker import SaqWorker
from qure.application.ports.gateways import Job


async def main(url: str, queue_name: str, journal: Path, way: str) -> None:
    def note(what: str) -> None:
        with journal.open("a") as stream:
            stream.write(f"{what} {os.getpid()}\n")

    async def handle(job: Job, last_attempt: bool) -> None:
        note("began")
        if way == "hang":
            await asyncio.Event().wait()
        note("did")

    worker = SaqWorker(url, handle, queue_name=queue_name, sweep_seconds=1, drain_seconds=0.2)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    note("started")
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
