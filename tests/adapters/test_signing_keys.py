"""The pair of signing keys: kept, private, the same for all, and refused when it is no good."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from qure.adapters.security import signing_keys
from qure.adapters.security.signing_keys import BadSigningKey, SigningKeys


def private_pem(key: PrivateKeyTypes, password: bytes | None = None) -> str:
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


def public_pem(key: PrivateKeyTypes) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def numbers(keys: SigningKeys) -> rsa.RSAPublicNumbers:
    assert keys.private.public_key().public_numbers() == keys.public.public_numbers()
    return keys.public.public_numbers()


def test_a_pair_is_made_once_and_found_again(tmp_path: Path) -> None:
    first = SigningKeys.kept_in(tmp_path / "data")
    assert first.private.key_size == 2048
    assert numbers(SigningKeys.kept_in(tmp_path / "data")) == numbers(first)


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    SigningKeys.kept_in(tmp_path)
    folder = tmp_path / "keys"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    SigningKeys.kept_in(tmp_path)
    (file,) = (tmp_path / "keys").iterdir()
    file.chmod(0o644)
    SigningKeys.kept_in(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_many_that_start_at_once_end_with_the_same_pair(
    tmp_path: Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = iter([rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(6)])
    monkeypatch.setattr(signing_keys, "_new_private_pem", lambda: private_pem(next(made)).encode())
    monkeypatch.setattr(Path, "exists", lambda self: False)  # all of them looked before any wrote
    with ThreadPoolExecutor(6) as threads:
        pairs = list(threads.map(SigningKeys.kept_in, [tmp_path] * 6))
    assert len({numbers(pair).n for pair in pairs}) == 1
    assert len(list((tmp_path / "keys").iterdir())) == 1


def test_a_damaged_file_is_named_and_not_replaced(tmp_path: Path) -> None:
    SigningKeys.kept_in(tmp_path)
    (file,) = (tmp_path / "keys").iterdir()
    file.write_text("nonsense")
    with pytest.raises(BadSigningKey, match=r"jwt-private-key\.pem"):
        SigningKeys.kept_in(tmp_path)
    assert file.read_text() == "nonsense"


def test_pem_texts_are_taken_with_real_and_with_written_line_ends(key: rsa.RSAPrivateKey) -> None:
    expected = key.public_key().public_numbers()
    private, public = private_pem(key), public_pem(key)
    assert numbers(SigningKeys.from_pem(private, public)) == expected
    escaped = private.replace("\n", "\\n"), f'"{public}"'.replace("\n", "\\n")
    assert numbers(SigningKeys.from_pem(*escaped)) == expected


def test_keys_that_cannot_be_used_are_refused_with_a_sentence(
    key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    refused = {
        "does not belong": (private_pem(key), public_pem(other_key)),
        "fewer than 2048": (private_pem(short), public_pem(short)),
        "private key is not an RSA": (private_pem(curve), public_pem(curve)),
        "public key is not an RSA": (private_pem(key), public_pem(curve)),
        "not an unencrypted PEM private": (private_pem(key, b"locked"), public_pem(key)),
        "not a PEM public": (private_pem(key), private_pem(key)),
    }
    for sentence, (private, public) in refused.items():
        with pytest.raises(BadSigningKey, match=sentence) as refusal:
            SigningKeys.from_pem(private, public)
        assert "BEGIN" not in str(refusal.value)
    with pytest.raises(BadSigningKey, match="not an unencrypted PEM private"):
        SigningKeys.from_pem(public_pem(key), public_pem(key))
