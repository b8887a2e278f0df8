"""People without a login: walk-ins that staff let in, and strangers at the door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from qure.application.accounts.guest_links import Admitted, GuestSecrets
from qure.application.accounts.guests import GUEST_NAME, JOINS_PER_ADDRESS, JOINS_PER_CODE, Door
from qure.application.accounts.sessions import Device
from qure.application.clinics.clinics import ClinicFields
from qure.application.ports.storage import Page, TransactionConflict
from qure.application.secrets import secret_digest
from qure.domain import events
from qure.domain.actor import Actor, ActorKind, Role
from qure.domain.clinic import Clinic
from qure.domain.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotFound,
    TooManyTries,
    Unauthenticated,
)
from qure.domain.ids import QueueId, ServiceId
from qure.domain.queue import Queue
from qure.domain.token import ActiveTokenExists, Priority, TokenStatus
from tests.application.world import World, acting, holding, outcomes
from tests.support.builders import NOW, build_actor, build_guest, build_staff, new_id

ADDRESS = "203.0.113.7"


async def guest_of(world: World, admitted: Admitted) -> Actor:
    """The guest, asking."""
    return acting(await world.user_of(admitted.token.patient_id))


# Walk-ins


async def test_staff_give_a_number_to_somebody_at_the_desk(world: World) -> None:
    queue = await world.queue()
    for actor in (await world.staff_of(queue.clinic_id), await world.admin()):
        world.forget_events()
        admitted = await world.use.guests.admit_walk_in(
            queue.id, name="Ada", phone="0123", note="in a wheelchair", actor=actor
        )
        token = admitted.token
        assert token == await world.token_of(token.id)
        assert (token.status, token.guest, token.priority) == (
            TokenStatus.WAITING,
            True,
            Priority.NORMAL,
        )
        assert (token.name, token.phone, token.note) == ("Ada", "0123", "in a wheelchair")
        (told,) = world.events
        assert isinstance(told, events.WalkInIssued)
        assert (told.token, told.actor) == (token, actor)
    assert token.number == 2


async def test_a_guest_is_a_patient_without_address_and_password(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    for name, shown in (("Ada", "Ada"), (None, GUEST_NAME)):
        admitted = await world.use.guests.admit_walk_in(queue.id, name=name, actor=staff)
        user = await world.user_of(admitted.token.patient_id)
        assert (user.role, user.guest, user.kind) == (Role.PATIENT, True, ActorKind.GUEST)
        assert (user.email, user.password_hash, user.full_name) == (None, None, shown)
        assert admitted.token.name == name
    found, total = await world.use.users.search(page=Page(), actor=await world.admin())
    assert (total, [user.guest for user in found]) == (2, [False, False])


async def test_nobody_logs_in_as_a_guest(world: World) -> None:
    queue = await world.queue()
    await world.use.guests.admit_walk_in(
        queue.id, name="Ada", actor=await world.staff_of(queue.clinic_id)
    )
    for email in ("", "None", "Ada"):
        with pytest.raises(Unauthenticated):
            await world.use.logins.log_in(
                email=email, password="", device=Device(user_agent=None, ip_address=None)
            )


async def test_a_walk_in_may_be_of_another_class_and_everyone_sees_who_is_next(
    world: World,
) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    await world.waiting_in(queue, 2)
    for priority in (Priority.PRIORITY, Priority.URGENT, Priority.NORMAL):
        await world.use.guests.admit_walk_in(queue.id, priority=priority, actor=staff)
    assert await world.line_of(queue.id) == [4, 3, 1, 2, 5]
    assert (await world.queue_of(queue.id)).status().next == ("4", "3", "1", "2", "5")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"is_active": False}, "queue_inactive"),
        ({"is_active": False, "closed_at": NOW}, "queue_closed"),
        ({"last_issued_number": 50}, "queue_full"),
        ({"at": NOW - timedelta(days=1)}, "queue_not_found"),
    ],
)
async def test_a_queue_that_gives_no_numbers_gives_none_to_walk_ins(
    world: World, fields: dict[str, Any], code: str
) -> None:
    queue = await world.queue(**fields)
    staff = await world.staff_of(queue.clinic_id)
    world.forget_events()
    with pytest.raises(DomainError) as refused:
        await world.use.guests.admit_walk_in(queue.id, actor=staff)
    assert refused.value.code == code
    assert (await world.tokens_of(queue.id), world.told) == ([], [])


async def test_only_staff_of_the_clinic_and_admins_let_walk_ins_in(world: World) -> None:
    queue, elsewhere = await world.queue(), await world.clinic()
    for actor in (
        await world.patient(),
        await world.actor(build_guest()),
        await world.staff_of(elsewhere.id),
    ):
        with pytest.raises(Forbidden):
            await world.use.guests.admit_walk_in(queue.id, actor=actor)
    assert await world.tokens_of(queue.id) == []
    with pytest.raises(NotFound) as refused:
        await world.use.guests.admit_walk_in(QueueId(new_id()), actor=await world.admin())
    assert refused.value.code == "queue_not_found"


async def test_walk_ins_and_patients_at_one_moment_get_numbers_without_a_gap(
    world: World,
) -> None:
    queue = await world.queue(max_size=8)
    staff = await world.staff_of(queue.clinic_id)
    at_desk = [world.use.guests.admit_walk_in(queue.id, actor=staff) for _ in range(5)]
    with_app = [world.use.issuing.issue(queue.id, actor=build_actor()) for _ in range(5)]
    _, refused = await outcomes([*at_desk, *with_app])
    assert [error.code for error in refused] == ["queue_full"] * 2
    assert [token.number for token in await world.tokens_of(queue.id)] == list(range(1, 9))


async def test_a_walk_in_that_lost_a_race_is_let_in_once(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    world.forget_events()
    world.storage.commit_errors.append(TransactionConflict())
    await world.use.guests.admit_walk_in(queue.id, actor=staff)
    assert (len(world.told), len(await world.tokens_of(queue.id))) == (1, 1)


# What a guest may do


async def test_a_guest_does_with_the_token_what_a_patient_does(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    admitted = await world.use.guests.admit_walk_in(queue.id, actor=staff)
    await world.waiting_in(queue, 2)
    guest, id, moves = await guest_of(world, admitted), admitted.token.id, world.use.moves
    await moves.hold(id, actor=guest)
    await moves.resume(id, actor=guest)
    await moves.postpone(id, passing=1, actor=guest)
    await moves.skip(id, actor=staff)
    back = await moves.rejoin(id, actor=guest)
    assert await world.use.tokens.active_of(guest.user_id, actor=guest) == back
    assert (await world.use.boards.place_of(id, actor=guest)).ahead == 2
    assert len((await world.use.tokens.history_of(id, actor=guest)).records) == 6
    assert (await moves.cancel(id, actor=guest)).status is TokenStatus.CANCELLED


async def test_a_guest_may_do_nothing_else(world: World) -> None:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    admitted = await world.use.guests.admit_walk_in(queue.id, actor=staff)
    guest = await guest_of(world, admitted)
    (other,) = await world.waiting_in(queue, 1)
    use = world.use
    for attempt in (
        use.issuing.issue((await world.queue()).id, actor=guest),
        use.profiles.update(first_name="Eve", reader=world.images, actor=guest),
        use.profiles.change_password(old_password="", new_password="secret", actor=guest),
        use.logins.list_all(actor=guest),
        use.moves.hold(other.id, actor=guest),
        use.moves.cancel(other.id, actor=guest),
        use.boards.place_of(other.id, actor=guest),
        use.tokens.history_of(other.id, actor=guest),
        use.boards.read(queue.id, actor=guest),
        use.tokens.list_all(queue.id, actor=guest),
        use.calling.call_next(queue.id, actor=guest),
    ):
        with pytest.raises(Forbidden):
            await attempt


async def test_a_guest_does_not_become_staff(world: World) -> None:
    queue = await world.queue()
    admitted = await world.use.guests.admit_walk_in(queue.id, actor=await world.admin())
    with pytest.raises(Conflict) as refused:
        await world.use.staff.add(
            queue.clinic_id, user_id=admitted.token.patient_id, actor=await world.admin()
        )
    assert refused.value.code == "not_an_account"


# At the door


@dataclass
class Entrance:
    """A clinic that lets strangers in with the code of its poster, and today's queue."""

    world: World
    clinic: Clinic
    queue: Queue
    code: str

    async def look(self, code: str | None = None, address: str | None = ADDRESS) -> Door:
        return await self.world.use.guests.look(code or self.code, address=address)

    async def join(
        self, code: str | None = None, address: str | None = ADDRESS, **said: Any
    ) -> Admitted:
        return await self.world.use.guests.join(code or self.code, **said, address=address)


