"""Guests, who hold a link, and displays, which are let in: how long each lasts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.domain.display import (
    PAIRING_LIFE,
    POLL_INTERVAL,
    USER_CODE_LENGTH,
    USER_CODE_LETTERS,
)
from qure.domain.guest import LINK_OUTLIVES_DAY
from qure.domain.ids import UserId
from tests.support.builders import (
    NOW,
    build_display,
    build_guest_link,
    build_pairing,
    new_id,
)

INSTANT = timedelta(milliseconds=1)


def test_a_link_lets_its_guest_in_until_the_instant_it_expires() -> None:
    link = build_guest_link(UserId(new_id()), expires_at=NOW)
    assert link.is_live(NOW - INSTANT)
    assert not link.is_live(NOW)


def test_a_link_lets_in_for_an_hour_after_the_day() -> None:
    assert timedelta(hours=1) == LINK_OUTLIVES_DAY


def test_the_first_link_of_a_guest_has_opened_nothing_yet() -> None:
    link = build_guest_link(UserId(new_id()))
    assert (link.generation, link.session_id) == (1, None)


def test_a_display_shows_all_services_unless_said_until_it_is_ended() -> None:
    display = build_display()
    assert (display.service_ids, display.ended_at) == (None, None)


def test_a_device_waits_ten_minutes_to_be_let_in_and_asks_every_three_seconds() -> None:
    assert (timedelta(minutes=10), timedelta(seconds=3)) == (PAIRING_LIFE, POLL_INTERVAL)


@pytest.mark.parametrize(
    ("ago", "too_fast"),
    [(None, False), (timedelta(0), True), (POLL_INTERVAL - INSTANT, True), (POLL_INTERVAL, False)],
)
def test_a_device_that_asked_less_than_three_seconds_ago_asks_too_fast(
    ago: timedelta | None, too_fast: bool
) -> None:
    pairing = build_pairing(polled_at=None if ago is None else NOW - ago)
    assert pairing.polls_too_fast(NOW) is too_fast


def test_no_word_comes_out_of_the_letters_of_a_code_and_none_looks_like_a_digit() -> None:
    assert not set(USER_CODE_LETTERS) & set("AEIOUY0123456789")
    assert len(set(USER_CODE_LETTERS)) ** USER_CODE_LENGTH > 2**34
