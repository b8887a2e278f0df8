"""What staff may do with a queue and its tokens over a socket, and what may come along with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from qure.application.queueing.once import Once
from qure.application.use_cases import UseCases
from qure.domain.actor import Actor
from qure.domain.errors import FieldError, Invalid
from qure.domain.ids import QueueId, ServiceId, TokenId
from qure.wire import move_requests as m
from qure.wire import socket_events as ev
from qure.wire.body import Body
from qure.wire.parsing import Fields, parse
from qure.wire.tokens import StaffTokenBody, UndoneBody

OPTIONS = "options"

Do = Callable[..., Awaitable[Any]]
Said = Callable[[Any], dict[str, Any]]
"""What a use case takes of the options beside who asks, and how often."""

_OLDER = frozenset({ev.CALL_NEXT, ev.START_TOKEN, ev.SKIP_TOKEN, ev.COMPLETE_TOKEN})
"""They had no options once: what else a client gives there is passed over, as it always was."""


class Key(Fields):
    """Says which events are one and the same."""

    idempotency_key: m.IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class StaffMove:
    """One event: the ids that come first, what its options hold, and what it does.

    ``make`` returns what it is acknowledged with, and raises what the use case raises.
    """

    event: str
    ids: tuple[str, ...]
    options: type[Fields]
    make: Callable[[Sequence[UUID], Any, Actor, Once], Awaitable[Body]]

    def read(self, given: object) -> tuple[Fields, Once]:
        """The options, if there are any. Raises ``Invalid``, naming each that is wrong."""
        if given is None or (self.event in _OLDER and not isinstance(given, Mapping)):
            given = {}
        wrong: list[FieldError] = []
        read: dict[type[Fields], Any] = {}
        for kind in (self.options, Key):
            try:
                read[kind] = parse(kind, given, prefix=f"{OPTIONS}.")
            except Invalid as error:
                wrong += [one for one in error.errors if one not in wrong]
        if wrong:
            raise Invalid([FieldError(one.path, f"{one.path}: {one.message}") for one in wrong])
        options, key = read[self.options], read[Key].idempotency_key
        return options, options.once(key) if isinstance(options, m.Move) else Once(key=key)


def staff_moves(use: UseCases) -> dict[str, StaffMove]:
    """By the name of their event."""
    calling, moves = use.calling, use.moves
    made = [
        _of_one(ev.CALL_NEXT, "queueId", calling.call_next, StaffTokenBody.of),
        _of_one(ev.UNDO, "queueId", use.undoing.undo, UndoneBody.of),
        # The queues of a desk are several: there is no one version to expect.
        _of_one(ev.DESK_CALL_NEXT, "deskId", calling.call_next_at, StaffTokenBody.of, Key),
        _of_token(ev.CALL_TOKEN, calling.call, m.CallToken, lambda it: {"reason": it.reason}),
        _of_token(ev.RECALL_TOKEN, calling.recall),
        _of_token(ev.START_TOKEN, moves.start),
        _of_token(ev.COMPLETE_TOKEN, moves.complete),
        _of_token(ev.SKIP_TOKEN, moves.skip, m.SkipToken, lambda it: {"reason": it.reason}),
        _of_token(ev.REJOIN_TOKEN, moves.rejoin),
        _of_token(ev.HOLD_TOKEN, moves.hold),
        _of_token(ev.RESUME_TOKEN, moves.resume),
        _of_token(ev.CANCEL_TOKEN, moves.cancel, m.CancelToken, lambda it: {"reason": it.reason}),
        _of_token(
            ev.RETURN_TOKEN,
            moves.return_to_line,
            m.ReturnToken,
            lambda it: {"to": it.to, "after": it.after or 0},
        ),
        _of_token(
            ev.PRIORITY_TOKEN,
            moves.change_priority,
            m.ChangePriority,
            lambda it: {"priority": it.priority},
        ),
        _of_token(
            ev.TRANSFER_TOKEN,
            use.transferring.transfer,
            m.TransferToken,
            lambda it: {
                "service_id": ServiceId(it.service_id),
                "first": it.first,
                "priority": it.priority,
            },
        ),
    ]
    return {one.event: one for one in made}


def _of_token(
    event: str, do: Do, options: type[m.Move] = m.Move, said: Said = lambda _: {}
) -> StaffMove:
    async def make(ids: Sequence[UUID], options: Any, actor: Actor, once: Once) -> Body:
        queue_id, token_id = QueueId(ids[0]), TokenId(ids[1])
        token = await do(token_id, queue_id=queue_id, actor=actor, once=once, **said(options))
        return StaffTokenBody.of(token)

    return StaffMove(event, ("queueId", "tokenId"), options, make)


def _of_one(
    event: str, id: str, do: Do, body: Callable[[Any], Body], options: type[Fields] = m.Move
) -> StaffMove:
    async def make(ids: Sequence[UUID], _: Any, actor: Actor, once: Once) -> Body:
        return body(await do(ids[0], actor=actor, once=once))

    return StaffMove(event, (id,), options, make)
