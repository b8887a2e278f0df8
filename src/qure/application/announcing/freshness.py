"""What this process remembers, brought up to date with what was announced."""

from __future__ import annotations

from qure.application.announcing.cached_reads import CachedReads, groups_changed_by
from qure.application.announcing.live_status import LiveStatus
from qure.application.clinics.nearby import Places
from qure.application.ports.storage import OutboxEntry
from qure.application.announcing.actors import Principals
from qure.domain import events


class Freshness:
    """Applies announcements to everything remembered here. Hearing one twice does no harm."""

    def __init__(
        self,
        *,
        principals: Principals,
        live_status: LiveStatus,
        reads: CachedReads,
        places: Places,
    ) -> None:
        self._principals = principals
        self._live_status = live_status
        self._reads = reads
        self._places = places

    def apply(self, entry: OutboxEntry) -> None:
        """Nothing that the entry made false is handed out after this returns."""
        for event in entry.events:
            if isinstance(event, events.QueueChanged):
                self._live_status.offer(event.queue)
            elif isinstance(event, events.UserChanged):
                self._principals.forget_user(event.user_id)
            elif isinstance(event, events.SessionRevoked):
                self._principals.forget_session(event.session_id)
            elif isinstance(event, events.ClinicChanged):
                self._places.forget(event.clinic_id)
            for group in groups_changed_by(event):
                self._reads.forget(group)
