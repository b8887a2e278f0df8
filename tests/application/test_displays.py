"""Devices that look on: paired by a code that they show, let in by staff, ended by staff."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from qure.application.accounts.displays import (
    CODES_PER_STAFF,
    PAIRINGS_PER_ADDRESS,
    DisplayGrant,
    Started,
)
from qure.application.accounts.sessions import Device
from qure.application.announcing.actors import Actors
from qure.application.clinics.services import ServiceFields
from qure.application.ports.storage import TransactionConflict
from qure.application.secrets import secret_digest
from qure.domain import events
from qure.domain.actor import Actor, ActorKind, Role
from qure.domain.clinic import Clinic
from qure.domain.display import MAX_DISPLAYS, PAIRING_LIFE, POLL_INTERVAL, Display
from qure.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooManyTries,
    Unauthenticated,
)
from qure.domain.ids import ClinicId, DisplayId, ServiceId, UserId
from qure.domain.session import REFRESH_LIFE
from tests.application.world import World, acting, outcomes
from tests.support.builders import NOW, build_display, build_guest, build_pairing, new_id
from tests.support.fakes import Hearing

ADDRESS = "203.0.113.7"


@dataclass
class Hall:
    """A clinic whose staff let devices in."""

    world: World
    clinic: Clinic
    staff: Actor

    async def start(self, address: str | None = ADDRESS) -> Started:
        return await self.world.use.displays.start_pairing(address=address)

    async def poll(self, device_code: str) -> DisplayGrant:
        return await self.world.use.displays.finish_pairing(
            device_code, device=Device(user_agent="Screen/1.0", ip_address=ADDRESS)
        )

    async def refused(self, device_code: str) -> str:
        with pytest.raises(Invalid) as refused:
            await self.poll(device_code)
        assert refused.value.errors == ()
        return refused.value.code

    async def let_in(
        self,
        user_code: str,
        *,
        name: str = "Hall",
        service_ids: list[ServiceId] | None = None,
        actor: Actor | None = None,
    ) -> Display:
        return await self.world.use.displays.let_in(
            self.clinic.id,
            user_code=user_code,
            name=name,
            service_ids=service_ids,
            actor=actor or self.staff,
        )

    async def paired(self) -> DisplayGrant:
        started = await self.start()
        await self.let_in(started.user_code)
        return await self.poll(started.device_code)

    async def listed(self) -> list[Display]:
        return await self.world.use.displays.list_all(self.clinic.id, actor=self.staff)

    async def who_is(self, grant: DisplayGrant) -> Actor:
        """As an access JWT is looked at."""
        claims = self.world.jwts.verify(grant.access_jwt, at=self.world.clock.now())
        return await Actors(self.world.storage, self.world.clock, generation=Hearing()).of(claims)


@pytest.fixture
async def hall(world: World) -> Hall:
    clinic = await world.clinic()
    return Hall(world, clinic, await world.staff_of(clinic.id))


# Pairing


async def test_a_device_gets_a_code_to_keep_and_one_to_show(hall: Hall) -> None:
    started = [await hall.start() for _ in range(5)]
    assert len({one.device_code for one in started}) == 5
    assert len({one.user_code for one in started}) == 5
    for one in started:
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", one.device_code)
        assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{8}", one.user_code)


async def test_it_asks_until_staff_let_it_in_and_then_holds_a_login_of_its_own(
    hall: Hall,
) -> None:
    started = await hall.start()
    assert await hall.refused(started.device_code) == "authorization_pending"
    display = await hall.let_in(started.user_code, name="Main hall")
    hall.world.clock.advance(seconds=3)
    grant = await hall.poll(started.device_code)
    assert grant.display == display == (await hall.listed())[0]
    assert (display.name, display.clinic_id, display.service_ids) == (
        "Main hall",
        hall.clinic.id,
        None,
    )
    assert (display.created_by, display.ended_at) == (hall.staff.id, None)
    actor = await hall.who_is(grant)
    assert (actor.kind, actor.role, actor.id) == (ActorKind.DISPLAY, Role.DISPLAY, display.id)
    assert actor.clinic_id == hall.clinic.id
    assert actor.session_id is not None
    session = await hall.world.session_of(actor.session_id)
    assert (session.user_agent, session.ip_address) == ("Screen/1.0", ADDRESS)
    assert session.expires_at == hall.world.clock.now() + REFRESH_LIFE


async def test_it_stays_logged_in_with_single_use_secrets_as_people_do(hall: Hall) -> None:
    grant = await hall.paired()
    hall.world.clock.advance(days=6)
    refreshed = await hall.world.use.logins.refresh(grant.refresh_secret)
    assert refreshed.user.id == grant.display.id
    hall.world.clock.advance(days=6)
    again = await hall.world.use.logins.refresh(
        refreshed.refresh_secret, device_token=refreshed.device_token
    )
    await hall.world.use.logins.log_out(again.refresh_secret)
    with pytest.raises(Unauthenticated):
        await hall.world.use.logins.refresh(again.refresh_secret)


async def test_it_holds_what_it_was_given_once(hall: Hall) -> None:
    started = await hall.start()
    await hall.let_in(started.user_code)
    grants, refused = await outcomes(hall.poll(started.device_code) for _ in range(3))
    assert (len(grants), [error.code for error in refused]) == (1, ["expired_token"] * 2)
    assert await hall.refused(started.device_code) == "expired_token"


async def test_whoever_asks_too_often_is_told_to_slow_down(hall: Hall) -> None:
    started = await hall.start()
    assert await hall.refused(started.device_code) == "authorization_pending"
    hall.world.clock.advance(milliseconds=POLL_INTERVAL.total_seconds() * 1000 - 1)
    assert await hall.refused(started.device_code) == "slow_down"
    hall.world.clock.advance(seconds=1)
    assert await hall.refused(started.device_code) == "slow_down", "that counts from the last time"
    hall.world.clock.advance(seconds=POLL_INTERVAL.total_seconds())
    assert await hall.refused(started.device_code) == "authorization_pending"
    await hall.let_in(started.user_code)
    assert (await hall.poll(started.device_code)).display.name == "Hall"


async def test_codes_live_for_ten_minutes(hall: Hall) -> None:
    assert timedelta(minutes=10) == PAIRING_LIFE
    unused, let_in_late, never_fetched = [await hall.start() for _ in range(3)]
    await hall.let_in(never_fetched.user_code)
    hall.world.clock.advance(minutes=10, milliseconds=-1)
    assert await hall.refused(unused.device_code) == "authorization_pending"
    await hall.let_in(let_in_late.user_code)
    hall.world.clock.advance(milliseconds=1)
    for one in (unused, let_in_late, never_fetched):
        assert await hall.refused(one.device_code) == "expired_token"
    with pytest.raises(Invalid) as refused:
        await hall.let_in(unused.user_code)
    assert [error.path for error in refused.value.errors] == ["userCode"]


async def test_a_device_code_that_never_was_is_like_one_that_has_expired(hall: Hall) -> None:
    for code in ("", "AAAAAAAAAAAAAAAAAAAAAA", "ä"):
        assert await hall.refused(code) == "expired_token"


async def test_one_network_starts_so_many_pairings_a_minute(hall: Hall) -> None:
    _, refused = await outcomes(
        hall.start(f"2001:db8:0:7::{number:x}") for number in range(PAIRINGS_PER_ADDRESS + 2)
    )
    assert [type(error) for error in refused] == [TooManyTries] * 2
    await hall.start("2001:db8:0:8::1")
    await hall.start(None)
    hall.world.clock.advance(seconds=3)
    await hall.start("2001:db8:0:7::1")


async def test_what_has_expired_makes_room_for_its_code(hall: Hall) -> None:
    async with hall.world.storage.write() as uow:
        expired = [build_pairing(expires_at=NOW - timedelta(seconds=1)) for _ in range(3)]
        for one in expired:
            await uow.displays.add_pairing(one)
        await uow.commit()
    await hall.start()
    async with hall.world.storage.read() as uow:
        found = [await uow.displays.pairing_by_code(one.user_code) for one in expired]
    assert found == [None] * 3


async def test_two_devices_never_show_the_same_code(hall: Hall) -> None:
    first = await World().use.displays.start_pairing(address=None)  # As it would come out here.
    async with hall.world.storage.write() as uow:
        await uow.displays.add_pairing(build_pairing(user_code=first.user_code))
        await uow.commit()
    assert (await hall.start()).user_code != first.user_code


# Letting it in


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(lambda code: code.lower(), id="in small letters"),
        pytest.param(lambda code: f" {code[:4]}-{code[4:]} ", id="with a dash"),
        pytest.param(lambda code: " ".join(code), id="letter by letter"),
    ],
)
async def test_the_code_may_be_typed_as_people_type(hall: Hall, typed: object) -> None:
    started = await hall.start()
    assert callable(typed)
    await hall.let_in(typed(started.user_code))
    assert (await hall.poll(started.device_code)).display.name == "Hall"


async def test_a_display_may_show_some_services_only(hall: Hall) -> None:
    blood, x_rays = [await hall.world.service(hall.clinic) for _ in range(2)]
    started = await hall.start()
    display = await hall.let_in(started.user_code, service_ids=[x_rays.id, blood.id, x_rays.id])
    assert display.service_ids == (x_rays.id, blood.id)
    assert (await hall.poll(started.device_code)).display.service_ids == display.service_ids


async def test_all_that_is_wrong_is_said_at_once(hall: Hall) -> None:
    theirs = await hall.world.service(await hall.world.clinic())
    started = await hall.start()
    for code, paths in (
        (started.user_code, ["serviceIds.1", "serviceIds.2"]),
        ("BBBBBBBB", ["userCode", "serviceIds.1", "serviceIds.2"]),
    ):
        with pytest.raises(Invalid) as refused:
            await hall.let_in(
                code, service_ids=[hall.clinic.service.id, theirs.id, ServiceId(new_id())]
            )
        assert [error.path for error in refused.value.errors] == paths
    assert await hall.listed() == []
    assert await hall.refused(started.device_code) == "authorization_pending"


async def test_a_code_lets_one_device_into_one_clinic(hall: Hall) -> None:
    started = await hall.start()
    let_in, refused = await outcomes(hall.let_in(started.user_code) for _ in range(3))
    assert (len(let_in), [error.code for error in refused]) == (1, ["validation_failed"] * 2)
    assert len(await hall.listed()) == 1


async def test_one_person_tries_so_many_codes_a_minute_right_or_wrong(hall: Hall) -> None:
    started = await hall.start()
    for _ in range(CODES_PER_STAFF):
        with pytest.raises(Invalid):
            await hall.let_in("BBBBBBBB")
    with pytest.raises(TooManyTries):
        await hall.let_in(started.user_code)
    colleague = await hall.world.staff_of(hall.clinic.id)
    await hall.let_in(started.user_code, actor=colleague)


async def test_a_clinic_has_so_many_displays_those_that_ended_not_counted(hall: Hall) -> None:
    displays = [build_display(hall.clinic.id) for _ in range(MAX_DISPLAYS)]
    ended = build_display(hall.clinic.id, ended_at=NOW)
    await hall.world.keep(*displays, ended)
    started = await hall.start()
    with pytest.raises(Conflict) as refused:
        await hall.let_in(started.user_code)
    assert refused.value.code == "too_many_displays"
    await hall.world.use.displays.end(displays[0].id, actor=hall.staff)
    await hall.let_in(started.user_code)


async def test_only_staff_of_the_clinic_and_admins_let_in_list_and_end_displays(
    hall: Hall,
) -> None:
    grant, started = await hall.paired(), await hall.start()
    elsewhere = await hall.world.clinic()
    for actor in (
        await hall.world.patient(),
        await hall.world.actor(build_guest()),
        await hall.world.staff_of(elsewhere.id),
        await hall.who_is(grant),
    ):
        with pytest.raises(Forbidden):
            await hall.let_in(started.user_code, actor=actor)
        with pytest.raises(Forbidden):
            await hall.world.use.displays.list_all(hall.clinic.id, actor=actor)
        with pytest.raises(Forbidden):
            await hall.world.use.displays.end(grant.display.id, actor=actor)
    assert await hall.listed() == [grant.display]
    admin = await hall.world.admin()
    await hall.let_in(started.user_code, actor=admin)
    assert len(await hall.world.use.displays.list_all(hall.clinic.id, actor=admin)) == 2
    await hall.world.use.displays.end(grant.display.id, actor=admin)


async def test_what_does_not_exist_is_not_found(hall: Hall) -> None:
    admin = await hall.world.admin()
    with pytest.raises(NotFound) as refused:
        await hall.world.use.displays.list_all(ClinicId(new_id()), actor=admin)
    assert refused.value.code == "clinic_not_found"
    with pytest.raises(NotFound) as refused:
        await hall.world.use.displays.let_in(
            ClinicId(new_id()), user_code="BBBBBBBB", name="Hall", actor=admin
        )
    assert refused.value.code == "clinic_not_found"
    with pytest.raises(NotFound) as refused:
        await hall.world.use.displays.end(DisplayId(new_id()), actor=admin)
    assert refused.value.code == "display_not_found"


async def test_displays_are_listed_the_oldest_first_and_are_neither_users_nor_staff(
    hall: Hall,
) -> None:
    names = ["Hall", "Stairs", "Ward"]
    for name in names:
        hall.world.clock.advance(minutes=1)
        await hall.let_in((await hall.start()).user_code, name=name)
    assert [display.name for display in await hall.listed()] == names
    assert [user.id for user in await hall.world.use.staff.list_all(hall.clinic.id)] == [
        hall.staff.id
    ]


# Ending it


async def test_an_ended_display_is_logged_out_and_gone_and_its_code_with_it(hall: Hall) -> None:
    grant = await hall.paired()
    actor = await hall.who_is(grant)
    hall.world.forget_events()
    at = hall.world.clock.advance(minutes=1)
    await hall.world.use.displays.end(grant.display.id, actor=hall.staff)
    assert await hall.listed() == []
    assert {type(event) for event in hall.world.events} == {
        events.SessionRevoked,
        events.UserChanged,
    }
    assert {(event.actor, event.at) for event in hall.world.events} == {(hall.staff, at)}
    with pytest.raises(Unauthenticated):
        await hall.who_is(grant)
    with pytest.raises(Unauthenticated):
        await hall.world.use.logins.refresh(grant.refresh_secret)
    assert not (await hall.world.user_of(UserId(grant.display.id))).is_active
    assert actor.session_id is not None
    assert (await hall.world.session_of(actor.session_id)).revoked_at == at


async def test_one_that_was_let_in_and_ended_before_it_asked_gets_nothing(hall: Hall) -> None:
    started = await hall.start()
    display = await hall.let_in(started.user_code)
    await hall.world.use.displays.end(display.id, actor=hall.staff)
    assert await hall.refused(started.device_code) == "expired_token"


async def test_of_many_who_end_it_at_once_one_does(hall: Hall) -> None:
    grant = await hall.paired()
    hall.world.forget_events()
    done, refused = await outcomes(
        hall.world.use.displays.end(grant.display.id, actor=hall.staff) for _ in range(3)
    )
    assert (len(done), [error.code for error in refused]) == (1, ["display_not_found"] * 2)
    assert len(hall.world.told) == 1


async def test_one_that_an_admin_has_locked_out_is_ended_all_the_same(hall: Hall) -> None:
    grant = await hall.paired()
    await hall.world.use.users.set_active(
        UserId(grant.display.id), active=False, actor=await hall.world.admin()
    )
    assert [display.id for display in await hall.listed()] == [grant.display.id]
    await hall.world.use.displays.end(grant.display.id, actor=hall.staff)
    assert await hall.listed() == []


async def test_a_session_that_has_ended_already_is_not_ended_again(hall: Hall) -> None:
    grant = await hall.paired()
    await hall.world.use.logins.log_out(grant.refresh_secret)
    hall.world.forget_events()
    await hall.world.use.displays.end(grant.display.id, actor=hall.staff)
    assert [type(event) for event in hall.world.events] == [events.UserChanged]


# What is kept, and what it may do


async def test_of_all_its_secrets_only_digests_are_kept(hall: Hall) -> None:
    started = await hall.start()
    async with hall.world.storage.read() as uow:
        pairing = await uow.displays.pairing(secret_digest(started.device_code))
    assert pairing is not None
    assert started.device_code not in repr(pairing)
    display = await hall.let_in(started.user_code)
    grant = await hall.poll(started.device_code)
    async with hall.world.storage.read() as uow:
        kept = await uow.sessions.secret(secret_digest(grant.refresh_secret))
        assert await uow.displays.pairing(pairing.digest) is None
    assert kept is not None
    user = await hall.world.user_of(UserId(display.id))
    for secret in (started.device_code, grant.refresh_secret):
        assert secret not in repr((kept, user, display, hall.world.told))
    assert (user.email, user.password_hash) == (None, None)


async def test_a_display_sees_its_own_clinics_services_and_queues_and_does_nothing(
    hall: Hall,
) -> None:
    queue = await hall.world.queue(hall.clinic)
    (token,) = await hall.world.waiting_in(queue, 1)
    display, use = await hall.who_is(await hall.paired()), hall.world.use
    assert len(await use.services.list_all(hall.clinic.id, actor=display)) == 1
    assert await use.queues.all_of_today(hall.clinic.id, actor=display) != []
    for attempt in (
        use.issuing.issue(queue.id, actor=display),
        use.moves.hold(token.id, actor=display),
        use.moves.postpone(token.id, passing=1, actor=display),
        use.calling.call_next(queue.id, actor=display),
        use.tokens.list_all(queue.id, actor=display),
        use.tokens.history_of(token.id, actor=display),
        use.boards.read(queue.id, actor=display),
        use.boards.place_of(token.id, actor=display),
        use.queues.set_active(queue.id, active=False, actor=display),
        use.logins.list_all(actor=display),
        use.logins.revoke(display.session_id, actor=display),  # type: ignore[arg-type]
        use.profiles.update(first_name="Eve", reader=hall.world.images, actor=display),
        use.services.update(
            hall.clinic.service.id, fields=ServiceFields(name="Mine"), actor=display
        ),
    ):
        with pytest.raises(Forbidden):
            await attempt


async def test_every_step_that_lost_a_race_is_made_again(hall: Hall) -> None:
    hall.world.storage.commit_errors.append(TransactionConflict())
    started = await hall.start()
    hall.world.storage.commit_errors.append(TransactionConflict())
    assert await hall.refused(started.device_code) == "authorization_pending"
    hall.world.storage.commit_errors.append(TransactionConflict())
    display = await hall.let_in(started.user_code)
    hall.world.storage.commit_errors.append(TransactionConflict())
    grant = await hall.poll(started.device_code)
    assert len(await hall.world.live_sessions_of(await hall.world.user_of(UserId(display.id)))) == 1
    hall.world.storage.commit_errors.append(TransactionConflict())
    await hall.world.use.displays.end(grant.display.id, actor=hall.staff)
    assert await hall.listed() == []


async def test_a_display_acts_as_a_user_of_its_own(hall: Hall) -> None:
    grant = await hall.paired()
    user = await hall.world.user_of(UserId(grant.display.id))
    actor = await hall.who_is(grant)
    assert replace(acting(user), session_id=actor.session_id) == actor
