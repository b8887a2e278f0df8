"""Finished images at Cloudinary, through its own SDK."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cloudinary import exceptions, uploader

from qure.adapters.media.keys import KEY_PATTERN, name_for
from qure.adapters.threads import BoundedThreads
from qure.domain.errors import Unavailable

REFUSALS = (
    exceptions.BadRequest,
    exceptions.AuthorizationRequired,
    exceptions.NotAllowed,
    exceptions.NotFound,
    exceptions.AlreadyExists,
)
"""Answers that would be the same tomorrow. Anything else may pass: timeouts, limits, 5xx."""


class CloudinaryRefused(Exception):
    """Cloudinary said no, and will say so again: a wrong credential, most of the time."""


class CloudinaryStore:
    """Keeps images under ``folder`` of the account that ``url`` names.

    ``url`` is ``cloudinary://key:secret@cloud``; ``?upload_prefix=`` points it at another API
    server. A call takes at most ``timeout`` seconds. It is made once: trying again is the job's
    business. At most ``threads`` calls are made at once.
    """

    def __init__(
        self, url: str, *, folder: str = "qure", timeout: float = 20.0, threads: int = 10
    ) -> None:
        account = urlsplit(url)
        cloud = account.netloc.rpartition("@")[2]  # as written: ``hostname`` is in lower case
        # Given with each call, so that nothing hangs on the SDK's one global configuration.
        self._options: dict[str, Any] = {
            "cloud_name": cloud,
            "api_key": account.username,
            "api_secret": account.password,
            "oauth_token": None,
            "upload_prefix": parse_qs(account.query).get("upload_prefix", [None])[0],
            "timeout": timeout,
            "invalidate": True,
        }
        self._folder = folder
        self._timeout = timeout
        cloud, folder = re.escape(cloud), re.escape(folder)
        self._own_url = re.compile(
            rf"https://(?:res\.cloudinary\.com/{cloud}|{cloud}-res\.cloudinary\.com)"
            rf"/image/upload/(?:v\d+/)?({folder}/{KEY_PATTERN})\.[a-z]+"
        )
        self._threads = BoundedThreads("uploads", threads=threads, queue_limit=64)

    async def put(self, key: str, content: bytes, *, content_type: str) -> str:
        """Upload it and return its URL, which holds a version: the same key again overwrites.

        Raises ``Unavailable``, ``CloudinaryRefused``, and ``ValueError`` for a key or a content
        type that no store takes.
        """
        name = name_for(key, content_type)
        answer = await self._call(
            uploader.upload,
            content,
            filename=name.rsplit("/", 1)[-1],
            public_id=f"{self._folder}/{key}",
            overwrite=True,
            resource_type="image",
        )
        return str(answer["secure_url"])

    async def delete(self, url: str) -> None:
        """Destroy it, in Cloudinary's caches too; a URL that is not ours, or is gone, is ignored.

        Raises ``Unavailable`` and ``CloudinaryRefused``.
        """
        own = self._own_url.fullmatch(url)
        if own is not None:
            await self._call(uploader.destroy, own[1], resource_type="image")

    async def find(self, name: str) -> Path | None:  # noqa: ARG002 - Cloudinary shows them
        """None: none is shown from here."""
        return None

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.close()

    async def _call(self, function: Any, *args: Any, **options: Any) -> dict[str, Any]:
        try:
            # The SDK's own timeout begins anew with every connection and every byte; this one
            # holds, and leaves the thread to run into the other.
            async with asyncio.timeout(self._timeout):
                answer: dict[str, Any] = await self._threads.run(
                    function, *args, **{**self._options, **options}
                )
                return answer
        except REFUSALS as fault:
            raise CloudinaryRefused(f"Cloudinary refused: {fault}") from fault
        except (exceptions.Error, TimeoutError) as fault:
            raise Unavailable("Pictures cannot be stored at the moment.", retry_after=10) from fault
