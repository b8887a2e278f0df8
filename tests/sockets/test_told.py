"""What a client is told of a token, in whatever order its moves are announced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.adapters.sockets.told import REMEMBERED_TOKENS, News, Told
from qure.domain.token import LAWFUL_MOVES, Move, SkipReason, Token, TokenStatus
from qure.wire.socket_events import (
    YOUR_TOKEN_CALLED,
    YOUR_TOKEN_CHANGED,
    YOUR_TOKEN_COMPLETED,
    YOUR_TOKEN_SKIPPED,
    YOUR_TOKEN_STARTED,
)
from tests.support.builders import NOW, build_token

NAMES = {
    Move.CALL: YOUR_TOKEN_CALLED,
    Move.RECALL: YOUR_TOKEN_CALLED,
    Move.START: YOUR_TOKEN_STARTED,
    Move.COMPLETE: YOUR_TOKEN_COMPLETED,
    Move.SKIP: YOUR_TOKEN_SKIPPED,
}


@dataclass
class Life:
    """A token and what was announced of it, each change a minute after the one before."""

    stages: list[tuple[str, Token]]

    @classmethod
    def of(cls, *moves: Move | None) -> Life:
        """It is issued, and then these things happen; None undoes what happened last."""
        life = cls([("issued", build_token())])
        for move in moves:
            life.go_on(move)
        return life

    @property
    def now(self) -> Token:
        return self.stages[-1][1]

    def go_on(self, move: Move | None) -> None:
        at = NOW + timedelta(minutes=len(self.stages))
        if move is None:
            before, after = self.stages[-2][1], self.now
            self.stages.append((YOUR_TOKEN_CHANGED, after.restored(before, after)))
            return
        changes = {"last_called_at": at} if move in (Move.CALL, Move.RECALL) else {}
        moved = self.now.moved(move, at=at, **changes)
        if move is Move.SKIP:
            moved = replace(moved, skip_reason=SkipReason.NO_SHOW, rejoin_until=at)
        self.stages.append((NAMES.get(move, YOUR_TOKEN_CHANGED), moved))

    def heard(self, told: Told, *versions: int) -> list[str]:
        """What a client is told when these versions are announced, in this order."""
        return names([one for version in versions for one in self.tell(told, version)])

    def tell(self, told: Told, version: int) -> News:
        name, token = self.stages[version - 1]
        return told.news_of(name, replace(token))  # As decoded anew.


def names(news: News) -> list[str]:
    return [name.removeprefix("queue:your_token_") for name, _ in news]


def test_a_recall_is_heard_again_though_it_is_the_same_call() -> None:
    life = Life.of(Move.CALL, Move.RECALL, Move.RECALL, Move.START)
    assert life.heard(Told(), 2, 3, 4, 5) == ["called", "called", "called", "started"]


def test_a_recall_that_is_announced_first_stands_for_the_call_too() -> None:
    life = Life.of(Move.CALL, Move.RECALL, Move.START)
    assert life.heard(Told(), 3, 2, 4) == ["called", "started"]


def test_who_was_returned_to_the_line_is_told_so_and_of_the_next_call_again() -> None:
    life = Life.of(Move.CALL, Move.RETURN, Move.CALL, Move.START)
    assert life.heard(Told(), 2, 3, 4, 5) == ["called", "changed", "called", "started"]


def test_a_start_tells_of_the_second_call_but_not_of_the_first_when_both_are_late() -> None:
    life = Life.of(Move.CALL, Move.RETURN, Move.CALL, Move.START)
    told = Told()
    assert life.heard(told, 2, 5) == ["called", "called", "started"]
    assert life.heard(told, 3, 4) == []


def test_a_call_that_is_announced_after_it_was_taken_back_is_not_told_any_more() -> None:
    life = Life.of(Move.CALL, None)
    told = Told()
    assert life.heard(told, 3, 2) == ["changed"]
    life = Life.of(Move.CALL, Move.SKIP, Move.REJOIN)
    assert life.heard(Told(), 4, 2, 3) == ["changed"]


def test_who_never_heard_of_a_call_hears_of_it_before_its_return_to_the_line_is_undone() -> None:
    life = Life.of(Move.PRIORITY, Move.PRIORITY, Move.HOLD, Move.RESUME, Move.CALL, Move.RETURN)
    life.go_on(None)
    told = Told()
    assert life.heard(told, 7, 6, 5) == ["changed"]
    (_, called), (_, changed) = life.tell(told, 8)
    assert life.heard(told, 6, 7, 8) == []
    assert (called.status, called.called_at) == (TokenStatus.CALLED, changed.called_at)
    assert called.version == 7, "none is left between: told twice, and the newest comes last"
    assert changed == life.now


def test_who_never_heard_of_a_start_hears_of_it_before_its_return_to_the_line_is_undone() -> None:
    life = Life.of(Move.PRIORITY, Move.PRIORITY, Move.HOLD, Move.RESUME, Move.CALL, Move.START)
    life.go_on(Move.RETURN)
    life.go_on(None)
    told = Told()
    assert life.heard(told, 8, 7, 6) == ["changed"]
    news = life.tell(told, 9)
    assert names(news) == ["called", "started", "changed"]
    assert [token.version for _, token in news] == [8, 8, 9]

    told = Told()
    assert life.heard(told, 6, 8, 7, 9) == ["called", "changed", "started", "changed"]


def test_who_came_between_a_return_and_its_undoing_hears_of_the_call() -> None:
    life = Life.of(Move.CALL, Move.RETURN, None)
    told = Told()
    assert told.news_read(life.stages[2][1]) == []
    assert life.heard(told, 4) == ["called", "changed"]


@pytest.mark.parametrize(
    ("moves", "heard"),
    [
        ((Move.CALL, None), ["called", "changed"]),
        ((Move.CALL, Move.START, None), ["called", "started", "changed"]),
        ((Move.CALL, Move.SKIP, None), ["called", "skipped", "changed"]),
        ((Move.CALL, Move.RETURN, None), ["called", "changed", "changed"]),
        (
            (Move.CALL, Move.START, Move.RETURN, None),
            ["called", "started", "changed", "changed"],
        ),
        (
            (Move.CALL, Move.START, Move.COMPLETE, None),
            ["called", "started", "completed", "changed"],
        ),
        ((Move.HOLD, Move.RESUME, Move.CALL), ["changed", "changed", "called"]),
        ((Move.CALL, Move.TRANSFER), ["called", "changed"]),
        ((Move.LEAVE,), ["changed"]),
    ],
)
def test_of_what_is_announced_in_order_each_is_told_as_it_is_and_nothing_else(
    moves: tuple[Move | None, ...], heard: list[str]
) -> None:
    life = Life.of(*moves)
    assert life.heard(Told(), *range(2, len(life.stages) + 1)) == heard


def test_what_is_told_late_looks_as_it_did_then() -> None:
    life = Life.of(Move.CALL, Move.SKIP)
    (_, called), (_, skipped) = life.tell(Told(), 3)
    assert (called.status, called.version) == (TokenStatus.CALLED, 2)
    assert called.called_at == life.stages[1][1].called_at
    assert (called.skipped_at, called.skip_reason, called.rejoin_until) == (None, None, None)
    assert skipped == life.now

    life = Life.of(Move.CALL, Move.START, Move.TRANSFER)
    (_, called), (_, started), (_, gone) = life.tell(Told(), 4)
    assert (called.status, called.started_at, called.version) == (TokenStatus.CALLED, None, 2)
    assert (started.status, started.completed_at) == (TokenStatus.IN_PROGRESS, None)
    assert (started.transferred_to, started.version, gone.version) == (None, 3, 4)


def test_who_comes_when_all_is_over_is_not_told_of_a_call_when_that_is_undone() -> None:
    """The phone that was not there when it was called, and is there when a mistake is mended."""
    life = Life.of(Move.CALL, Move.START, Move.COMPLETE, None)
    assert life.heard(Told(), 5) == ["changed"]


def test_who_waited_when_it_came_is_told_of_a_call_that_is_announced_after_it_was_mended() -> None:
    life = Life.of(Move.CALL, Move.SKIP, None)
    told = Told()
    assert told.news_read(life.stages[0][1]) == []
    assert life.heard(told, 4) == ["called", "changed"]


def test_on_coming_a_client_is_told_of_a_call_or_a_start_and_of_nothing_else() -> None:
    told = Told()
    waiting, called, started = (one for _, one in Life.of(Move.CALL, Move.START).stages)
    assert told.news_read(waiting) == []
    assert names(told.news_read(called)) == ["called"]
    assert told.news_read(replace(called)) == []
    assert names(told.news_read(started)) == ["started"]
    assert told.news_read(called) == []


def test_a_client_that_has_missed_it_learns_that_it_waits_again() -> None:
    life = Life.of(Move.CALL, Move.RETURN)
    told = Told()
    assert life.heard(told, 2) == ["called"]
    assert names(told.news_read(life.now)) == ["changed"]
    assert told.news_read(life.now) == []


def test_the_last_tokens_are_remembered_and_no_more() -> None:
    told = Told()
    tokens = [build_token(status=TokenStatus.CALLED) for _ in range(REMEMBERED_TOKENS + 1)]
    assert all(told.is_news(token) for token in tokens)
    assert not told.is_news(tokens[-1])
    assert told.is_news(tokens[0]), "forgotten, and told again rather than never"


@st.composite
def lives(draw: st.DrawFn) -> Life:
    life = Life.of()
    for _ in range(draw(st.integers(0, 10))):
        possible: list[Move | None] = [
            move for move, ways in LAWFUL_MOVES.items() if life.now.status in ways
        ]
        if len(life.stages) > 1:
            possible.append(None)
        if not possible:
            break
        life.go_on(draw(st.sampled_from(possible)))
    return life


@settings(max_examples=400)
@given(lives(), st.data())
def test_in_whatever_order_moves_are_announced_no_version_is_followed_by_an_older_one(
    life: Life, data: st.DataObject
) -> None:
    versions = list(range(2, len(life.stages) + 1))
    announced = data.draw(st.permutations(versions + versions[:2]))
    told, heard = Told(), News()
    for version in announced:
        news = life.tell(told, version)
        if news:  # The last of it is what was announced, and newer than all that was told.
            assert news[-1] == life.stages[version - 1]
            assert all(token.version < version for _, token in heard + news[:-1])
        heard += news
    seen = [token.version for _, token in heard]
    assert seen == sorted(seen)
    assert len({(name, token.version) for name, token in heard}) == len(heard)
    if versions:
        assert heard[-1] == life.stages[-1]


@settings(max_examples=400)
@given(lives(), st.data())
def test_whoever_hears_what_became_of_a_call_has_heard_of_the_call(
    life: Life, data: st.DataObject
) -> None:
    versions = list(range(2, len(life.stages) + 1))
    told, calls, starts = Told(), set(), set()
    told.news_read(life.stages[0][1])
    for version in data.draw(st.permutations(versions)):
        for name, token in life.tell(told, version):
            if name == YOUR_TOKEN_CALLED:
                calls.add(token.called_at)
            if name == YOUR_TOKEN_STARTED:
                starts.add(token.started_at)
            assert token.called_at is None or token.called_at in calls
            assert token.started_at is None or token.started_at in starts


@settings(max_examples=200)
@given(lives())
def test_what_is_announced_in_order_is_told_as_it_is(life: Life) -> None:
    told = Told()
    heard = [one for version in range(2, len(life.stages) + 1) for one in life.tell(told, version)]
    assert heard == life.stages[1:]
