"""Events as bytes: how the journal stores them and the bus carries them.

JSON: an event's fields, and on the bus ``[[name, fields], ...]``. Fields may be added with a
default; renaming or removing one breaks what is stored, so a migration has to rewrite it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from qure.application.ports.journal import JournalEntry
from qure.domain import events
from qure.domain.events import Event
from qure.domain.ids import EntryId

STORED: tuple[type[Event], ...] = (
    events.QueueOpened,
    events.QueueActivated,
    events.QueueDeactivated,
    events.QueueClosed,
    events.QueueNoticeChanged,
    events.QueueDesksChanged,
    events.QueueSpacedOut,
    events.TokenIssued,
    events.WalkInIssued,
    events.TokenCalled,
    events.TokenChosen,
    events.TokenRecalled,
    events.TokenStarted,
    events.TokenCompleted,
    events.TokenSkipped,
    events.TokenCancelled,
    events.TokenRejoined,
    events.TokenReturned,
    events.TokenHeld,
    events.TokenResumed,
    events.TokenPostponed,
    events.TokenPriorityChanged,
    events.TokenTransferred,
    events.TokenRestored,
    events.DeskChanged,
    events.DeskOpened,
    events.DeskPaused,
    events.DeskResumed,
    events.DeskClosed,
    events.UserChanged,
    events.SessionRevoked,
    events.ClinicChanged,
    events.ImageStaged,
    events.ImageReplaced,
)
"""Every event that can happen. The order means nothing."""

_encoder = msgspec.json.Encoder()
_decoders = {kind.__name__: msgspec.json.Decoder(kind) for kind in STORED}


class _Entry(msgspec.Struct, array_like=True):
    id: EntryId
    created_at: datetime
    events: list[tuple[str, msgspec.Raw]]


_entry_decoder = msgspec.json.Decoder(_Entry)


def encode_event(event: Event) -> bytes:
    """The fields of one event."""
    return _encoder.encode(event)


def decode_event(name: str, fields: bytes | msgspec.Raw) -> Event | None:
    """The event of that name; None for a name that this version does not know.

    During an upgrade a newer process may tell of things that nobody here listens to. Raises
    ``msgspec.DecodeError`` on bad bytes.
    """
    decoder = _decoders.get(name)
    return None if decoder is None else decoder.decode(fields)


def encode_entry(entry: JournalEntry) -> bytes:
    """An entry of the journal as it travels on the bus."""
    return _encoder.encode(
        (
            entry.id,
            entry.created_at,
            [(type(event).__name__, event) for event in entry.events],
        )
    )


def decode_entry(raw: bytes) -> JournalEntry:
    """What ``encode_entry`` was given. Raises ``msgspec.DecodeError`` on bad bytes."""
    entry = _entry_decoder.decode(raw)
    happened = (decode_event(name, fields) for name, fields in entry.events)
    return JournalEntry(
        id=entry.id,
        created_at=entry.created_at,
        events=tuple(event for event in happened if event is not None),
    )
