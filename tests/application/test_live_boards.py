"""The board of each watched queue: every version once and in order, whatever comes between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.application.announcing import kept_board
from qure.application.announcing import live_boards as module
from qure.application.announcing.kept_board import Watcher
from qure.application.announcing.live_boards import LiveBoards
from qure.application.ports.journal import JournalEntry
from qure.domain import events
from qure.domain.actor import SYSTEM, Actor
from qure.domain.board import Board
from qure.domain.errors import NotFound, Unavailable
from qure.domain.ids import ClinicId, QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Priority, Token
from tests.application.world import World
from tests.support.builders import NOW, build_entry, new_id
from tests.support.fakes import Hearing
from tests.support.waiting import eventually, loop_turns, time_passes


class Scene:
    """A queue on one side, a process that keeps its board on the other, and what it is told."""

    def __init__(self, *, limit: int = 1000) -> None:
        self.world = World()
        self.hearing = Hearing()
        self.live = LiveBoards(self.world.storage, generation=self.hearing, limit=limit)
        self._announced = 0

    async def set_up(self) -> Scene:
        clinic = await self.world.clinic()
        self.queue: Queue = await self.world.queue(clinic)
        self.staff: Actor = await self.world.staff_of(clinic.id)
        return self

    async def take(self, count: int = 1, queue: Queue | None = None) -> list[Token]:
        """So many patients take a number."""
        issue = self.world.use.issuing.issue
        at = (queue or self.queue).id
        return [await issue(at, actor=await self.world.patient()) for _ in range(count)]

    async def call(self) -> Token:
        return await self.world.use.calling.call_next(self.queue.id, actor=self.staff)

    async def number_anew(self) -> None:
        """The places of the queue's tokens are other numbers."""
        queue = await self.world.queue_of(self.queue.id)
        async with self.world.storage.write() as uow:
            await uow.tokens.space_out(queue.id, Priority.NORMAL)
            queue.spaced_out(by=SYSTEM, at=NOW)
            await uow.queues.save(queue)
            await uow.commit()

    def news(self) -> list[JournalEntry]:
        """What has been committed and not been fetched to be announced."""
        fresh = self.world.told[self._announced :]
        self._announced += len(fresh)
        return fresh

    def announce(self, entries: Sequence[JournalEntry] | None = None) -> None:
        """The process hears these, or all there are."""
        for entry in self.news() if entries is None else entries:
            self.live.receive(entry)

    async def fresh(self) -> Board:
        """As a reading of now has it."""
        async with self.world.storage.read() as uow:
            queue = await uow.queues.get(self.queue.id)
            tokens = await uow.tokens.on_board(self.queue.id)
        assert queue is not None
        return Board.of(queue, tokens)


class Watching:
    """A watcher that applies what it is told, as a client would."""

    def __init__(self) -> None:
        self.versions: list[int] = []
        self.changed: list[list[int]] = []
        self.tokens: dict[TokenId, Token] = {}
        self.status: QueueStatus | None = None

    def __call__(self, board: Board, status: QueueStatus, changed: Sequence[Token]) -> None:
        assert status.version == board.version
        if not self.versions:
            self.tokens = dict(board.tokens)
        self.versions.append(board.version)
        self.changed.append(sorted(token.number for token in changed))
        self.tokens |= {token.id: token for token in changed}
        self.tokens = {token.id: self.tokens[token.id] for token in board.order}
        self.status = status

    def has(self, board: Board) -> bool:
        """Whether it ended up with that board."""
        return list(self.tokens) == [token.id for token in board.order] and all(
            board.tokens[id].version == token.version for id, token in self.tokens.items()
        )


def same(one: Board | None, other: Board) -> bool:
    return one is not None and (one.version, list(one.order), dict(one.ahead)) == (
        other.version,
        list(other.order),
        dict(other.ahead),
    )


@pytest.fixture
async def scene() -> Scene:
    return await Scene().set_up()


