"""Everything that anybody was told of a number, put together: its life, version by version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from demo.phones import App
from demo.story import Day

Token = dict[str, Any]
Life = dict[int, Token]

FOR_STAFF = frozenset({"name", "phone", "note", "ahead", "wait"})
COMEBACKS = frozenset({"return", "rejoin", "undo"})


class Act(NamedTuple):
    """A move that somebody was told they had made, and the token after it."""

    move: str
    token: Token
    asked: float
    by: App


@dataclass(slots=True)
class Evidence:
    """``lives`` are by token, then by version. Not every version need be known."""

    lives: dict[str, Life] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    def steps(self, token_id: str) -> Iterator[tuple[Token, Token]]:
        """Each two versions of a token that followed one another."""
        life = self.lives[token_id]
        for version in sorted(life):
            if version - 1 in life:
                yield life[version - 1], life[version]

    def note(self, token: Token) -> None:
        """Somebody was told that a token stands so; everybody must be told the same."""
        told = {key: value for key, value in token.items() if key not in FOR_STAFF}
        known = self.lives.setdefault(told["id"], {}).setdefault(told["version"], told)
        if known != told:
            differ = sorted(key for key in told if known.get(key) != told[key])
            self.contradictions.append(
                f"{told['label']} was told in two ways at version {told['version']}: {differ}."
            )


def gather(day: Day) -> Evidence:
    """From everybody's answers, phones and boards, and from the lists at the end."""
    evidence = Evidence()
    for clinic in day.clinics:
        for app in dict.fromkeys(clinic.apps):
            for answer in app.answers:
                for token in answer.tokens:
                    evidence.acts.append(Act(answer.move, token, answer.asked, app))
            for token in _told(app):
                evidence.note(token)
        for snapshot in clinic.snapshots:
            for token in snapshot["tokens"]:
                evidence.note(token)
        for line in clinic.lines:
            for token in line.final.tokens if line.final else ():
                evidence.note(token)
    return evidence


def _told(app: App) -> Iterator[Token]:
    for answer in app.answers:
        yield from answer.tokens
    for heard in app.heard:
        yield heard.token
    for board in app.boards.values():
        for _, _, changed in board.replay():
            yield from changed
