"""A place of its own for every command: an empty folder, and none of the machine's settings."""

from __future__ import annotations

import gc
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

OURS = re.compile(r"(PORT|DATABASE|REDIS|JWT|CLOUDINARY|QURE|OTEL)(_(?!TEST_).*)?")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder that the command runs in."""
    for name in list(os.environ):
        if OURS.fullmatch(name):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """What a command sets up for the whole process is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    gc.enable()
