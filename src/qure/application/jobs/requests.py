"""Which background work follows from what happened."""

from __future__ import annotations

from collections.abc import Iterator

from qure.application.ports.gateways import DeleteImage, Job, ProcessImage
from qure.application.ports.journal import JournalEntry
from qure.domain import events


def jobs_asked_by(entry: JournalEntry) -> Iterator[Job]:
    """The jobs, in the order of the events that ask for them."""
    for event in entry.events:
        if isinstance(event, events.ImageStaged):
            yield ProcessImage(event.image_id)
        elif isinstance(event, events.ImageReplaced):
            yield DeleteImage(event.url)
