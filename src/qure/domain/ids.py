"""Typed identifiers: one name per thing, so that a clinic's id cannot be passed for a queue's."""

from __future__ import annotations

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
ClinicId = NewType("ClinicId", UUID)
ServiceId = NewType("ServiceId", UUID)
QueueId = NewType("QueueId", UUID)
TokenId = NewType("TokenId", UUID)
ImageId = NewType("ImageId", UUID)
EntryId = NewType("EntryId", UUID)
DeskId = NewType("DeskId", UUID)
DisplayId = NewType("DisplayId", UUID)
