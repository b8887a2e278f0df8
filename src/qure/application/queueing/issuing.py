"""Taking a number. Those who ask at one moment are served by one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from qure.application.access import require_account, require_patient
from qure.application.batching import Batches
from qure.application.lookup import get_queue
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.lines import KeptAnswer
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.queueing.once import PLAIN, Once, Question, answered_to_all
from qure.application.transact import transact
from qure.domain import issuing
from qure.domain.actor import Actor
from qure.domain.calling_order import Line
from qure.domain.errors import DomainError
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.issuing import Holder
from qure.domain.queue import Queue
from qure.domain.token import Token

MAX_BATCH = 200
"""So many are served by one transaction at most: it bounds how long the first one waits."""


@dataclass(frozen=True, slots=True)
class _Ask:
    patient: Actor
    question: Question | None
    is_too_late: bool


class Issuing:
    """Gives patients their numbers.

    The queue is locked once, asked once for each patient, and written once: one patient's
    refusal is not another's, and the numbers follow the order of asking. The patients are locked
    too: what they take of other queues at this moment counts towards ``max_active``.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        max_active: int,
        is_too_late: Callable[[QueueId], Awaitable[bool]],
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._max_active = max_active
        self._is_too_late = is_too_late
        self._line: Batches[QueueId, _Ask, Token] = Batches(self._serve, max_batch=max_batch)

    async def issue(self, queue_id: QueueId, *, actor: Actor, once: Once = PLAIN) -> Token:
        """The next number of today's queue, for the patient who asks.

        Not for guests, who have one token. Raises ``Forbidden``, what ``issuing.issue`` raises,
        ``Conflict`` (``too_late_today``, ``idempotency_key_reused``) and ``Unavailable``.
        """
        require_patient(actor)
        require_account(actor)
        question = Question.of(once, actor.id, "issue", queue_id)
        is_too_late = await self._is_too_late(queue_id)
        return await self._line.ask(queue_id, _Ask(actor, question, is_too_late))

    async def _serve(
        self, queue_id: QueueId, asks: Sequence[_Ask]
    ) -> Sequence[Token | DomainError]:
        async def issue(uow: UnitOfWork) -> Sequence[Token | DomainError]:
            queue = await get_queue(uow, queue_id, lock=True)
            asking = {ask.patient.user_id for ask in asks}
            names = await uow.users.lock(asking)
            now = self._clock.now()
            taken = await uow.tokens.taken_by(asking, queue_id=queue_id, now=now)
            line = await uow.tokens.line_for(queue_id, None) if issuing.needs_line(queue) else None
            questions = [ask.question for ask in asks if ask.question is not None]
            kept = await answered_to_all(uow, questions, now=now)
            served = _Served(queue, line, names, taken, kept, self._max_active, now)
            answers: list[Token | DomainError] = []
            for ask in asks:
                try:
                    answers.append(served.serve(ask, TokenId(self._ids.new_id())))
                except DomainError as refusal:
                    answers.append(refusal)
            if served.issued:
                await uow.tokens.add(served.issued)
                await uow.queues.save(queue)
                await uow.kept_answers.add(served.to_keep)
                await uow.commit()
            return answers

        return await transact(self._storage, issue)


class _Served:
    """One transaction's patients, one after the other. ``kept`` is what their keys stand for."""

    def __init__(
        self,
        queue: Queue,
        line: Line | None,
        names: Mapping[UserId, str],
        taken: Mapping[UserId, list[Token]],
        kept: dict[tuple[str, str], KeptAnswer],
        max_active: int,
        now: datetime,
    ) -> None:
        self._queue = queue
        self._line = line
        self._names = names
        self._taken = taken
        self._kept = kept
        self._max_active = max_active
        self._now = now
        self.issued: list[Token] = []
        self.to_keep: list[KeptAnswer] = []

    def serve(self, ask: _Ask, id: TokenId) -> Token:
        """The token of that id, or what was answered before. Raises the refusal."""
        question = ask.question
        if question is not None and (before := self._kept.get(question.id)) is not None:
            question.require_same(before)
            return before.tokens[0]
        patient_id = ask.patient.user_id
        taken = self._taken[patient_id]
        if ask.is_too_late:
            issuing.refuse_late(self._queue, taken=taken, max_active=self._max_active, at=self._now)
        token = issuing.issue(
            self._queue,
            id=id,
            holder=Holder(patient_id=patient_id, name=self._names.get(patient_id)),
            by=ask.patient,
            taken=taken,
            max_active=self._max_active,
            at=self._now,
            line=self._line,
        )
        taken.append(token)
        self.issued.append(token)
        if question is not None:
            # The same request may have come twice at this moment.
            answer = self._kept[question.id] = question.answer(token, now=self._now)
            self.to_keep.append(answer)
        return token
