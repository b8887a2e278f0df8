"""Finished images in a folder of this machine, shown by this server under ``/media``."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from qure.adapters.media.keys import is_name, name_for
from qure.adapters.threads import BoundedThreads
from qure.domain.errors import Unavailable

_DRAFTS = ".drafts"  # no key begins with a dot, so no request reaches it
_FORGOTTEN_SECONDS = 3600


class LocalDiskStore:
    """Keeps images as files under ``folder``; their URLs begin with ``base_url``.

    A file appears whole or not at all.
    """

    def __init__(self, folder: Path, *, base_url: str = "/media", threads: int = 4) -> None:
        self._folder = folder
        self._base_url = base_url.rstrip("/")
        self._threads = BoundedThreads("files", threads=threads, queue_limit=256)

    async def put(self, key: str, content: bytes, *, content_type: str) -> str:
        """Write it and return its URL; the same key again overwrites.

        Raises ``Unavailable`` when the disk does not take it, and ``ValueError`` for a key or a
        content type that is none of ours.
        """
        name = name_for(key, content_type)
        try:
            await self._threads.run(_write, self._folder, name, content)
        except OSError as fault:
            raise Unavailable("Pictures cannot be stored at the moment.", retry_after=10) from fault
        return f"{self._base_url}/{name}"

    async def delete(self, url: str) -> None:
        """Remove it; a URL that is not this store's, or is gone, is ignored."""
        name = url.removeprefix(f"{self._base_url}/")
        if name == url or not is_name(name):
            return
        try:
            await self._threads.run((self._folder / name).unlink, missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as fault:
            raise Unavailable("Pictures cannot be removed now.", retry_after=10) from fault

    async def find(self, name: str) -> Path | None:
        """The file that a request for ``/media/<name>`` may be answered with, if there is one.

        None for every name that ``put`` did not make, and for a link out of the folder.
        """
        if not is_name(name):
            return None
        return await self._threads.run(self._inside, self._folder / name)

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.close()

    def _inside(self, path: Path) -> Path | None:
        real = path.resolve()
        return real if real.is_relative_to(self._folder.resolve()) and real.is_file() else None


def _write(folder: Path, name: str, content: bytes) -> None:
    path, drafts = folder / name, folder / _DRAFTS
    path.parent.mkdir(parents=True, exist_ok=True)
    drafts.mkdir(exist_ok=True)
    _remove_forgotten(drafts)
    draft = drafts / secrets.token_hex(8)
    try:
        with draft.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _make_durable(path.parent)


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_forgotten(drafts: Path) -> None:
    """What processes that were killed in the middle of a write have left."""
    for draft in drafts.iterdir():
        with suppress(FileNotFoundError):  # another process tidies up too
            if time.time() - draft.stat().st_mtime > _FORGOTTEN_SECONDS:
                draft.unlink()
