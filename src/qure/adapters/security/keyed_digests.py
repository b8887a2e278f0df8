"""HMAC-SHA512 (RFC 2104) under keys that are derived from the signing key (HKDF, RFC 5869)."""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from qure.adapters.security.signing_keys import SigningKeys

KEY_BYTES = 64


class HmacDigests:
    """See ``KeyedDigests``. One secret to keep: who has the signing key needs no other."""

    def __init__(self, keys: SigningKeys) -> None:
        self._secret = keys.private.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._keys: dict[str, bytes] = {}

    def of(self, text: str, *, purpose: str) -> str:
        """128 lower-case hex digits. The key of a purpose is derived once."""
        key = self._keys.get(purpose)
        if key is None:
            info = f"qure {purpose}".encode()
            derivation = HKDF(algorithm=hashes.SHA512(), length=KEY_BYTES, salt=None, info=info)
            key = self._keys[purpose] = derivation.derive(self._secret)
        return hmac.digest(key, text.encode(), "sha512").hex()