@pytest.fixture
def watching() -> Watching:
    return Watching()


async def watch(scene: Scene, watcher: Watcher) -> Board:
    """It watches, and has been told of the board."""
    scene.live.watch(scene.queue.id, watcher)
    board = await scene.live.of(scene.queue.id)
    scene.news()
    return board


# Looking


async def test_a_board_is_read_once_and_carried_on_by_what_is_announced(scene: Scene) -> None:
    await scene.take(3)
    scene.news()
    reads = scene.world.storage.reads
    assert same(await scene.live.of(scene.queue.id), await scene.fresh())
    await scene.call()
    await scene.take()
    scene.announce()
    assert same(await scene.live.of(scene.queue.id), await scene.fresh())
    assert scene.world.storage.reads == reads + 3, "one of them for the board"


async def test_those_who_ask_at_one_moment_are_answered_by_one_reading(scene: Scene) -> None:
    reads = scene.world.storage.reads
    boards = await asyncio.gather(*(scene.live.of(scene.queue.id) for _ in range(5)))
    assert all(board is boards[0] for board in boards)
    assert scene.world.storage.reads == reads + 1


async def test_who_gives_up_waiting_does_not_end_the_reading_for_others(scene: Scene) -> None:
    first = asyncio.create_task(scene.live.of(scene.queue.id))
    second = asyncio.create_task(scene.live.of(scene.queue.id))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).version == 1


async def test_a_queue_that_is_not_there_is_not_found_and_leaves_nothing_behind(
    scene: Scene,
) -> None:
    with pytest.raises(NotFound):
        await scene.live.of(QueueId(new_id()))
    assert len(scene.live) == 0


async def test_a_reading_that_fails_is_told_to_who_asked_and_leaves_nothing_behind(
    scene: Scene,
) -> None:
    scene.world.storage.read_errors.append(Unavailable("away"))
    with pytest.raises(Unavailable):
        await scene.live.of(scene.queue.id)
    assert len(scene.live) == 0
    assert (await scene.live.of(scene.queue.id)).version == 1


async def test_a_change_that_is_heard_during_the_reading_is_in_what_is_answered(
    scene: Scene,
) -> None:
    async def happens() -> None:
        await scene.take()
        scene.announce()

    scene.world.storage.before_read = happens
    assert (await scene.live.of(scene.queue.id)).version == 2
    assert same(scene.live.get(scene.queue.id), await scene.fresh())


async def test_of_other_queues_nothing_is_remembered(scene: Scene) -> None:
    await scene.take()
    scene.announce()
    other = events.ClinicChanged(clinic_id=ClinicId(new_id()), actor=SYSTEM, at=NOW)
    scene.announce([build_entry(other)])
    assert len(scene.live) == 0
    assert scene.live.get(scene.queue.id) is None


# Believing


async def test_while_announcements_may_be_late_each_question_is_put_to_the_database(
    scene: Scene,
) -> None:
    await scene.live.of(scene.queue.id)
    scene.hearing.lose()
    assert scene.live.get(scene.queue.id) is None
    await scene.take()  # Nobody here hears of it.
    for _ in range(2):
        reads = scene.world.storage.reads
        assert (await scene.live.of(scene.queue.id)).version == 2
        assert scene.world.storage.reads == reads + 1
    assert len(scene.live) == 0


async def test_after_a_gap_nothing_from_before_it_is_believed(scene: Scene) -> None:
    await scene.live.of(scene.queue.id)
    await scene.take()
    scene.hearing.now = 1
    assert scene.live.get(scene.queue.id) is None
    assert (await scene.live.of(scene.queue.id)).version == 2


async def test_what_was_read_across_a_gap_is_answered_and_not_kept(scene: Scene) -> None:
    async def gap() -> None:
        scene.hearing.now = 1

    scene.world.storage.before_read = gap
    assert (await scene.live.of(scene.queue.id)).version == 1
    assert len(scene.live) == 0


