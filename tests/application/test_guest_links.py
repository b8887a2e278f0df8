"""The link to a guest's token: opened as often as wished, renewed by staff, dead in the night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from qure.application.accounts.guest_links import EXCHANGES_PER_ADDRESS, Admitted, GuestGrant
from qure.application.accounts.sessions import Device
from qure.application.announcing.actors import Actors
from qure.application.ports.gateways import AccessClaims
from qure.application.ports.storage import TransactionConflict
from qure.application.secrets import secret_digest
from qure.domain import events
from qure.domain.actor import Actor, ActorKind
from qure.domain.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotFound,
    TooManyTries,
    Unauthenticated,
)
from qure.domain.guest import LINK_OUTLIVES_DAY, GuestLink
from qure.domain.ids import TokenId, UserId
from qure.domain.queue import Queue
from tests.application.world import World, outcomes
from tests.support.builders import build_guest, new_id
from tests.support.fakes import Hearing

PHONE = Device(user_agent="Browser/1.0", ip_address="203.0.113.7")


@dataclass
class Guest:
    """A walk-in with the link to their token, and the staff who let them in."""

    world: World
    queue: Queue
    staff: Actor
    admitted: Admitted

    @property
    def user_id(self) -> UserId:
        return self.admitted.token.patient_id

    async def open(self, secret: str | None = None, device: Device = PHONE) -> GuestGrant:
        secret = self.admitted.secret if secret is None else secret
        return await self.world.use.guest_links.open(secret, device=device)

    async def renew(self, actor: Actor | None = None) -> Admitted:
        return await self.world.use.guest_links.renew(
            self.admitted.token.id, actor=actor or self.staff
        )

    async def refused(self, secret: str | None = None) -> DomainError:
        with pytest.raises(Unauthenticated) as refused:
            await self.open(secret)
        assert refused.value.code == "invalid_guest_secret"
        return refused.value

    async def link(self) -> GuestLink:
        async with self.world.storage.read() as uow:
            link = await uow.guest_links.of_user(self.user_id)
        assert link is not None
        return link

    def claims(self, grant: GuestGrant) -> AccessClaims:
        return self.world.jwts.verify(grant.access_jwt, at=self.world.clock.now())


@pytest.fixture
async def guest(world: World) -> Guest:
    queue = await world.queue()
    staff = await world.staff_of(queue.clinic_id)
    admitted = await world.use.guests.admit_walk_in(queue.id, name="Ada", actor=staff)
    world.forget_events()
    return Guest(world, queue, staff, admitted)


# Opening it


async def test_whoever_has_the_secret_is_the_guest(guest: Guest) -> None:
    grant = await guest.open()
    assert grant.user == await guest.world.user_of(guest.user_id)
    actors = Actors(guest.world.storage, guest.world.clock, generation=Hearing())
    actor = await actors.of(guest.claims(grant))
    assert (actor.kind, actor.id) == (ActorKind.GUEST, guest.user_id)
    assert grant.expires_at == guest.claims(grant).expires_at
    session = await guest.world.session_of(guest.claims(grant).session_id)
    assert (session.user_agent, session.ip_address) == ("Browser/1.0", "203.0.113.7")
    assert session.expires_at == (await guest.link()).expires_at


async def test_it_opens_one_login_however_often_and_by_however_many_at_once(
    guest: Guest,
) -> None:
    grants, refused = await outcomes(guest.open() for _ in range(5))
    assert refused == []
    grants.append(await guest.open())
    assert len({guest.claims(grant).session_id for grant in grants}) == 1
    live = await guest.world.live_sessions_of(grants[0].user)
    assert live == [guest.claims(grants[0]).session_id]


async def test_there_is_nothing_to_refresh_with_the_link_is_opened_again(guest: Guest) -> None:
    grant = await guest.open()
    guest.world.clock.advance(minutes=16)
    again = await guest.open()
    assert again.access_jwt != grant.access_jwt
    with pytest.raises(Unauthenticated):
        await guest.world.use.logins.refresh(guest.admitted.secret)


async def test_a_login_that_was_ended_is_followed_by_another(guest: Guest) -> None:
    first = guest.claims(await guest.open()).session_id
    session = await guest.world.session_of(first)
    async with guest.world.storage.write() as uow:
        session.revoke(by=guest.staff, at=guest.world.clock.now())
        await uow.sessions.save(session)
        await uow.commit()
    assert guest.claims(await guest.open()).session_id != first


async def test_it_lives_until_an_hour_after_the_local_days_end_and_so_does_what_it_opened(
    guest: Guest,
) -> None:
    dies_at = guest.queue.day_ends_at + LINK_OUTLIVES_DAY
    assert timedelta(hours=1) == LINK_OUTLIVES_DAY
    guest.world.clock.set(dies_at - timedelta(minutes=1))
    grant = await guest.open()
    assert grant.expires_at == dies_at
    session = await guest.world.session_of(guest.claims(grant).session_id)
    assert session.is_live(dies_at - timedelta(milliseconds=1))
    assert not session.is_live(dies_at)
    guest.world.clock.set(dies_at)
    await guest.refused()


async def test_unknown_dead_and_expired_ones_and_those_of_locked_out_guests_are_alike(
    guest: Guest,
) -> None:
    world, admin = guest.world, await guest.world.admin()
    refusals = [await guest.refused(secret) for secret in ("", "AAAAAAAAAAAAAAAAAAAAAA", "ä")]
    old = guest.admitted.secret
    guest.admitted = await guest.renew()
    refusals.append(await guest.refused(old))
    await world.use.users.set_active(guest.user_id, active=False, actor=admin)
    refusals.append(await guest.refused())
    await world.use.users.set_active(guest.user_id, active=True, actor=admin)
    await guest.open()
    world.clock.advance(days=2)
    refusals.append(await guest.refused())
    await world.sweeping.sweep()
    refusals.append(await guest.refused())
    assert {(error.code, error.message) for error in refusals} == {
        ("invalid_guest_secret", "This link is not valid any more. Please ask at the desk.")
    }


async def test_one_network_tries_so_many_secrets_a_minute(guest: Guest) -> None:
    done, refused = await outcomes(guest.open("guessed") for _ in range(EXCHANGES_PER_ADDRESS + 1))
    codes = [error.code for error in refused]
    assert done == []
    assert codes.count("invalid_guest_secret") == EXCHANGES_PER_ADDRESS
    with pytest.raises(TooManyTries):
        await guest.open()
    await guest.open(device=Device(user_agent=None, ip_address="203.0.113.8"))
    await guest.open(device=Device(user_agent=None, ip_address=None))
    guest.world.clock.advance(seconds=1)
    await guest.open()


async def test_opening_that_lost_a_race_is_done_again(guest: Guest) -> None:
    guest.world.storage.commit_errors.append(TransactionConflict())
    grant = await guest.open()
    assert len(await guest.world.live_sessions_of(grant.user)) == 1


# Another one


async def test_staff_give_another_secret_and_the_old_one_and_what_it_opened_end(
    guest: Guest,
) -> None:
    opened = guest.claims(await guest.open()).session_id
    for actor, generation in ((guest.staff, 2), (await guest.world.admin(), 3)):
        old = guest.admitted.secret
        guest.world.forget_events()
        guest.admitted = await guest.renew(actor)
        link = await guest.link()
        assert (link.digest, link.generation) == (
            secret_digest(guest.admitted.secret),
            generation,
        )
        assert link.session_id is None
        await guest.refused(old)
        assert guest.world.events == [
            events.SessionRevoked(
                session_id=opened,
                user_id=guest.user_id,
                actor=actor,
                at=guest.world.clock.now(),
            )
        ]
        opened = guest.claims(await guest.open()).session_id


async def test_one_that_was_never_opened_is_replaced_without_a_word(guest: Guest) -> None:
    renewed = await guest.renew()
    assert renewed.token == guest.admitted.token
    assert renewed.secret != guest.admitted.secret
    assert guest.world.told == []
    await guest.open(renewed.secret)


async def test_a_login_that_has_ended_already_is_not_ended_again(guest: Guest) -> None:
    session = await guest.world.session_of(guest.claims(await guest.open()).session_id)
    async with guest.world.storage.write() as uow:
        session.revoke(by=guest.staff, at=guest.world.clock.now())
        await uow.sessions.save(session)
        await uow.commit()
    guest.world.forget_events()
    await guest.renew()
    assert guest.world.told == []


async def test_a_guest_whose_link_was_swept_away_gets_one_again(guest: Guest) -> None:
    async with guest.world.storage.write() as uow:
        await uow.guest_links.delete_expired(before=guest.world.clock.now() + timedelta(days=9))
        await uow.commit()
    await guest.refused()
    renewed = await guest.renew()
    assert (await guest.open(renewed.secret)).user.id == guest.user_id


async def test_a_patient_with_an_account_of_their_own_needs_no_link(guest: Guest) -> None:
    (token,) = await guest.world.waiting_in(guest.queue, 1)
    user = await guest.world.patient(id=token.patient_id)
    with pytest.raises(Conflict) as refused:
        await guest.world.use.guest_links.renew(token.id, actor=guest.staff)
    assert refused.value.code == "not_a_guest"
    async with guest.world.storage.read() as uow:
        assert await uow.guest_links.of_user(user.user_id) is None


async def test_only_staff_of_the_clinic_and_admins_give_links(guest: Guest) -> None:
    elsewhere = await guest.world.clinic()
    for actor in (
        await guest.world.patient(),
        await guest.world.actor(build_guest()),
        await guest.world.staff_of(elsewhere.id),
    ):
        with pytest.raises(Forbidden):
            await guest.renew(actor)
    await guest.open()
    with pytest.raises(NotFound) as refused:
        await guest.world.use.guest_links.renew(TokenId(new_id()), actor=guest.staff)
    assert refused.value.code == "token_not_found"


async def test_of_many_links_given_at_once_the_last_one_lives(guest: Guest) -> None:
    renewed, refused = await outcomes(guest.renew() for _ in range(3))
    assert (len({one.secret for one in renewed}), refused) == (3, [])
    opened, refused = await outcomes(guest.open(one.secret) for one in renewed)
    assert (len(opened), len(refused)) == (1, 2)
    assert (await guest.link()).generation == 4


async def test_giving_a_link_that_lost_a_race_is_done_again(guest: Guest) -> None:
    await guest.open()
    guest.world.storage.commit_errors.append(TransactionConflict())
    await guest.open((await guest.renew()).secret)
    assert (await guest.link()).generation == 2
