"""When a login stands, and that it ends once."""

from __future__ import annotations

from datetime import timedelta

from qure.domain.actor import SYSTEM
from qure.domain.events import SessionRevoked
from qure.domain.ids import UserId
from qure.domain.session import REFRESH_LIFE, REPEAT_WITHIN
from tests.support.builders import NOW, build_actor, build_secret, build_session, new_id


def test_a_login_lives_for_seven_days() -> None:
    assert timedelta(days=7) == REFRESH_LIFE


def test_a_login_stands_until_the_instant_it_expires() -> None:
    session = build_session(UserId(new_id()), expires_at=NOW)
    assert session.is_live(NOW - timedelta(milliseconds=1))
    assert not session.is_live(NOW)


def test_a_revoked_login_does_not_stand_and_is_revoked_only_once() -> None:
    session = build_session(UserId(new_id()))
    owner = build_actor(session.user_id)
    assert session.revoke(by=owner, at=NOW)
    assert not session.is_live(NOW)
    assert not session.revoke(by=SYSTEM, at=NOW + timedelta(hours=1))
    assert session.revoked_at == NOW
    assert session.events == [
        SessionRevoked(session_id=session.id, user_id=session.user_id, actor=owner, at=NOW)
    ]


def test_a_spent_secret_may_be_asked_again_for_ten_seconds() -> None:
    session = build_session(UserId(new_id()))
    spent, successor = build_secret(session, spent_at=NOW), build_secret(session)
    assert timedelta(seconds=10) == REPEAT_WITHIN
    assert spent.may_be_asked_again(successor, at=NOW)
    assert spent.may_be_asked_again(successor, at=NOW + REPEAT_WITHIN)
    assert not spent.may_be_asked_again(
        successor, at=NOW + REPEAT_WITHIN + timedelta(milliseconds=1)
    )


def test_a_spent_secret_may_not_be_asked_again_when_its_successor_was_used_or_is_none() -> None:
    session = build_session(UserId(new_id()))
    spent = build_secret(session, spent_at=NOW)
    assert not spent.may_be_asked_again(build_secret(session, spent_at=NOW), at=NOW)
    assert not spent.may_be_asked_again(None, at=NOW)


def test_a_secret_that_was_not_spent_is_not_asked_again() -> None:
    session = build_session(UserId(new_id()))
    assert not build_secret(session).may_be_asked_again(build_secret(session), at=NOW)