async def test_a_gap_during_a_reading_forgets_only_what_nobody_waits_for(scene: Scene) -> None:
    other = await scene.world.queue()
    await scene.live.of(other.id)
    asking = asyncio.create_task(scene.live.of(scene.queue.id))
    await asyncio.sleep(0)
    scene.hearing.now = 1
    scene.announce([])
    assert scene.live.get(other.id) is None
    assert (await asking).version == 1


# Watching


async def test_a_watcher_is_told_of_the_board_and_then_of_every_version_in_order(
    scene: Scene, watching: Watching
) -> None:
    await scene.take(2)
    await watch(scene, watching)
    assert (watching.versions, watching.changed) == ([3], [[]])
    await scene.call()
    await scene.call()
    await scene.take()
    scene.announce()
    assert watching.versions == [3, 4, 5, 6]
    assert watching.changed == [[], [1], [1, 2], [3]]
    assert watching.has(await scene.fresh())


async def test_what_is_announced_out_of_order_is_told_in_order_and_once(
    scene: Scene, watching: Watching
) -> None:
    await watch(scene, watching)
    await scene.take(4)
    first, second, third, fourth = scene.news()
    scene.announce([fourth, second, second])
    assert watching.versions == [1]
    scene.announce([first, first])
    assert watching.versions == [1, 2, 3]
    scene.announce([third, first, fourth])
    assert watching.versions == [1, 2, 3, 4, 5]
    assert watching.has(await scene.fresh())


async def test_who_comes_later_is_told_of_the_board_at_once_and_both_of_what_follows(
    scene: Scene, watching: Watching
) -> None:
    await watch(scene, watching)
    await scene.take()
    scene.announce()
    late = Watching()
    scene.live.watch(scene.queue.id, late)
    assert late.versions == [2]
    await scene.take()
    scene.announce()
    assert (watching.versions, late.versions) == ([1, 2, 3], [2, 3])


async def test_a_board_that_nobody_watches_any_more_is_let_go(
    scene: Scene, watching: Watching
) -> None:
    other = Watching()
    await watch(scene, watching)
    scene.live.watch(scene.queue.id, other)
    scene.live.unwatch(scene.queue.id, watching)
    assert scene.live.watched == [scene.queue.id]
    scene.live.unwatch(scene.queue.id, other)
    scene.live.unwatch(scene.queue.id, other)
    assert (scene.live.watched, len(scene.live)) == ([], 0)
    await scene.take()
    scene.announce()
    assert watching.versions == other.versions == [1]


async def test_who_leaves_while_the_board_is_read_is_told_nothing(
    scene: Scene, watching: Watching
) -> None:
    scene.live.watch(scene.queue.id, watching)
    scene.live.unwatch(scene.queue.id, watching)
    await loop_turns()
    assert watching.versions == []
    assert scene.live.watched == []


