"""Events as bytes: how the outbox stores them and the bus carries them.

JSON, ``[[name, fields], ...]``. Fields may be added with a default; renaming or removing one
breaks what is stored, so do that in two releases.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from qure.application.ports.storage import OutboxEntry
from qure.domain import events
from qure.domain.events import Event
from qure.domain.ids import EntryId

STORED: tuple[type[Event], ...] = (
    events.QueueOpened,
    events.QueueActivated,
    events.QueueDeactivated,
    events.TokenIssued,
    events.TokenCalled,
    events.TokenStarted,
    events.TokenCompleted,
    events.TokenSkipped,
    events.TokenCancelled,
    events.UserChanged,
    events.SessionRevoked,
    events.ClinicChanged,
    events.ImageStaged,
    events.MediaReplaced,
)
"""Every event that can happen. The order means nothing."""

_encoder = msgspec.json.Encoder()
_decoders = {kind.__name__: msgspec.json.Decoder(kind) for kind in STORED}
_list_decoder = msgspec.json.Decoder(list[tuple[str, msgspec.Raw]])


class _Entry(msgspec.Struct, array_like=True):
    id: EntryId
    created_at: datetime
    events: msgspec.Raw


_entry_decoder = msgspec.json.Decoder(_Entry)


def encode_events(happened: Sequence[Event]) -> bytes:
    """The events of one transaction, in order."""
    return _encoder.encode([(type(event).__name__, event) for event in happened])


def decode_events(raw: bytes | msgspec.Raw) -> tuple[Event, ...]:
    """What ``encode_events`` was given.

    A name this version does not know is passed over: during an upgrade a newer process may
    tell of things that nobody here listens to. Raises ``msgspec.DecodeError`` on bad bytes.
    """
    return tuple(
        _decoders[name].decode(fields)
        for name, fields in _list_decoder.decode(raw)
        if name in _decoders
    )


def encode_entry(entry: OutboxEntry) -> bytes:
    """An outbox entry as it travels on the bus."""
    return _encoder.encode(
        _Entry(entry.id, entry.created_at, msgspec.Raw(encode_events(entry.events)))
    )


def decode_entry(raw: bytes) -> OutboxEntry:
    """What ``encode_entry`` was given. Raises ``msgspec.DecodeError`` on bad bytes."""
    entry = _entry_decoder.decode(raw)
    return OutboxEntry(id=entry.id, created_at=entry.created_at, events=decode_events(entry.events))
