"""A queue as staff see it: a snapshot, carried on by updates, as ``join-desk`` promises it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from sys import intern
from typing import Any, NamedTuple

Token = dict[str, Any]


class Row(NamedTuple):
    """A token on the board, and how many are called before it."""

    token: Token
    ahead: int | None


class Board:
    """What a member of staff has on the screen, and everything that it was made of.

    Updates that come before their snapshot wait for it. ``went_back`` counts updates that were
    older than what was known, ``gaps`` those that came too early: then the board is asked for anew.
    """

    def __init__(self) -> None:
        self.version = 0
        self.status: dict[str, Any] = {}
        self.tokens: dict[str, Token] = {}
        self.order: list[str] = []
        self.has_begun = False
        self.went_back = 0
        self.gaps = 0
        self.on_change: Callable[[Iterable[Token]], None] = lambda _tokens: None
        self._told: list[dict[str, Any]] = []
        self._early: list[dict[str, Any]] = []

    def await_snapshot(self) -> None:
        """It has been asked for."""
        self.has_begun = False

    def begin(self, snapshot: dict[str, Any]) -> None:
        """The answer to ``join-desk``."""
        self._take(snapshot)
        self.has_begun = True
        early, self._early = self._early, []
        for update in early:
            if update["version"] > self.version:
                self.update(update)

    def update(self, update: dict[str, Any]) -> bool:
        """One change. False when there is a gap before it: then the board must be asked for."""
        if not self.has_begun:
            self._early.append(update)
            return True
        if update["version"] <= self.version:
            self.went_back += 1
            return True
        if update["version"] > self.version + 1:
            self.gaps += 1
            return False
        self._take(update)
        return True

    def rows(self) -> list[Row]:
        """As it stands: in call order."""
        return rows_of(self.tokens, self.order)

    def replay(self) -> Iterator[tuple[int, list[Row], list[Token]]]:
        """Each version that it had, with its rows and the tokens that had changed."""
        again = Board()
        for told in self._told:
            again._take(told)
            yield again.version, again.rows(), [by_itself(one) for one in _changed(told)]

    def _take(self, told: dict[str, Any]) -> None:
        self._told.append(told)
        if "tokens" in told:
            self.tokens = {}
        for token in _changed(told):
            self.tokens[token["id"]] = by_itself(token)
        order = told["order"] if "order" in told else [one["id"] for one in told["tokens"]]
        told["order"] = self.order = [intern(one) for one in order]  # Told many times: kept once.
        on_it = set(self.order)
        self.tokens = {id: token for id, token in self.tokens.items() if id in on_it}
        self.version = told["version"]
        self.status = told.get("status", self.status)
        self.on_change(_changed(told))


def rows_of(tokens: dict[str, Token], order: Iterable[str]) -> list[Row]:
    """What an update's order says: ahead of one that waits are those that wait and come before.

    A token that it names without having told of it is no row: a fresh board has one then.
    """
    rows = []
    waiting = 0
    for token in (tokens[id] for id in order if id in tokens):
        waits = token["status"] == "WAITING" and not token["onHold"]
        rows.append(Row(token, waiting if waits else None))
        waiting += waits
    return rows


def rows_in(snapshot: dict[str, Any]) -> list[Row]:
    """What a snapshot says of itself."""
    return [Row(by_itself(token), token["ahead"]) for token in snapshot["tokens"]]


def by_itself(token: Token) -> Token:
    """A token without its place and its wait, which may change when the token does not."""
    return {key: value for key, value in token.items() if key not in ("ahead", "wait")}


def _changed(told: dict[str, Any]) -> list[Token]:
    changed: list[Token] = told["changed"] if "changed" in told else told["tokens"]
    return changed
