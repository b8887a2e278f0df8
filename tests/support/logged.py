"""What a test heard the service log."""

from __future__ import annotations

import logging

import pytest

_OF_A_CLIENT = "Unclosed "
"""How aiohttp, which only test clients use, begins when one of its leftovers is collected, be it
one of an earlier test."""


def errors_logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The messages of what was logged as an error or worse, except by clients."""
    return [
        one.getMessage()
        for one in caplog.records
        if one.levelno >= logging.ERROR and not one.getMessage().startswith(_OF_A_CLIENT)
    ]
