"""Device tokens: how a device shows that it has logged in to an account before.

After OWASP's *Slow Down Online Guessing Attacks with Device Cookies*. A token gives no right at
all; whoever has one is only counted apart from strangers when logging in to that account.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from uuid import UUID

from qure.application.ports.gateways import KeyedDigests

DEVICE_LIFE = timedelta(days=90)
"""How long after its last login or refresh a device is still known."""

_TOKEN = re.compile(r"([0-9a-f]{32})\.([0-9]{1,11})\.([0-9a-f]{128})", re.ASCII)


def issue_device_token(device: UUID, email: str, *, digests: KeyedDigests, at: datetime) -> str:
    """What that device shows from now on when it logs in to the account of ``email``."""
    issued = int(at.timestamp())
    return f"{device.hex}.{issued}.{_seal(device.hex, issued, email, digests)}"


def known_device(
    token: str | None, email: str, *, digests: KeyedDigests, at: datetime
) -> UUID | None:
    """The device that shows ``token``; None if it is not known to the account of ``email``."""
    found = _TOKEN.fullmatch(token or "")
    if found is None:
        return None
    device, issued = found[1], int(found[2])
    if not compare_digest(found[3], _seal(device, issued, email, digests)):
        return None
    # Sealed by us, so it is an instant.
    expires_at = datetime.fromtimestamp(issued, UTC) + DEVICE_LIFE
    return UUID(device) if at < expires_at else None


def _seal(device: str, issued: int, email: str, digests: KeyedDigests) -> str:
    return digests.of(f"{device}.{issued}.{email}", purpose="device token")
