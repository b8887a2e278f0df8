"""Digests under the service's own key: the same everywhere, and made by nobody else."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from qure.adapters.security.keyed_digests import HmacDigests
from qure.adapters.security.signing_keys import SigningKeys


def key_pair() -> SigningKeys:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SigningKeys(private, private.public_key())


def test_every_process_that_has_the_key_makes_the_same_digest() -> None:
    keys = key_pair()
    # As another process reads it, from another encoding of the same key.
    pem = keys.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    public = keys.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    here, there = HmacDigests(keys), HmacDigests(SigningKeys.from_pem(pem, public))
    assert here.of("text", purpose="a") == there.of("text", purpose="a")


def test_a_digest_is_64_bytes_as_hex_and_differs_by_text_purpose_and_key() -> None:
    digests = HmacDigests(key_pair())
    made = {
        digests.of("text", purpose="a"),
        digests.of("Text", purpose="a"),
        digests.of("text", purpose="b"),
        HmacDigests(key_pair()).of("text", purpose="a"),
    }
    assert len(made) == 4
    for one in made:
        assert len(bytes.fromhex(one)) == 64
        assert one == one.lower()
    assert digests.of("text", purpose="a") in made
