"""Whether boards, statuses and places were true, and whoever was called was next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from demo.boards import Row, rows_in
from demo.lines import Line
from demo.story import Clinic
from demo.verdict.evidence import Evidence, Token

SHOWN_NEXT = 5
MOST_PRIORITY_IN_A_ROW = 2


def about_boards(clinic: Clinic, line: Line, evidence: Evidence) -> Iterator[str]:
    """Every broken promise about what was shown of that queue."""
    for app in clinic.staff:
        board = app.boards.get(line.queue_id)
        if board is None or line.final is None or not app.is_connected:
            continue
        if board.went_back:
            yield f"{app.name}'s board of {line.name} was told something old."
        if board.version != line.final.board["version"] or board.rows() != rows_in(
            line.final.board
        ):
            yield f"{app.name}'s board of {line.name} is not as it stands."
    told = _Told(clinic, line, evidence)
    known, before = 0, list[Row]()
    for version, rows, changed in clinic.host.boards[line.queue_id].replay():
        yield from told.about(version, rows)
        if version == known + 1:
            for token in changed:
                yield from told.about_turn(token, before)
        else:  # The board was asked for anew: what happened in between is not known.
            told.priority_run = 0
        known, before = version, rows


class _Told:
    """What was told of one queue, to be held against its board at the same version."""

    def __init__(self, clinic: Clinic, line: Line, evidence: Evidence) -> None:
        self._line = line
        self._statuses: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self._places: dict[int, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self._snapshots: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self._moves = {(one.token["id"], one.token["version"]): one.move for one in evidence.acts}
        self._private = {*evidence.lives, *(one.app.id for one in clinic.patients)}
        self._private |= {one.app.name for one in clinic.patients}
        self.priority_run = 0
        for app in clinic.apps:
            for status in app.statuses.get(line.queue_id, ()):
                self._statuses[status["version"]].append(status)
            for place in app.places:
                if place["queueId"] == line.queue_id:
                    self._places[place["version"]].append((app.name, place))
        for snapshot in clinic.snapshots:
            if snapshot["queue"]["id"] == line.queue_id:
                self._snapshots[snapshot["version"]].append(snapshot)

    def about(self, version: int, rows: list[Row]) -> Iterator[str]:
        """What is wrong of what was told at that version."""
        at = f"{self._line.name}, version {version}:"
        for snapshot in self._snapshots[version]:
            if rows_in(snapshot) != rows:
                yield f"{at} a fresh board differs from one that was carried on."
        yield from self._about_statuses(at, self._statuses[version], rows)
        ahead = {row.token["id"]: row.ahead for row in rows}
        for name, place in self._places[version]:
            if place["ahead"] != ahead.get(place["tokenId"]):
                yield f"{at} {name} was told {place['ahead']} ahead."

    def _about_statuses(
        self, at: str, statuses: list[dict[str, Any]], rows: list[Row]
    ) -> Iterator[str]:
        if any(status != statuses[0] for status in statuses):
            yield f"{at} the status was told in two ways."
        for status in statuses[:1]:
            if not _agrees(status, rows):
                yield f"{at} the status does not agree with the board."
            if not self._private.isdisjoint(_texts(status)):
                yield f"{at} the status tells whose number it is."

    def about_turn(self, token: Token, before: list[Row]) -> Iterator[str]:
        """Whether a token that has changed was called in its turn; ``before`` is the board then."""
        move = self._moves.get((token["id"], token["version"]))
        if move in ("call", "undo"):
            self.priority_run = 0
        if move != "call-next":
            return
        waiting = [row.token for row in before if row.ahead is not None]
        if not waiting or waiting[0]["id"] != token["id"]:
            yield f"{token['label']} was called, and was not next."
            return
        classes = {one["priority"] for one in waiting}
        if "URGENT" in classes and token["priority"] != "URGENT":
            yield f"{token['label']} was called while somebody urgent waited."
        if token["priority"] == "PRIORITY" and "NORMAL" in classes:
            self.priority_run += 1
        elif token["priority"] != "URGENT":
            self.priority_run = 0
        if self.priority_run > MOST_PRIORITY_IN_A_ROW:
            yield f"{token['label']} was called before others once too often."


def _texts(told: Any) -> Iterator[str]:
    """Every text in it, however deep."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for value in told.values():
            yield from _texts(value)
    elif isinstance(told, list):
        for value in told:
            yield from _texts(value)


def _agrees(status: dict[str, Any], rows: list[Row]) -> bool:
    waiting = [row.token for row in rows if row.token["status"] == "WAITING"]
    called_next = [row.token["label"] for row in rows if row.ahead is not None]
    return bool(
        status["waitingCount"] == len(waiting)
        and status["onHoldCount"] == sum(one["onHold"] for one in waiting)
        and status["next"] == called_next[:SHOWN_NEXT]
    )
