"""Those who come without a login: guests with their link, and displays that were let in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.application.ports.storage import Storage, TransactionConflict
from qure.domain.ids import ClinicId, DisplayId, ServiceId, SessionId, UserId
from tests.contracts.storage.given import given
from tests.support.builders import (
    NOW,
    build_clinic,
    build_display,
    build_display_user,
    build_guest,
    build_guest_link,
    build_pairing,
    new_id,
)

A_MOMENT = timedelta(milliseconds=1)

# --- guests ---------------------------------------------------------------------------------


async def test_the_link_of_a_guest_is_found_by_guest_and_by_digest(storage: Storage) -> None:
    guest, other = build_guest(), build_guest()
    link = build_guest_link(
        guest.id,
        generation=3,
        session_id=SessionId(new_id()),
        created_at=NOW + A_MOMENT,
    )
    fresh = build_guest_link(other.id)
    await given(storage, guest, other, link, fresh)
    async with storage.read() as db:
        for kept in (link, fresh):
            assert await db.guest_links.of_user(kept.user_id) == kept
            assert await db.guest_links.by_digest(kept.digest) == kept
        assert await db.guest_links.of_user(UserId(new_id())) is None
        assert await db.guest_links.by_digest("f" * 64) is None


async def test_a_new_link_ends_the_one_before(storage: Storage) -> None:
    guest, other = build_guest(), build_guest()
    link, untouched = build_guest_link(guest.id), build_guest_link(other.id)
    await given(storage, guest, other, link, untouched)
    before, link.digest = link.digest, "e" * 64
    link.generation, link.session_id = 2, SessionId(new_id())
    link.created_at, link.expires_at = NOW + A_MOMENT, NOW + timedelta(days=3)
    async with storage.write() as db:
        await db.guest_links.save(link)
        await db.commit()
    async with storage.read() as db:
        assert await db.guest_links.by_digest(before) is None
        assert await db.guest_links.by_digest(link.digest) == link
        assert await db.guest_links.of_user(other.id) == untouched


async def test_links_that_expired_are_forgotten(storage: Storage) -> None:
    guests = [build_guest() for _ in range(2)]
    expired = build_guest_link(guests[0].id, expires_at=NOW - A_MOMENT)
    live = build_guest_link(guests[1].id, expires_at=NOW)
    await given(storage, *guests, expired, live)
    async with storage.write() as db:
        assert await db.guest_links.delete_expired(before=NOW) == 1
        await db.commit()
    async with storage.read() as db:
        assert await db.guest_links.of_user(guests[0].id) is None
        assert await db.guest_links.of_user(guests[1].id) == live
        assert await db.users.get(guests[0].id) == guests[0]


# --- displays -------------------------------------------------------------------------------


async def test_a_display_comes_back_as_kept_with_the_user_it_acts_as(storage: Storage) -> None:
    clinic = build_clinic()
    displays = [
        build_display(clinic.id, name="Wartezimmer Ä", ended_at=NOW + A_MOMENT),
        build_display(clinic.id, service_ids=()),
        build_display(clinic.id, service_ids=(ServiceId(new_id()), ServiceId(new_id()))),
    ]
    await given(storage, clinic, *displays)
    async with storage.write() as db:
        for display in displays:
            for lock in (False, True):
                assert await db.displays.get(display.id, lock=lock) == display
            user = await db.users.get(UserId(display.id))
            assert user == build_display_user(display)
        assert await db.displays.get(DisplayId(new_id())) is None


async def test_the_displays_of_a_clinic_are_those_that_have_not_ended_the_oldest_first(
    storage: Storage,
) -> None:
    clinic, elsewhere = build_clinic(), build_clinic()
    third = build_display(clinic.id, created_at=NOW + A_MOMENT)
    first, second = build_display(clinic.id), build_display(clinic.id)
    ended, other = build_display(clinic.id, ended_at=NOW), build_display(elsewhere.id)
    await given(storage, clinic, elsewhere, third, second, first, ended, other)
    async with storage.read() as db:
        assert await db.displays.of_clinic(clinic.id) == [first, second, third]
        assert await db.displays.of_clinic(elsewhere.id) == [other]
        assert await db.displays.of_clinic(ClinicId(new_id())) == []


async def test_saving_a_display_changes_it_and_no_other(storage: Storage) -> None:
    clinic = build_clinic()
    display, other = build_display(clinic.id), build_display(clinic.id)
    await given(storage, clinic, display, other)
    display.name, display.service_ids = "Renamed", (ServiceId(new_id()),)
    display.ended_at = NOW + A_MOMENT
    async with storage.write() as db:
        await db.displays.save(display)
        await db.commit()
    async with storage.read() as db:
        assert await db.displays.get(display.id) == display
        assert await db.displays.of_clinic(clinic.id) == [other]


# --- pairings -------------------------------------------------------------------------------


async def test_a_pairing_is_found_by_digest_and_by_the_code_that_is_shown(
    storage: Storage,
) -> None:
    pairing, other = build_pairing(), build_pairing(polled_at=NOW, display_id=new_id())
    await given(storage, pairing, other)
    async with storage.write() as db:
        for lock in (False, True):
            for kept in (pairing, other):
                assert await db.displays.pairing(kept.digest, lock=lock) == kept
                assert await db.displays.pairing_by_code(kept.user_code, lock=lock) == kept
            assert await db.displays.pairing("f" * 64, lock=lock) is None
            assert await db.displays.pairing_by_code("BBBBBBBB", lock=lock) is None


async def test_a_pairing_is_changed_and_deleted(storage: Storage) -> None:
    pairing, other = build_pairing(), build_pairing()
    await given(storage, pairing, other)
    pairing.display_id, pairing.polled_at = DisplayId(new_id()), NOW + A_MOMENT
    async with storage.write() as db:
        await db.displays.save_pairing(pairing)
        await db.commit()
    async with storage.write() as db:
        assert await db.displays.pairing(pairing.digest) == pairing
        await db.displays.delete_pairing(pairing.digest)
        await db.displays.delete_pairing("f" * 64)
        await db.commit()
    async with storage.read() as db:
        assert await db.displays.pairing(pairing.digest) is None
        assert await db.displays.pairing(other.digest) == other


async def test_no_two_pairings_show_the_same_code(storage: Storage) -> None:
    pairing = build_pairing()
    await given(storage, pairing)
    async with storage.write() as db:
        with pytest.raises(TransactionConflict):
            await db.displays.add_pairing(build_pairing(user_code=pairing.user_code))
    async with storage.read() as db:
        assert await db.displays.pairing_by_code(pairing.user_code) == pairing


async def test_pairings_that_expired_are_forgotten(storage: Storage) -> None:
    expired, live = build_pairing(expires_at=NOW - A_MOMENT), build_pairing(expires_at=NOW)
    await given(storage, expired, live)
    async with storage.write() as db:
        assert await db.displays.delete_expired_pairings(before=NOW) == 1
        await db.commit()
    async with storage.read() as db:
        assert await db.displays.pairing(expired.digest) is None
        assert await db.displays.pairing(live.digest) == live