@pytest.fixture
async def entrance(world: World) -> Entrance:
    clinic = await world.use.clinics.create(
        fields=ClinicFields(name="Harbour Clinic", latitude=40.7, longitude=-74, guest_join=True),
        reader=world.images,
        actor=await world.admin(),
    )
    code = world.use.clinics.join_code_of(clinic)
    assert code is not None
    queue = await world.queue(clinic)
    world.forget_events()
    return Entrance(world, clinic, queue, code)


async def test_a_stranger_sees_the_clinic_and_todays_queues(entrance: Entrance) -> None:
    blood = await entrance.world.service(entrance.clinic)
    await entrance.world.queue(entrance.clinic, service=blood)
    door = await entrance.look()
    assert door.clinic.id == entrance.clinic.id
    assert [queue.service_id for queue in door.queues] == [entrance.clinic.service.id, blood.id]


async def test_a_stranger_takes_a_number_and_acts_as_a_guest_from_then_on(
    entrance: Entrance,
) -> None:
    admitted = await entrance.join(name="Ada")
    token = admitted.token
    assert (token.number, token.status, token.guest, token.name) == (
        1,
        TokenStatus.WAITING,
        True,
        "Ada",
    )
    assert (token.queue_id, token.phone, token.note) == (entrance.queue.id, None, None)
    (told,) = entrance.world.events
    assert type(told) is events.TokenIssued
    guest = await guest_of(entrance.world, admitted)
    assert (told.actor.kind, told.actor.id) == (ActorKind.GUEST, guest.id)
    assert (await entrance.world.history_of(token.id))[0].actor_id == guest.id


