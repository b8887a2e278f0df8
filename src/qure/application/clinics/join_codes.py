"""Join codes: what a clinic's posters carry, so that strangers can take a number at the door.

A code is derived under the service's own key from the clinic and how many codes it has had; kept
is its SHA-256. So it can be printed again, and who reads the database cannot join.
"""

from __future__ import annotations

from qure.application.ports.gateways import KeyedDigests
from qure.application.secrets import secret_digest, short_secret
from qure.domain.clinic import Clinic


class JoinCodes:
    """128 bits each, base64url."""

    def __init__(self, digests: KeyedDigests) -> None:
        self._digests = digests

    def of(self, clinic: Clinic) -> str | None:
        """The clinic's code; None without one, or when it was made under another key."""
        if clinic.join_digest is None:
            return None
        code = self._derive(clinic)
        return code if secret_digest(code) == clinic.join_digest else None

    def renew(self, clinic: Clinic) -> None:
        """Give the clinic another code: the one before lets nobody in any more."""
        clinic.join_generation += 1
        clinic.join_digest = secret_digest(self._derive(clinic))

    def _derive(self, clinic: Clinic) -> str:
        text = f"{clinic.id}:{clinic.join_generation}"
        return short_secret(self._digests.of(text, purpose="join code"))
