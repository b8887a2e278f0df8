"""The RSA key pair that access JWTs are signed with: given as PEM, or made once and kept."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from qure.application.ports.setup import SetupError

MIN_KEY_BITS = 2048
"""RFC 7518 §3.3: RS256 takes no shorter key."""


class BadSigningKey(ValueError):
    """The keys cannot be used; the message is one sentence without any part of a key."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """A private key and the public key that belongs to it, loaded."""

    private: rsa.RSAPrivateKey
    public: rsa.RSAPublicKey

    @classmethod
    def given_or_kept(
        cls, private_pem: str | None, public_pem: str | None, *, folder: Path
    ) -> SigningKeys:
        """The two PEM texts if both are given, else the pair that is kept in the folder.

        Raises ``SetupError``.
        """
        if private_pem is None or public_pem is None:
            try:
                return cls.kept_in(folder)
            except (BadSigningKey, OSError) as error:
                raise SetupError(f"The keys in {folder} cannot be used: {error}") from error
        try:
            return cls.from_pem(private_pem, public_pem)
        except BadSigningKey as error:
            raise SetupError(f"JWT_PRIVATE_KEY and JWT_PUBLIC_KEY: {error}") from error

    @classmethod
    def from_pem(cls, private_pem: str, public_pem: str) -> SigningKeys:
        """Two PEM texts; ``\\n`` written as two characters stands for a line's end.

        Raises ``BadSigningKey``.
        """
        private = _private_key(private_pem)
        try:
            public = serialization.load_pem_public_key(_lines(public_pem))
        except (ValueError, UnsupportedAlgorithm):
            raise BadSigningKey("The public key is not a PEM public key.") from None
        if not isinstance(public, rsa.RSAPublicKey):
            raise BadSigningKey("The public key is not an RSA key.")
        if private.public_key().public_numbers() != public.public_numbers():
            raise BadSigningKey("The public key does not belong to the private key.")
        return cls(private, public)

    @classmethod
    def kept_in(cls, folder: Path) -> SigningKeys:
        """The pair kept in ``keys/`` of that folder, made now if there is none.

        Only the owner may read the file and enter ``keys/``. However many processes start at
        once, all of them get the same pair. Raises ``BadSigningKey`` for a damaged file, and
        ``OSError``.
        """
        file = folder / "keys" / "jwt-private-key.pem"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.parent.chmod(0o700)
            _keep_first(file, _new_private_pem())
        elif file.stat().st_mode & 0o077:
            file.chmod(0o600)
        try:
            private = _private_key(file.read_text(encoding="ascii"))
        except ValueError as error:
            raise BadSigningKey(f"The signing key in {file} cannot be used: {error}") from None
        return cls(private, private.public_key())


def _private_key(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(_lines(pem), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadSigningKey("The private key is not an unencrypted PEM private key.") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadSigningKey("The private key is not an RSA key.")
    if key.key_size < MIN_KEY_BITS:
        raise BadSigningKey(f"The RSA key has fewer than {MIN_KEY_BITS} bits.")
    return key


def _lines(pem: str) -> bytes:
    return pem.strip().strip("\"'").replace("\\n", "\n").encode()


def _new_private_pem() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=MIN_KEY_BITS).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _keep_first(file: Path, content: bytes) -> None:
    # A link appears whole or not at all, and never takes the place of an earlier one: of several
    # processes exactly one wins, and the others read what it wrote.
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            return
    finally:
        draft.unlink()
