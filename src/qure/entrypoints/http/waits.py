"""Waits: of a queue, what if, and how often what was told held."""

from qure.application.access import require_desk
from qure.application.waiting.waits import Waits
from qure.domain.ids import ClinicId, QueueId
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire.waits import AccuracyBody, AskWhatIf, ForDays, QueueWaitBody, WhatIfBody

router = Api("/api", tag="Waits")


@router.call(
    "GET",
    "/queues/{queueId}/wait",
    "This is how long it takes.",
    refuses=("forbidden",),
)
async def read_queue_wait(request: Call, queue_id: QueueId, waits: Waits) -> QueueWaitBody:
    """See how long whoever joins a queue now has to wait.

    A range and what is behind it, and `beforeClosing`: the probability that they are called before
    the queue's closing time. Made beside the requests: `asOf` says of when it is.
    """
    return QueueWaitBody.of(await waits.of_queue(queue_id, actor=request.user))


@router.call(
    "POST",
    "/queues/{queueId}/what-if",
    "This is how the line would go.",
    refuses=("forbidden", "queue_closed"),
    only=require_desk,
)
async def ask_what_if(
    request: Call, queue_id: QueueId, given: AskWhatIf, waits: Waits
) -> WhatIfBody:
    """See how a line would go with more or fewer desks.

    For admins and the clinic's staff: with so many `desks` `from` then (now) `until` then (for
    good). The same forecast answers as for everybody; nothing is changed.
    """
    found = await waits.what_if(
        queue_id, desks=given.desks, begin=given.begin, end=given.end, actor=request.user
    )
    return WhatIfBody.of(found)


@router.call(
    "GET",
    "/clinic/{clinicId}/wait-accuracy",
    "This is how often what was told held.",
    refuses=("forbidden",),
)
async def read_wait_accuracy(
    request: Call, clinic_id: ClinicId, given: ForDays, waits: Waits
) -> AccuracyBody:
    """See how often what patients were told held.

    Of the ranges that were told at joining, over the last `days`: how many of the patients were
    called before the end of it, before its beginning, and how far from `likely`. A call counts a
    minute after it was made, when it can no longer be undone.
    """
    found = await waits.accuracy(clinic_id, days=given.days, actor=request.user)
    return AccuracyBody.of(found)
