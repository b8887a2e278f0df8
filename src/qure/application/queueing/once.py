"""Twice is once: a request that comes again with its idempotency key gets the first answer again.

The answer is kept in the transaction that makes the change, under the lock of its queue: of two
that come at one moment, on whatever processes, one does it and the other finds the answer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from qure.application.ports.lines import ANSWERS_KEPT_FOR, KeptAnswer
from qure.application.ports.storage import UnitOfWork
from qure.domain.errors import Conflict
from qure.domain.token import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """What may come along with a request to change something.

    ``key`` is its idempotency key; ``version`` is the one at which the caller believes the token
    (or, for calling and undoing, the queue) to be.
    """

    key: str | None = None
    version: int | None = None

    def check(self, version: int) -> None:
        """Raises ``Conflict`` (``version_conflict``) when it is no longer that."""
        if self.version is not None and self.version != version:
            raise Conflict(
                "version_conflict",
                f"This has changed meanwhile: its version is {version}, not {self.version}.",
            )


PLAIN = Once()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, by whom: what the key stands for."""

    scope: str
    key: str
    asked: str

    @classmethod
    def of(cls, once: Once, scope: object, *what: object) -> Question | None:
        """None without a key. ``what`` says all that another request may differ in."""
        if once.key is None:
            return None
        said = repr((*map(str, what), once.version))
        return cls(str(scope), once.key, sha256(said.encode()).hexdigest())

    @property
    def id(self) -> tuple[str, str]:
        """Whose key it is, and which."""
        return self.scope, self.key

    def require_same(self, kept: KeptAnswer) -> None:
        """Raises ``Conflict`` (``idempotency_key_reused``) for the answer to another question."""
        if kept.asked != self.asked:
            raise Conflict(
                "idempotency_key_reused",
                "This idempotency key was used for another request already.",
            )

    def answer(self, *tokens: Token, now: datetime, generation: int | None = None) -> KeptAnswer:
        """What is kept of an answer to it."""
        return KeptAnswer(
            scope=self.scope,
            key=self.key,
            asked=self.asked,
            tokens=tokens,
            generation=generation,
            created_at=now,
        )


async def answered(
    uow: UnitOfWork, question: Question | None, *, now: datetime
) -> KeptAnswer | None:
    """What was answered to the same question before, for ``ANSWERS_KEPT_FOR``.

    Ask under the lock that the change needs. Raises ``Conflict`` (``idempotency_key_reused``) when
    the key was used for something else.
    """
    if question is None:
        return None
    kept = await uow.kept_answers.get(question.scope, question.key)
    if kept is None or await _is_over(uow, kept, now):
        return None
    question.require_same(kept)
    return kept


async def answered_to_all(
    uow: UnitOfWork, questions: Collection[Question], *, now: datetime
) -> dict[tuple[str, str], KeptAnswer]:
    """What the keys of these questions stand for, be it another question, by scope and key."""
    if not questions:
        return {}
    found = await uow.kept_answers.get_all({question.id for question in questions})
    return {(kept.scope, kept.key): kept for kept in found if not await _is_over(uow, kept, now)}


async def keep(
    uow: UnitOfWork,
    question: Question | None,
    *tokens: Token,
    now: datetime,
    generation: int | None = None,
) -> None:
    """Keep what came of it, in the transaction that makes it so."""
    if question is not None:
        answer = question.answer(*tokens, now=now, generation=generation)
        await uow.kept_answers.add([answer])


async def _is_over(uow: UnitOfWork, kept: KeptAnswer, now: datetime) -> bool:
    """Whether it was kept for long enough: then the key may be used anew."""
    if kept.created_at > now - ANSWERS_KEPT_FOR:
        return False
    await uow.kept_answers.delete(kept.scope, kept.key)
    return True
