"""uvicorn, for tests: it ends when it is told to, not some tenths of a second later."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import uvicorn

TICK_SECONDS = 0.1


class PromptServer(uvicorn.Server):
    """uvicorn looks ten times a second whether it shall end, and then waits a tenth of a second for
    its connections to hear of it. This one is told, and waits for nobody where nobody is connected.

    For servers whose ``should_exit`` is set on their own loop.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        self._told = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        return self._told.is_set()

    @should_exit.setter
    def should_exit(self, told: bool) -> None:
        if told:
            self._told.set()
        else:
            self._told.clear()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        await self.lifespan.shutdown()
