"""Refusals carry a stable word, a sentence, and what a client needs to go on."""

from __future__ import annotations

import pytest

from qure.domain.errors import FieldError, Invalid, NotFound, TooManyTries, Unavailable


def test_a_refusal_has_a_code_for_programs_and_a_sentence_for_people() -> None:
    refusal = NotFound("queue_not_found", "There is no such queue.")
    assert (refusal.code, refusal.message, str(refusal)) == (
        "queue_not_found",
        "There is no such queue.",
        "There is no such queue.",
    )


def test_invalid_input_lists_every_bad_field() -> None:
    bad = [FieldError("email", "No."), FieldError("name", "No.")]
    assert Invalid(bad).errors == tuple(bad)
    assert Invalid(bad).code == "validation_failed"
    assert Invalid.field("email", "No.").errors == (FieldError("email", "No."),)


@pytest.mark.parametrize(("given", "said"), [(-5, 1), (0, 1), (1, 1), (42, 42)])
def test_whoever_is_asked_to_wait_waits_a_second_at_least(given: int, said: int) -> None:
    assert TooManyTries("Slow down.", retry_after=given).retry_after == said
    assert Unavailable("Away.", retry_after=given).retry_after == said


def test_what_is_away_has_a_code_of_its_own_where_that_helps() -> None:
    assert Unavailable("Away.").code == "service_unavailable"
    assert Unavailable("Busy.", code="busy").code == "busy"
