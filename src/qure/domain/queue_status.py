"""The face of a queue: what everyone who watches it sees, at one version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qure.domain.ids import ClinicId, QueueId


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """A queue as it stood at ``version``. Numbers are 0 when no token was called or served yet."""

    queue_id: QueueId
    clinic_id: ClinicId
    now_serving: int
    waiting_count: int
    start_time: datetime
    end_time: datetime
    is_active: bool
    last_served_number: int
    version: int
