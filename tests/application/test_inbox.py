"""Each announced entry is heard once, by everyone, whoever brings it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qure.application.announcing.inbox import Inbox
from qure.application.ports.journal import JournalEntry
from tests.support.builders import build_entry


class Ear:
    """A subscriber that keeps what it hears, under its name, in one list with the others."""

    def __init__(self, name: str, heard: list[tuple[str, JournalEntry]]) -> None:
        self.name = name
        self.heard = heard
        self.fault: Exception | None = None

    def __call__(self, entry: JournalEntry) -> None:
        self.heard.append((self.name, entry))
        if self.fault is not None:
            raise self.fault


def ears(*names: str) -> tuple[list[tuple[str, JournalEntry]], list[Ear]]:
    heard: list[tuple[str, JournalEntry]] = []
    return heard, [Ear(name, heard) for name in names]


def test_each_entry_is_heard_once_by_each_in_their_order() -> None:
    heard, subscribers = ears("first", "second")
    inbox = Inbox(subscribers)
    one, other = build_entry(), build_entry()
    for entry in (one, one, other, one, other):
        inbox.receive(entry)
    assert heard == [("first", one), ("second", one), ("first", other), ("second", other)]


def test_an_entry_is_known_by_its_id_whoever_brings_it() -> None:
    heard, subscribers = ears("ear")
    inbox = Inbox(subscribers)
    entry = build_entry()
    inbox.receive(entry)
    inbox.receive(replace(entry))
    inbox.receive(replace(entry, id=build_entry().id))
    assert len(heard) == 2


def test_those_who_are_called_every_time_hear_what_repeats_and_are_the_first() -> None:
    heard, (once, every_time) = ears("once", "every time")
    inbox = Inbox([once], every_time=[every_time])
    entry = build_entry()
    inbox.receive(entry)
    inbox.receive(entry)
    assert heard == [("every time", entry), ("once", entry), ("every time", entry)]


def test_only_so_many_are_remembered_and_the_oldest_is_forgotten_first() -> None:
    heard, subscribers = ears("ear")
    inbox = Inbox(subscribers, remembered=3)
    entries = [build_entry() for _ in range(4)]
    for entry in (*entries, *entries[1:]):
        inbox.receive(entry)
    assert [entry for _, entry in heard] == entries
    inbox.receive(entries[0])
    assert [entry for _, entry in heard] == [*entries, entries[0]]


def test_one_who_fails_keeps_nobody_from_hearing_and_it_is_not_hushed_up() -> None:
    heard, subscribers = ears("first", "second", "third")
    subscribers[0].fault, subscribers[1].fault = LookupError("one"), ValueError("two")
    inbox = Inbox(subscribers)
    entry = build_entry()
    with pytest.raises(ExceptionGroup) as failed:
        inbox.receive(entry)
    assert failed.value.exceptions == (subscribers[0].fault, subscribers[1].fault)
    assert [name for name, _ in heard] == ["first", "second", "third"]
    inbox.receive(entry)  # It is not stuck with it: what failed has been reported.
    assert len(heard) == 3
