"""What clerks do with whom they have called: every way in which that may go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.e2e.clerks import Clerk, Token
from tests.e2e.visitors import Visitor

Treatment = Callable[["Room"], Awaitable[None]]


class Room:
    """A clerk with whom they have called; ``other_service`` is where one may be sent on to."""

    def __init__(self, clerk: Clerk, token: Token, visitor: Visitor, other_service: str) -> None:
        self.clerk = clerk
        self.token = token
        self.visitor = visitor
        self.other_service = other_service
        self.new_token_id: str | None = None
        """What the patient goes on with, if they were sent on."""

    async def do(self, verb: str, **options: object) -> None:
        """That move, which nothing stands against."""
        moved = await self.clerk.must(verb, self.token, **options)
        if moved["transferredTo"] is not None:
            self.new_token_id = moved["transferredTo"]

    async def undo(self) -> None:
        """Take it back."""
        await self.clerk.undo(self.token["queueId"])
        self.new_token_id = None

    async def undo_unless_others_came_first(self) -> bool:
        """Whether it was taken back: whoever waits may be called by another desk at once."""
        undone = await self.clerk.undo_if_possible(self.token["queueId"])
        if undone:
            self.new_token_id = None
        return undone


async def seen(room: Room) -> None:
    await room.do("start")
    await room.do("complete")


async def left_to_the_next_call(room: Room) -> None:
    await room.do("start")


async def only_called(_: Room) -> None:
    """Completed by the next call, too."""


async def recalled(room: Room) -> None:
    await room.do("recall")
    await seen(room)


async def returned_first(room: Room) -> None:
    await room.do("return")


async def returned_last(room: Room) -> None:
    await room.do("return", to="LAST")


async def returned_behind_two(room: Room) -> None:
    await room.do("return", to="AFTER", after=2)


async def returned_from_the_chair(room: Room) -> None:
    await room.do("start")
    await room.do("return", to="FIRST")


async def not_found(room: Room) -> None:
    """They were next door, and come back at once: by themselves, if they can."""
    await room.do("skip")
    if room.visitor.has_login:
        await room.visitor.must("rejoin")
    else:
        await room.do("rejoin")


async def sent_home(room: Room) -> None:
    await room.do("cancel", reason="comes tomorrow")


async def transferred(room: Room) -> None:
    await room.do("transfer", serviceId=room.other_service)


async def transferred_from_the_chair(room: Room) -> None:
    await room.do("start")
    await room.do("transfer", serviceId=room.other_service, to="FIRST", priority="PRIORITY")


async def call_undone(room: Room) -> None:
    await room.undo()


async def start_undone(room: Room) -> None:
    await room.do("start")
    await room.undo()
    await seen(room)


async def completion_undone(room: Room) -> None:
    await seen(room)
    await room.undo()
    await room.do("complete")


async def recall_undone(room: Room) -> None:
    await room.do("recall")
    await room.undo()
    await seen(room)


async def return_undone(room: Room) -> None:
    await room.do("return", to="LAST")
    if await room.undo_unless_others_came_first():
        await seen(room)


async def skip_undone(room: Room) -> None:
    await room.do("skip", reason="NO_SHOW")
    await room.undo()
    await seen(room)


async def transfer_undone(room: Room) -> None:
    await room.do("transfer", serviceId=room.other_service)
    if await room.undo_unless_others_came_first():
        await seen(room)


BASIC: tuple[Treatment, ...] = (seen, left_to_the_next_call, only_called)

SPECIAL: tuple[Treatment, ...] = (
    recalled,
    returned_first,
    returned_last,
    returned_behind_two,
    returned_from_the_chair,
    not_found,
    sent_home,
    transferred,
    transferred_from_the_chair,
    call_undone,
    start_undone,
    completion_undone,
    recall_undone,
    return_undone,
    skip_undone,
    transfer_undone,
)
