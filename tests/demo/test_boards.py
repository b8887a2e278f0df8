"""A board that applies what it is told stands as a fresh one would."""

from __future__ import annotations

from typing import Any

from demo.boards import Board, rows_in


def token(id: str, *, version: int = 1, status: str = "WAITING", held: bool = False) -> Any:
    return {"id": id, "version": version, "status": status, "onHold": held, "ahead": None}


def snapshot(version: int, *tokens: Any) -> dict[str, Any]:
    return {"version": version, "tokens": list(tokens)}


def update(version: int, *changed: Any, order: str) -> dict[str, Any]:
    return {"version": version, "changed": list(changed), "order": list(order)}


def ids(board: Board) -> str:
    return "".join(row.token["id"] for row in board.rows())


def test_what_waits_is_counted_and_what_is_held_is_not() -> None:
    board = Board()
    board.begin(snapshot(1, token("c", status="CALLED"), token("a"), token("h", held=True)))
    board.update(update(2, token("b"), order="cahb"))
    assert [row.ahead for row in board.rows()] == [None, 0, None, 1]


def test_what_is_no_longer_in_the_order_has_left() -> None:
    board = Board()
    board.begin(snapshot(1, token("a"), token("b")))
    board.update(update(2, token("a", version=2, status="COMPLETED"), order="b"))
    assert ids(board) == "b"
    assert set(board.tokens) == {"b"}


def test_updates_that_come_before_their_snapshot_wait_for_it() -> None:
    board = Board()
    board.await_snapshot()
    board.update(update(2, token("b"), order="ab"))
    board.update(update(3, token("c"), order="abc"))
    board.begin(snapshot(2, token("a"), token("b")))
    assert (board.version, ids(board)) == (3, "abc")
    assert not board.went_back


def test_a_gap_is_noticed_and_a_new_snapshot_mends_it() -> None:
    board = Board()
    board.begin(snapshot(1, token("a")))
    assert not board.update(update(3, token("c"), order="abc"))
    assert board.gaps == 1
    board.await_snapshot()
    board.update(update(4, token("d"), order="abcd"))
    board.begin(snapshot(3, token("a"), token("b"), token("c")))
    assert (board.version, ids(board)) == (4, "abcd")


def test_something_old_is_noticed_and_not_applied() -> None:
    board = Board()
    board.begin(snapshot(5, token("a")))
    assert board.update(update(5, token("b"), order="ab"))
    assert (ids(board), board.went_back) == ("a", 1)


def test_a_board_can_be_played_again_version_by_version() -> None:
    board = Board()
    board.begin(snapshot(1, token("a")))
    board.update(update(2, token("b"), order="ab"))
    board.update(update(3, token("a", version=2, status="COMPLETED"), order="b"))
    again = [
        (version, "".join(row.token["id"] for row in rows), [one["id"] for one in changed])
        for version, rows, changed in board.replay()
    ]
    assert again == [(1, "a", ["a"]), (2, "ab", ["b"]), (3, "b", ["a"])]


def test_a_wait_may_be_another_one_while_the_board_is_the_same() -> None:
    board = Board()
    board.begin(snapshot(1, {**token("a"), "wait": None}))
    fresh = snapshot(1, {**token("a"), "ahead": 0, "wait": {"state": "next"}})
    assert board.rows() == rows_in(fresh)


def test_a_token_that_was_never_told_of_makes_it_differ_from_a_fresh_one() -> None:
    board = Board()
    board.begin(snapshot(1, token("a")))
    board.update(update(2, order="ab"))
    fresh = snapshot(2, {**token("a"), "ahead": 0}, {**token("b"), "ahead": 1})
    assert board.rows() != rows_in(fresh)
