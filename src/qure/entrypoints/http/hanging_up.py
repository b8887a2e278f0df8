"""Work for a client that ends when the client hangs up: unpacking images is dear."""

import asyncio

from qure.application.ports.gateways import Images
from qure.entrypoints.http.bodies import AnyRequest
from qure.entrypoints.http.errors import MalformedBody


class ImagesFor:
    """``images``, for a request whose body has been read. See ``ports.gateways.Images``."""

    def __init__(self, request: AnyRequest, images: Images) -> None:
        self._request = request
        self._images = images

    async def check(self, content: bytes, *, path: str) -> None:
        """Raises ``MalformedBody`` too, when the client hung up before it was done."""
        checking = asyncio.create_task(self._images.check(content, path=path))
        hanging_up = asyncio.create_task(self._hanging_up())
        try:
            await asyncio.wait((checking, hanging_up), return_when=asyncio.FIRST_COMPLETED)
            if not checking.done():
                raise MalformedBody("body_incomplete", "The connection was closed too early.")
            await checking
        finally:
            checking.cancel()
            hanging_up.cancel()

    async def fit(self, content: bytes) -> bytes:
        """As it is."""
        return await self._images.fit(content)

    async def _hanging_up(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
