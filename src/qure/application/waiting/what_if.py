"""The same scene with more or fewer seats."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from qure.domain.ids import QueueId
from qure.domain.waiting.scene import Scene, Seat

FOR_EVER: Final = float("inf")
_EXTRA: Final = UUID("b0a1f4d3-9c51-4f0e-8d35-2a8f6f0a4f72")


def with_desks(
    scene: Scene,
    *,
    queue_id: QueueId,
    desks: int,
    begin: datetime | None,
    end: datetime | None,
) -> Scene:
    """So many seats call for the queue from ``begin`` (at once) to ``end`` (for good); before and
    after it is as it is.

    Those who go are the last ones of those who do not see anybody, then those who do: they let
    go whom they have. Who comes is new here.
    """
    first = scene.now if begin is None else max(scene.now, begin.timestamp())
    last = FOR_EVER if end is None else end.timestamp()
    (service_id,) = (line.service_id for line in scene.lines if line.queue_id == queue_id)
    here = [seat for seat in scene.seats if service_id in seat.service_ids]
    others = [seat for seat in scene.seats if service_id not in seat.service_ids]
    here.sort(key=lambda seat: seat.in_hand is None)
    leaving = [replace(seat, away=(*seat.away, (first, last))) for seat in here[desks:]]
    coming = [
        Seat(
            id=uuid5(_EXTRA, f"{queue_id} {number}"),
            service_ids=frozenset({service_id}),
            away=((-FOR_EVER, first), (last, FOR_EVER)),
        )
        for number in range(desks - len(here))
    ]
    return replace(scene, seats=(*others, *here[:desks], *leaving, *coming))
