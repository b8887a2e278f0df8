"""One lane is played quickly, several with care: where both may be played, they agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain.waiting.draws import Floats
from qure.domain.waiting.lanes import lanes_of
from qure.domain.waiting.paths import Play
from qure.domain.waiting.scene import Line, Scene, Seat, Waiting
from qure.domain.waiting.seating import seating
from qure.domain.waiting.slices import finished
from qure.domain.waiting.usual import Usual
from tests.domain.waiting.scenes import (
    MINUTE,
    NOW,
    called,
    line,
    one,
    pace,
    scene,
    seat,
    session,
    token,
    usual,
    varied,
    visits,
)

quick = settings(max_examples=40, deadline=None, database=None)


def of_those_who_wait(there: Scene, known: Usual) -> dict[str, Floats]:
    """When each is called on each path; newcomers left out."""
    instants = called(there, known)
    return {str(one.id): instants[one.id] for each in there.lines for one in each.waiting}


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[tuple[int, Waiting]], list[Seat], Usual]:
    """Who waits in which of two lines, by when they came; the desks; what is usual at them."""
    sides = draw(st.lists(st.integers(0, 1), min_size=1, max_size=8))
    chances = st.sampled_from([1.0, 1.0, 0.4])
    people = [(side, one(n, chance=draw(chances))) for n, side in enumerate(sides)]
    busy = st.sampled_from([None, NOW, NOW - 4 * MINUTE])
    breaks = st.sampled_from([(), ((NOW + 300, NOW + 1500),)])
    seats = [
        seat(n, called_at=draw(busy), away=draw(breaks)) for n in range(draw(st.integers(1, 3)))
    ]
    seen = [one for n in range(3) for one in visits(varied(6 + 4 * n, 12), at=n)]
    return people, seats, draw(st.sampled_from([usual(), usual(*seen)]))


def split(people: list[tuple[int, Waiting]], **of_second: float) -> list[Line]:
    halves = [[one for side, one in people if side == which] for which in range(2)]
    return [line(halves[0]), line(halves[1], queue=1, **of_second)]


@quick
@given(crowds())
def test_one_line_split_into_two_is_called_as_if_it_were_one(
    crowd: tuple[list[tuple[int, Waiting]], list[Seat], Usual],
) -> None:
    people, seats, known = crowd
    whole = of_those_who_wait(scene(line([one for _, one in people]), seats), known)
    merged = of_those_who_wait(scene(split(people), seats), known)
    # A notice that is over makes it a lane of its own.
    many = of_those_who_wait(scene(split(people, not_before=NOW - 1), seats), known)
    assert whole.keys() == merged.keys() == many.keys()
    for id, instants in whole.items():
        assert (instants == merged[id]).all()
        assert (instants == many[id]).all()


def test_both_ways_of_playing_let_as_many_overtake() -> None:
    known = usual(sessions=[session(n, overtakers=6, hours=8) for n in range(1, 11)])
    sides = [(n % 2, one(n)) for n in range(16)]
    merged = of_those_who_wait(scene(split(sides), 2), known)
    many = of_those_who_wait(scene(split(sides, not_before=NOW - 1), 2), known)
    for id, instants in merged.items():
        wait, other = float(instants.mean()) - NOW, float(many[id].mean()) - NOW
        assert other == pytest.approx(wait, rel=0.08, abs=MINUTE)


def test_nobody_needs_to_ask_for_those_who_wait_to_be_called() -> None:
    there, at = scene(split([(0, one(1)), (1, one(2))], not_before=NOW - 1)), pace()
    play = Play(there, lanes_of(there, {}, at), seating(there, at), at)
    finished(play.run())
    asked = called(there)
    assert play.called.keys() == {token(1), token(2)}
    assert all((play.called[id] == asked[id]).all() for id in play.called)