async def test_a_stranger_may_choose_the_service(entrance: Entrance) -> None:
    blood = await entrance.world.service(entrance.clinic, prefix="B")
    await entrance.world.queue(entrance.clinic, service=blood)
    assert (await entrance.join(service_id=blood.id)).token.label == "B001"
    assert (await entrance.join()).token.label == "1"


async def test_every_stranger_is_somebody_else(entrance: Entrance) -> None:
    admitted = [await entrance.join() for _ in range(3)]
    assert len({one.token.patient_id for one in admitted}) == 3
    assert len({one.secret for one in admitted}) == 3


async def test_a_service_that_is_retired_or_another_clinics_is_not_found(
    entrance: Entrance,
) -> None:
    world = entrance.world
    retired = await world.service(entrance.clinic, is_active=False)
    await world.keep(await queue_of_retired(entrance, retired.id))
    theirs = (await world.queue()).service_id
    for service_id in (retired.id, theirs, ServiceId(new_id())):
        with pytest.raises(NotFound) as refused:
            await entrance.join(service_id=service_id)
        assert refused.value.code == "service_not_found"


async def queue_of_retired(entrance: Entrance, service_id: ServiceId) -> Queue:
    """It was opened before the service was retired."""
    return replace(entrance.queue, id=QueueId(new_id()), service_id=service_id, events=[])


async def test_where_no_queue_is_open_today_nobody_joins(entrance: Entrance) -> None:
    blood = await entrance.world.service(entrance.clinic)
    with pytest.raises(Conflict) as refused:
        await entrance.join(service_id=blood.id)
    assert refused.value.code == "queue_not_open"
    entrance.world.clock.advance(days=1)
    with pytest.raises(Conflict) as refused:
        await entrance.join()
    assert refused.value.code == "queue_not_open"
    assert (await entrance.look()).queues == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"is_active": False}, "queue_inactive"),
        ({"is_active": False, "closed_at": NOW}, "queue_closed"),
        ({"last_issued_number": 50}, "queue_full"),
    ],
)
async def test_a_queue_that_gives_no_numbers_says_why_at_the_door_too(
    entrance: Entrance, fields: dict[str, Any], code: str
) -> None:
    async with entrance.world.storage.write() as uow:
        await uow.queues.save(replace(entrance.queue, **fields, events=[]))
        await uow.commit()
    with pytest.raises(Conflict) as refused:
        await entrance.join()
    assert refused.value.code == code


async def test_whoever_has_a_number_already_and_says_who_they_are_gets_no_second_one(
    entrance: Entrance,
) -> None:
    admitted = await entrance.join()
    guest = await guest_of(entrance.world, admitted)
    with pytest.raises(ActiveTokenExists) as refused:
        await entrance.join(actor=guest)
    assert refused.value.token == admitted.token
    patient = build_actor()
    taken = await entrance.world.use.issuing.issue(entrance.queue.id, actor=patient)
    with pytest.raises(ActiveTokenExists) as refused:
        await entrance.join(actor=patient)
    assert refused.value.token == taken
    await entrance.world.use.moves.cancel(admitted.token.id, actor=guest)
    again = await entrance.join(actor=guest)
    assert again.token.patient_id != guest.id
    of_staff = await entrance.join(actor=acting(build_staff(entrance.clinic.id)))
    assert of_staff.token.number == again.token.number + 1


