"""What a transaction has changed, and so what it will have to tell."""

from __future__ import annotations

from typing import Protocol

from qure.domain.events import Event


class Aggregate(Protocol):
    """A thing that records what happens to it."""

    @property
    def events(self) -> list[Event]: ...


class Changes:
    """Collects the events of what is added and saved, so that nobody has to think of it.

    They stay with their aggregates until the commit has succeeded: a transaction that is done
    again with the same thing tells of it again.
    """

    def __init__(self) -> None:
        self._aggregates: dict[int, Aggregate] = {}

    def note(self, aggregate: Aggregate) -> None:
        """It was added or saved; its events count as they stand at the commit."""
        self._aggregates[id(aggregate)] = aggregate

    def events(self) -> tuple[Event, ...]:
        """In the order in which the aggregates were first noted."""
        return tuple(event for one in self._aggregates.values() for event in one.events)

    def told(self) -> None:
        """They are committed: none of the events is told again."""
        for aggregate in self._aggregates.values():
            aggregate.events.clear()
