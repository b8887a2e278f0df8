"""The processes that read pictures, seen from outside, and some that behave badly."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import psutil
import pytest

from qure.adapters.media.images import PillowImages
from qure.domain.errors import Invalid
from tests.support.drawing import corners, saved
from tests.support.servers.process import is_alive, wait_until

GOOD = saved(corners(), "PNG")


def spoilt(work: str) -> tuple[str, ...]:
    """The decoder, but for what it does with a picture: its bounds are the real ones."""
    program = (
        "import os, signal, socket, sys, time\n"
        "from qure.adapters.media import decoder\n"
        f"def work(content, max_pixels):\n    {work}\n"
        "decoder.WORK.update(check=work, fit=work)\n"
        "sys.exit(decoder.main())\n"
    )
    return (sys.executable, "-P", "-c", program)


HANGING = spoilt("time.sleep(600)")


def readers(of: int | None = None) -> list[psutil.Process]:
    """The living processes that read a picture for that one, or for this one."""
    return [child for child in psutil.Process(of).children() if _reads(child)]


def _reads(process: psutil.Process) -> bool:
    try:
        return is_alive(process) and "qure.adapters.media" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def reading(**options: Any) -> AsyncIterator[PillowImages]:
    images = PillowImages(**options)
    try:
        yield images
    finally:
        await images.close()
        wait_until(lambda: not readers(), 10, "the end of every reader")


async def refusal_of(images: PillowImages, content: bytes = GOOD) -> str:
    """What both doors say, which must be the same."""
    sentences = []
    for look in (partial(images.check, path="image"), images.fit):
        with pytest.raises(Invalid) as refusal:
            await look(content)
        sentences.append(refusal.value.errors[0].message)
    assert sentences[0] == sentences[1]
    return sentences[0]
