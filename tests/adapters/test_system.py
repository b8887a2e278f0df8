"""The machine's clock and ids."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from qure.adapters.system.clock import SystemClock
from qure.adapters.system.ids import SystemIds, SystemSecrets


def test_the_clock_tells_utc_in_whole_milliseconds() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    after = datetime.now(UTC)
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert (before - now).total_seconds() < 0.001
    assert now <= after


def test_ids_are_uuids_of_version_7_and_sort_by_time() -> None:
    ids = [SystemIds().new_id() for _ in range(1000)]
    assert all(type(id) is UUID and id.version == 7 for id in ids)
    assert sorted(ids) == ids
    assert len(set(ids)) == len(ids)


def test_a_secret_is_64_random_bytes_as_lower_case_hex() -> None:
    secrets = {SystemSecrets().new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(len(bytes.fromhex(secret)) == 64 and secret == secret.lower() for secret in secrets)
