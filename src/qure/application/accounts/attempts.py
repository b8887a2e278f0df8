"""How often a secret may be guessed or an account be made, counted before any work is done.

A try is taken first and given back when it was right, so guesses at one instant are counted as
exactly as guesses one by one. Why these numbers: ``docs/decisions/0017-tries-and-devices.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from uuid import UUID

from qure.application.ports.gateways import Limit, Throttle
from qure.domain.errors import TooManyTries
from qure.domain.ids import UserId

ACCOUNT_ATTEMPTS = 20
"""At one account: of all strangers together, of one network, of one known device."""

ACCOUNT_EVERY_SECONDS = 45
"""When the next try of strangers at one account, or of a known device, comes back: 80 an hour."""

ACCOUNT_FROM_NETWORK_EVERY_SECONDS = 180
"""20 an hour: one network never takes more than a quarter of what strangers have."""

NETWORK_ATTEMPTS = 200
NETWORK_EVERY_SECONDS = 5
"""From one network at all accounts together: 720 an hour."""

REGISTRATION_WINDOW_SECONDS = 600

SETUP_ATTEMPTS = 10
"""From one network at the code for the first admin: at once, and as many again in 10 minutes."""


def login_limits(email: str, *, address: str | None, device: UUID | None) -> list[Limit]:
    """What a login is counted under. ``device`` is one that has logged in to this account before.

    A known device has a count of its own and nobody else's failures touch it. Whether the
    account exists makes no difference.
    """
    every = ACCOUNT_EVERY_SECONDS * 1000
    if device is not None:
        return [Limit(f"login:device:{device}", ACCOUNT_ATTEMPTS, every)]
    limits = [Limit(f"login:account:{email}", ACCOUNT_ATTEMPTS, every)]
    if address is not None:
        network = network_of(address)
        slower = ACCOUNT_FROM_NETWORK_EVERY_SECONDS * 1000
        limits += [
            Limit(f"login:account:{email}:network:{network}", ACCOUNT_ATTEMPTS, slower),
            Limit(f"login:network:{network}", NETWORK_ATTEMPTS, NETWORK_EVERY_SECONDS * 1000),
        ]
    return limits


def password_limits(user_id: UserId) -> list[Limit]:
    """What the old password is counted under when it is given for a new one."""
    return [Limit(f"password:account:{user_id}", ACCOUNT_ATTEMPTS, ACCOUNT_EVERY_SECONDS * 1000)]


def registration_limits(address: str | None, *, in_ten_minutes: int) -> list[Limit]:
    """What a registration is counted under: that many at once, and as many again in 10 minutes."""
    network = network_of(address)
    every = max(1, REGISTRATION_WINDOW_SECONDS * 1000 // in_ten_minutes)
    return [Limit(f"register:network:{network}", in_ten_minutes, every)]


def setup_limits(address: str | None) -> list[Limit]:
    """What a try to become the first admin is counted under."""
    every = REGISTRATION_WINDOW_SECONDS * 1000 // SETUP_ATTEMPTS
    return [Limit(f"setup:network:{network_of(address)}", SETUP_ATTEMPTS, every)]


def minute_limit(key: str, many: int) -> Limit:
    """So many at once, and as many again in a minute."""
    return Limit(key, many, 60_000 // many)


async def take_an_attempt(throttle: Throttle, limits: Sequence[Limit], *, refusal: str) -> None:
    """Raises ``TooManyTries`` with that sentence when there is none left under one of them."""
    seconds = await throttle.take(limits)
    if seconds is not None:
        raise TooManyTries(refusal, retry_after=seconds)


def network_of(address: str | None) -> str:
    """What counts as one place: an IPv4 address, or the /64 of an IPv6 address.

    Who has one address of a /64 has all of them (RFC 6177).
    """
    if address is None:
        return "nowhere"
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
