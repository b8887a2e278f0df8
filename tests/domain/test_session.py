"""When a login stands, and that it ends once."""

from __future__ import annotations

from datetime import timedelta

from qure.domain.ids import UserId
from qure.domain.session import REFRESH_LIFE
from tests.builders import NOW, build_session, new_id


def test_a_login_lives_for_seven_days() -> None:
    assert timedelta(days=7) == REFRESH_LIFE


def test_a_login_stands_until_the_instant_it_expires() -> None:
    session = build_session(UserId(new_id()), expires_at=NOW)
    assert session.is_live(NOW - timedelta(milliseconds=1))
    assert not session.is_live(NOW)


def test_a_revoked_login_does_not_stand_and_is_revoked_only_once() -> None:
    session = build_session(UserId(new_id()))
    assert session.revoke(at=NOW)
    assert not session.is_live(NOW)
    assert not session.revoke(at=NOW + timedelta(hours=1))
    assert session.revoked_at == NOW