async def test_unknown_renewed_and_switched_off_codes_and_those_of_retired_clinics_are_alike(
    entrance: Entrance,
) -> None:
    world, admin = entrance.world, await entrance.world.admin()

    async def refusals(code: str) -> set[tuple[str, str]]:
        refused = []
        for attempt in (entrance.look(code), entrance.join(code)):
            with pytest.raises(NotFound) as error:
                await attempt
            refused.append((error.value.code, error.value.message))
        return set(refused)

    async def change(**fields: Any) -> None:
        await world.use.clinics.update(
            entrance.clinic.id,
            fields=ClinicFields(**fields),  # type: ignore[typeddict-item]
            reader=world.images,
            actor=admin,
        )

    unknown = await refusals("AAAAAAAAAAAAAAAAAAAAAA")
    assert {code for code, _ in unknown} == {"join_code_not_found"}
    await change(guest_join=False)
    assert await refusals(entrance.code) == unknown
    await change(guest_join=True, is_active=False)
    assert await refusals(entrance.code) == unknown
    await change(is_active=True)
    assert (await entrance.join()).token.number == 1
    renewed = await world.use.clinics.renew_join_code(entrance.clinic.id, actor=admin)
    assert await refusals(entrance.code) == unknown
    code = world.use.clinics.join_code_of(renewed)
    assert (await entrance.join(code)).token.number == 2


async def test_a_stranger_who_lost_a_race_is_let_in_once(entrance: Entrance) -> None:
    entrance.world.storage.commit_errors.append(TransactionConflict())
    await entrance.join()
    assert len(await entrance.world.tokens_of(entrance.queue.id)) == 1


async def test_from_one_address_so_many_a_minute_look_and_join(entrance: Entrance) -> None:
    world = entrance.world
    codes = ("unknown", entrance.code)
    for number in range(JOINS_PER_ADDRESS):
        if number % 2:
            await entrance.look()
        else:
            with pytest.raises(NotFound):
                await entrance.join("unknown")
    for attempt in [entrance.look(code) for code in codes] + [
        entrance.join(code) for code in codes
    ]:
        with pytest.raises(TooManyTries) as refused:
            await attempt
        assert refused.value.retry_after == 2
    await entrance.look(address="203.0.113.8")
    world.clock.advance(seconds=2)
    await entrance.look()
    with pytest.raises(TooManyTries):
        await entrance.look()


async def test_the_addresses_of_one_ipv6_network_count_as_one(entrance: Entrance) -> None:
    addresses = [f"2001:db8:0:7::{number:x}" for number in range(JOINS_PER_ADDRESS + 1)]
    done, refused = await outcomes(entrance.look(address=address) for address in addresses)
    assert (len(done), [error.code for error in refused]) == (JOINS_PER_ADDRESS, ["too_many_tries"])


async def test_with_one_code_so_many_a_minute_look_and_join_from_wherever(
    entrance: Entrance,
) -> None:
    addresses = [f"203.0.113.{number}" for number in range(JOINS_PER_CODE + 1)]
    done, refused = await outcomes(entrance.look(address=address) for address in addresses)
    assert (len(done), [error.code for error in refused]) == (JOINS_PER_CODE, ["too_many_tries"])
    with pytest.raises(NotFound):
        await entrance.look("another code", address="203.0.113.99")


# What is kept


async def test_of_a_guests_secret_only_the_digest_is_kept(entrance: Entrance) -> None:
    world = entrance.world
    walked_in = await world.use.guests.admit_walk_in(
        entrance.queue.id, name="Ada", actor=await world.admin()
    )
    for admitted in (walked_in, await entrance.join()):
        async with world.storage.read() as uow:
            link = await uow.guest_links.of_user(admitted.token.patient_id)
        assert link is not None
        assert (link.digest, link.generation) == (secret_digest(admitted.secret), 1)
        assert link.expires_at == entrance.queue.day_ends_at + timedelta(hours=1)
        assert len(admitted.secret) == 22
        assert admitted.secret not in repr((world.told, await world.user_of(link.user_id), link))


async def test_without_the_services_key_nobody_works_a_guests_secret_out(
    entrance: Entrance,
) -> None:
    admitted = await entrance.join()
    patient = admitted.token.patient_id
    assert GuestSecrets(entrance.world.digests).of(patient, 1) == admitted.secret
    entrance.world.digests.key = "another key"
    assert GuestSecrets(entrance.world.digests).of(patient, 1) != admitted.secret


async def test_a_number_at_the_door_costs_one_transaction(entrance: Entrance) -> None:
    before = entrance.world.storage.writes
    await entrance.join()
    assert entrance.world.storage.writes == before + 1


async def test_a_guests_token_is_called_like_any_other(entrance: Entrance) -> None:
    admitted = await entrance.join()
    staff = await entrance.world.staff_of(entrance.clinic.id)
    called = await entrance.world.use.calling.call_next(entrance.queue.id, actor=staff)
    assert called.id == admitted.token.id
    with pytest.raises(Conflict):
        await entrance.world.use.moves.cancel(called.id, actor=holding(called))