async def test_a_watched_board_is_tried_again_until_it_can_be_read(
    scene: Scene,
    watching: Watching,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene.world.storage.read_errors += [Unavailable("away"), Unavailable("still away")]
    scene.live.watch(scene.queue.id, watching)
    await time_passes(2.5 * module.RETRY_SECONDS, monkeypatch)
    assert watching.versions == [1]
    assert [record.levelname for record in caplog.records] == ["WARNING"], "once, not each time"


async def test_nobody_tries_again_for_who_has_left(
    scene: Scene, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.world.storage.read_errors.append(Unavailable("away"))
    scene.live.watch(scene.queue.id, watching)
    await loop_turns()
    reads = scene.world.storage.reads
    scene.live.unwatch(scene.queue.id, watching)
    await time_passes(2.5 * module.RETRY_SECONDS, monkeypatch)
    assert scene.world.storage.reads == reads
    assert len(scene.live) == 0


async def test_a_queue_that_is_not_there_is_not_tried_again(
    scene: Scene, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = QueueId(new_id())
    scene.live.watch(unknown, watching)
    await time_passes(2.5 * module.RETRY_SECONDS, monkeypatch)
    assert scene.world.storage.reads == 1
    scene.live.unwatch(unknown, watching)
    assert len(scene.live) == 0


async def test_watchers_go_on_being_told_while_announcements_may_be_late(
    scene: Scene, watching: Watching
) -> None:
    await watch(scene, watching)
    scene.hearing.lose()
    await scene.take()
    scene.announce()
    scene.hearing.now = 1
    await scene.take()
    scene.announce()
    assert watching.versions == [1, 2, 3]
    assert scene.live.get(scene.queue.id) is None, "what was missed may be newer"


# Missing something


async def test_a_version_that_stays_out_has_the_board_read_anew(
    scene: Scene, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch(scene, watching)
    await scene.take(3)
    missing, *later = scene.news()
    scene.announce(later)
    assert watching.versions == [1]
    assert same(scene.live.get(scene.queue.id), await scene.fresh()) is False
    await time_passes(1.2 * module.GAP_SECONDS, monkeypatch)
    assert (watching.versions, watching.changed) == ([1, 4], [[], [1, 2, 3]])
    scene.announce([missing])
    assert watching.versions == [1, 4]
    assert watching.has(await scene.fresh())


async def test_a_missing_version_is_not_waited_for_any_longer_because_others_come(
    scene: Scene, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch(scene, watching)
    await scene.take(2)
    scene.announce(scene.news()[1:])
    for _ in range(3):
        await scene.take()
        scene.announce()
        await time_passes(0.4 * module.GAP_SECONDS, monkeypatch)
    assert watching.versions == [1, 6]


async def test_a_version_that_is_only_late_costs_no_reading(
    scene: Scene, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch(scene, watching)
    await scene.take(2)
    first, second = scene.news()
    reads = scene.world.storage.reads
    scene.announce([second])
    await time_passes(0.5 * module.GAP_SECONDS, monkeypatch)
    scene.announce([first])
    await time_passes(2 * module.GAP_SECONDS, monkeypatch)
    assert watching.versions == [1, 2, 3]
    assert scene.world.storage.reads == reads


async def test_a_board_with_a_gap_that_nobody_watches_is_let_go(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.live.of(scene.queue.id)
    await scene.take(2)
    scene.announce(scene.news()[1:])
    await time_passes(1.2 * module.GAP_SECONDS, monkeypatch)
    assert len(scene.live) == 0


async def test_a_lost_board_that_cannot_be_read_is_tried_again(
    scene: Scene, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch(scene, watching)
    await scene.take(2)
    scene.world.storage.read_errors.append(Unavailable("away"))
    scene.announce(scene.news()[1:])
    await time_passes(1.2 * module.GAP_SECONDS, monkeypatch)
    assert watching.versions == [1]
    late = Watching()
    scene.live.watch(scene.queue.id, late)
    assert late.versions == [], "it is out of date"
    await time_passes(1.2 * module.RETRY_SECONDS, monkeypatch)
    assert (watching.versions, late.versions) == ([1, 3], [3])


async def test_places_that_were_numbered_anew_are_read_anew(
    scene: Scene, watching: Watching
) -> None:
    tokens = await scene.take(3)
    await watch(scene, watching)
    await scene.number_anew()
    scene.announce()
    assert scene.live.get(scene.queue.id) is None
    await loop_turns()
    assert watching.versions == [4, 5]
    assert watching.changed[-1] == []
    known, fresh = await scene.live.of(scene.queue.id), await scene.fresh()
    for token in tokens:
        assert known.tokens[token.id].place == fresh.tokens[token.id].place


async def test_a_loss_that_the_reading_under_way_does_not_know_of_has_it_read_again(
    scene: Scene, watching: Watching
) -> None:
    await scene.take()
    await watch(scene, watching)

    async def numbered_anew() -> None:
        await scene.number_anew()
        scene.announce()

    scene.world.storage.before_read = numbered_anew
    await scene.live.reread(scene.queue.id)
    await loop_turns()
    assert watching.versions == [2, 3]
    assert same(scene.live.get(scene.queue.id), await scene.fresh())


async def test_a_loss_during_a_reading_for_who_only_looks_is_answered_as_it_was_read(
    scene: Scene,
) -> None:
    await scene.live.of(scene.queue.id)
    scene.hearing.lose()

    async def numbered_anew() -> None:
        await scene.number_anew()
        scene.announce()

    scene.world.storage.before_read = numbered_anew
    assert (await scene.live.of(scene.queue.id)).version == 1
    assert len(scene.live) == 0


async def test_after_a_resync_watchers_are_told_what_they_missed_and_nothing_else_is_read(
    scene: Scene, watching: Watching
) -> None:
    await scene.take(2)
    await watch(scene, watching)
    await scene.call()
    await scene.call()
    await scene.take()
    scene.news()  # Nobody here hears of it.
    scene.hearing.now = 1
    await scene.live.reread(scene.queue.id)
    assert (watching.versions, watching.changed) == ([3, 6], [[], [2, 3]])
    assert watching.has(await scene.fresh())
    reads = scene.world.storage.reads
    assert same(scene.live.get(scene.queue.id), await scene.fresh())
    scene.live.unwatch(scene.queue.id, watching)
    await scene.live.reread(scene.queue.id)
    assert scene.world.storage.reads == reads + 1, "that of the test"


async def test_what_a_resync_finds_unchanged_is_not_told_again(
    scene: Scene, watching: Watching
) -> None:
    await watch(scene, watching)
    await scene.live.reread(scene.queue.id)
    assert watching.versions == [1]


async def test_a_resync_does_not_take_a_reading_from_before_it_for_its_own(
    scene: Scene, watching: Watching
) -> None:
    may_go_on, has_looked = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        has_looked.set()
        await may_go_on.wait()

    scene.world.storage.before_read = slowly
    scene.live.watch(scene.queue.id, watching)
    await has_looked.wait()
    await scene.take()
    rereading = asyncio.create_task(scene.live.reread(scene.queue.id))
    await loop_turns()
    may_go_on.set()
    await rereading
    assert watching.versions == [1, 2]


async def test_a_reading_that_is_older_than_what_was_told_changes_nothing(
    scene: Scene, watching: Watching
) -> None:
    await watch(scene, watching)

    async def happens() -> None:
        await scene.take()
        scene.announce()

    scene.world.storage.before_read = happens
    await scene.live.reread(scene.queue.id)
    assert watching.versions == [1, 2]
    assert same(scene.live.get(scene.queue.id), await scene.fresh())


async def test_a_resync_that_fails_raises_and_the_board_goes_on_as_it_was(
    scene: Scene, watching: Watching
) -> None:
    await watch(scene, watching)
    scene.world.storage.read_errors.append(Unavailable("away"))
    with pytest.raises(Unavailable):
        await scene.live.reread(scene.queue.id)
    await scene.take()
    scene.announce()
    assert watching.versions == [1, 2]


# Bounds


async def test_a_rush_is_told_in_slices_and_whoever_asks_meanwhile_gets_the_end_of_it(
    scene: Scene, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE_SECONDS", -1.0)
    await watch(scene, watching)
    await scene.take(5)
    rush = scene.news()
    scene.announce([*rush[1:], rush[0]])
    assert watching.versions == [1, 2]
    await asyncio.sleep(0)
    assert watching.versions == [1, 2, 3]
    board = scene.live.get(scene.queue.id)
    assert board is not None
    assert board.version == 6
    assert watching.versions == [1, 2, 3, 4, 5, 6]
    await loop_turns()
    assert watching.has(await scene.fresh())


async def test_what_waits_for_a_missing_version_is_bounded(
    scene: Scene, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_board, "MAX_HEARD", 3)
    await watch(scene, watching)
    await scene.take(9)
    missing, *later = scene.news()
    scene.announce(later)
    scene.announce([missing])
    assert watching.versions == [1, 2], "some that came early have been forgotten"
    await time_passes(1.2 * module.GAP_SECONDS, monkeypatch)
    assert watching.versions == [1, 2, 10]
    assert watching.has(await scene.fresh())


async def test_of_boards_that_nobody_watches_those_asked_for_last_are_kept() -> None:
    scene = await Scene(limit=7).set_up()  # Two boards of two tokens, and not a third.
    queues = [scene.queue, await scene.world.queue(), await scene.world.queue()]
    for queue in queues:
        await scene.take(2, queue)
    first, second, third = (queue.id for queue in queues)
    await scene.live.of(first)
    await scene.live.of(second)
    assert scene.live.get(first) is not None
    await scene.live.of(third)
    known = [scene.live.get(id) is not None for id in (first, second, third)]
    assert known == [True, False, True]


async def test_a_watched_board_is_kept_whatever_else_is_asked_for(watching: Watching) -> None:
    scene = await Scene(limit=0).set_up()
    await watch(scene, watching)
    other = await scene.world.queue()
    await scene.live.of(other.id)
    assert scene.live.get(other.id) is None
    assert scene.live.get(scene.queue.id) is not None


# Whatever happens


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_late_doubled_or_lost_the_versions_rise_and_the_end_is_the_truth(
    data: st.DataObject,
) -> None:
    async def play() -> None:
        scene = await Scene().set_up()
        watching = Watching()
        await watch(scene, watching)
        waiting: list[JournalEntry] = []
        for step in data.draw(st.lists(st.sampled_from(STEPS), max_size=25)):
            await step(scene, waiting, data.draw)
            waiting += scene.news()
        scene.live.receive(build_entry())
        await scene.live.reread(scene.queue.id)
        await loop_turns()
        assert watching.versions == sorted(set(watching.versions))
        assert watching.has(await scene.fresh())
        assert watching.status == (await scene.world.queue_of(scene.queue.id)).status()
        assert same(scene.live.get(scene.queue.id), await scene.fresh())

    asyncio.run(play())


Step = Callable[..., object]


async def _take(scene: Scene, waiting: list[JournalEntry], draw: Step) -> None:
    await scene.take()


async def _call(scene: Scene, waiting: list[JournalEntry], draw: Step) -> None:
    if (await scene.world.queue_of(scene.queue.id)).waiting_count:
        await scene.call()


async def _announce_one(scene: Scene, waiting: list[JournalEntry], draw: Step) -> None:
    if waiting:
        position = draw(st.integers(0, len(waiting) - 1))
        assert isinstance(position, int)
        scene.announce([waiting.pop(position)])


async def _announce_twice(scene: Scene, waiting: list[JournalEntry], draw: Step) -> None:
    scene.announce([replace(one) for one in waiting])


async def _lose_one(scene: Scene, waiting: list[JournalEntry], draw: Step) -> None:
    if waiting:
        waiting.pop()


async def _gap(scene: Scene, waiting: list[JournalEntry], draw: Step) -> None:
    scene.hearing.now = (scene.hearing.now or 0) + 1


async def _look(scene: Scene, waiting: list[JournalEntry], draw: Step) -> None:
    await scene.live.of(scene.queue.id)


STEPS = (_take, _take, _call, _announce_one, _announce_one, _announce_twice, _lose_one, _gap, _look)


async def test_the_board_is_there_again_after_everything_was_lost(
    scene: Scene, watching: Watching
) -> None:
    await watch(scene, watching)
    await scene.take(3)
    scene.news()
    await scene.take()
    scene.announce()
    await eventually(lambda: watching.versions == [1, 5])
