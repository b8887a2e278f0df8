"""Secrets that people carry in links and codes, made of the digits that a port gives."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

SECRET_BYTES = 16


def short_secret(hex_digits: str) -> str:
    """The first 128 bits of these hex digits, base64url without padding (22 characters)."""
    return urlsafe_b64encode(bytes.fromhex(hex_digits)[:SECRET_BYTES]).decode().rstrip("=")


def secret_digest(secret: str) -> str:
    """What is kept of a secret: its SHA-256, as lower-case hex."""
    return sha256(secret.encode()).hexdigest()
