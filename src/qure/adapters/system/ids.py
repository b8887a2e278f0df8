"""Ids and secrets from the system's generator."""

from __future__ import annotations

import secrets
from uuid import UUID

from uuid_utils.compat import uuid7

SECRET_BYTES = 64


class SystemIds:
    """See ``Ids``."""

    def new_id(self) -> UUID:
        """A UUID version 7 (RFC 9562), as the standard library's class."""
        return uuid7()


class SystemSecrets:
    """See ``Secrets``."""

    def new_secret(self) -> str:
        """64 bytes from the system's generator, as 128 lower-case hex digits."""
        return secrets.token_hex(SECRET_BYTES)
