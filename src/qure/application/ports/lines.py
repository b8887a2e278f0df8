"""The collections of queueing: queues, their tokens, and answers that may be asked for again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from qure.application.ports.waiting import SeenDay
from qure.domain.calling_order import Line
from qure.domain.ids import ClinicId, QueueId, ServiceId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.token import Priority, Token, TokenStatus


class Queues(Protocol):
    """The queues of all days."""

    async def add(self, queue: Queue) -> None:
        """Raises ``Conflict`` (``queue_exists``): one queue a service and day."""

    async def get(self, id: QueueId, *, lock: bool = False) -> Queue | None: ...

    async def lock(self, ids: Collection[QueueId]) -> list[Queue]:
        """As ``lock=True`` does, all of them at once, by id. Ids of none are passed over."""

    async def of_day(self, service_id: ServiceId, day: date) -> Queue | None: ...

    async def of_services(
        self, service_ids: Collection[ServiceId], *, now: datetime, lock: bool = False
    ) -> list[Queue]:
        """Those of the services' queues whose day ``now`` falls into, by id."""

    async def of_clinic(self, clinic_id: ClinicId, *, now: datetime) -> list[Queue]:
        """Those of the clinic whose day ``now`` falls into, by position of the service."""

    async def to_end(self, *, now: datetime, limit: int) -> list[QueueId]:
        """Whose day is over or that were closed, and whose tokens have not all been seen to."""

    async def with_notice_over(self, *, now: datetime, limit: int) -> list[QueueId]:
        """Whose notice has ended by itself."""

    async def save(self, queue: Queue) -> None: ...


class Tokens(Protocol):
    """The tokens of all queues."""

    async def add(self, tokens: Sequence[Token]) -> None: ...

    async def save(self, tokens: Sequence[Token]) -> None: ...

    async def get(self, id: TokenId) -> Token | None: ...

    async def line_for(self, queue_id: QueueId, staff_id: UserId | None) -> Line:
        """The front of the line, and what that staff member is assigned there, by number.

        Whoever waits: the first ``HEADS`` of each class, by place and number.
        """

    async def taken_by(
        self, patients: Collection[UserId], *, queue_id: QueueId, now: datetime
    ) -> dict[UserId, list[Token]]:
        """For each of those patients every token in that queue, whatever became of it, and the
        active ones in other queues whose day ``now`` falls into; in no order.
        """

    async def active_of(self, patient_id: UserId, *, now: datetime) -> list[Token]:
        """The patient's active tokens in queues whose day ``now`` falls into.

        Lowest number first, then the older one.
        """

    async def standing_of(self, patient_id: UserId, *, now: datetime) -> list[Token]:
        """The same, and the skipped ones: they may come back."""

    async def of_queue(
        self, queue_id: QueueId, *, number: int | None = None, status: TokenStatus | None = None
    ) -> list[Token]:
        """By number."""

    async def seen_days(self, service_id: ServiceId, *, before: date, days: int) -> list[SeenDay]:
        """The service's queues of so many calendar days before that one, oldest first, with those
        of their tokens that were called or may tell that nobody came, by number."""

    async def on_board(self, queue_id: QueueId) -> list[Token]:
        """Those that are active or skipped, by number."""

    async def active_in(self, queue_id: QueueId, *, limit: int) -> list[Token]:
        """Active ones, by number."""

    async def places(
        self, queue_id: QueueId, priority: Priority, *, behind: Token | None, limit: int
    ) -> list[int]:
        """The places of those of that class who wait, in order; ``behind`` that token, if given."""

    async def space_out(self, queue_id: QueueId, priority: Priority) -> None:
        """Number the places of that class anew, in the same order, ``PLACE_STEP`` apart.

        Those of tokens that do not wait too. The greatest is at most what the end of the line had.
        """

    async def not_shown_up(self, *, now: datetime, limit: int) -> list[TokenId]:
        """CALLED ones whose last call is as long ago as their clinic's ``no_show_minutes``."""


ANSWERS_KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What came of a request with an idempotency key.

    ``scope`` is whose key it is, ``asked`` a digest of what was asked for. ``tokens`` are as they
    stood then; ``generation`` is that of the guest's link, if one was made.
    """

    scope: str
    key: str
    asked: str
    tokens: tuple[Token, ...]
    generation: int | None = None
    created_at: datetime


class KeptAnswers(Protocol):
    """Answers to requests with an idempotency key."""

    async def get(self, scope: str, key: str) -> KeptAnswer | None: ...

    async def get_all(self, keys: Collection[tuple[str, str]]) -> list[KeptAnswer]:
        """Those of these scopes and keys that there are, in no order."""

    async def add(self, answers: Sequence[KeptAnswer]) -> None:
        """Raises ``TransactionConflict`` when one of the keys has been kept meanwhile."""

    async def delete(self, scope: str, key: str) -> None:
        """The key may be used anew."""

    async def delete_older(self, *, before: datetime, limit: int) -> int:
        """Forget what was kept before then, so many at most; how many went."""
