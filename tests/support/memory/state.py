"""All that the memory storage keeps, as tables that are copied when they are first changed.

A committed state is sealed and never changes again, so a reader that holds one has a snapshot
for as long as it likes. A writer works on a fork: a table of it shares its entries with the
committed one until it is written to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Generic, TypeVar

from qure.application.ports.journal import JournalEntry
from qure.application.ports.lines import KeptAnswer
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.display import Display, DisplayPairing
from qure.domain.guest import GuestLink
from qure.domain.ids import (
    ClinicId,
    DeskId,
    DisplayId,
    EntryId,
    ImageId,
    QueueId,
    ServiceId,
    SessionId,
    TokenId,
    UserId,
)
from qure.domain.image import StagedImage
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.session import RefreshSecret, Session
from qure.domain.token import Token
from qure.domain.user import User
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.promise import Promise

K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """A dictionary in order of insertion that can be forked in constant time."""

    __slots__ = ("_entries", "_owned", "_sealed")

    def __init__(self, entries: dict[K, V] | None = None, *, owned: bool = True) -> None:
        self._entries: dict[K, V] = {} if entries is None else entries
        self._owned = owned
        self._sealed = False

    def fork(self) -> Table[K, V]:
        """One that starts with the same entries; changing it leaves this one alone."""
        return Table(self._entries, owned=False)

    def seal(self) -> None:
        """From now on, changing it raises ``RuntimeError``."""
        self._sealed = True

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def values(self) -> Iterable[V]:
        return self._entries.values()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: K) -> V:
        return self._entries[key]

    def __setitem__(self, key: K, value: V) -> None:
        self._own()[key] = value

    def discard(self, key: K) -> None:
        """Remove it if it is there."""
        if key in self._entries:
            del self._own()[key]

    def _own(self) -> dict[K, V]:
        if self._sealed:
            raise RuntimeError("Only a writing unit of work that has not ended changes anything.")
        if not self._owned:
            self._entries = self._entries.copy()
            self._owned = True
        return self._entries


ClinicPlace = tuple[str, float, float]
"""What no two clinics share: lower-case name, latitude, longitude."""


@dataclass(slots=True)
class State:
    """Every table. Those named ``…_by_…`` are indexes that their collection keeps true."""

    users: Table[UserId, User] = field(default_factory=Table)
    users_by_email: Table[str, UserId] = field(default_factory=Table)
    clinics: Table[ClinicId, Clinic] = field(default_factory=Table)
    clinics_by_place: Table[ClinicPlace, ClinicId] = field(default_factory=Table)
    services: Table[ServiceId, Service] = field(default_factory=Table)
    desks: Table[DeskId, Desk] = field(default_factory=Table)
    queues: Table[QueueId, Queue] = field(default_factory=Table)
    queues_by_day: Table[tuple[ServiceId, date], QueueId] = field(default_factory=Table)
    tokens: Table[TokenId, Token] = field(default_factory=Table)
    tokens_by_number: Table[tuple[QueueId, int], TokenId] = field(default_factory=Table)
    active_tokens_by_patient: Table[tuple[QueueId, UserId], TokenId] = field(default_factory=Table)
    kept_answers: Table[tuple[str, str], KeptAnswer] = field(default_factory=Table)
    promises: Table[TokenId, Promise] = field(default_factory=Table)
    calibrations: Table[tuple[ServiceId, int], Calibration] = field(default_factory=Table)
    sessions: Table[SessionId, Session] = field(default_factory=Table)
    secrets: Table[str, RefreshSecret] = field(default_factory=Table)
    guest_links: Table[UserId, GuestLink] = field(default_factory=Table)
    displays: Table[DisplayId, Display] = field(default_factory=Table)
    pairings: Table[str, DisplayPairing] = field(default_factory=Table)
    staged_images: Table[ImageId, StagedImage] = field(default_factory=Table)
    journal: Table[EntryId, JournalEntry] = field(default_factory=Table)
    requests: Table[EntryId, str | None] = field(default_factory=Table)
    pending: Table[EntryId, None] = field(default_factory=Table)

    def fork(self) -> State:
        """A state that may be changed without this one noticing."""
        return State(*[getattr(self, name).fork() for name in _TABLES])

    def seal(self) -> State:
        """Make it unchangeable, and return it."""
        for name in _TABLES:
            getattr(self, name).seal()
        return self


_TABLES = tuple(table.name for table in fields(State))
