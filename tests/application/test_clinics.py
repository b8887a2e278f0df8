"""Clinics: created, changed, retired, and found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from qure.application.clinics.clinics import SERVICE_FIELDS, ClinicFields
from qure.application.ports.gateways import ProcessImage
from qure.application.ports.storage import ClinicFilter, Page, TransactionConflict
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.clinic import Clinic, ClinicImage, ClinicType, Language, OpeningHours
from qure.domain.errors import Conflict, Forbidden, Invalid, NotFound
from qure.domain.ids import ImageId
from tests.application.world import World, outcomes
from tests.support.builders import NOW, build_clinic, new_id

PLACE = ClinicFields(name="Harbour Clinic", latitude=40.7, longitude=-74.0)
MIDNIGHT = datetime(2025, 12, 31, 5, tzinfo=UTC)


async def create(
    world: World,
    actor: Actor | None = None,
    *,
    logo: bytes | None = None,
    images: Sequence[bytes] = (),
    fields: ClinicFields = PLACE,
) -> Clinic:
    return await world.use.clinics.create(
        fields=fields,
        logo=logo,
        images=images,
        actor=actor or await world.admin(),
        reader=world.images,
    )


async def update(
    world: World,
    clinic: Clinic,
    actor: Actor | None = None,
    *,
    fields: ClinicFields | None = None,
    logo: bytes | None = None,
    drop_logo: bool = False,
    images: Sequence[bytes] | None = None,
) -> Clinic:
    return await world.use.clinics.update(
        clinic.id,
        fields=fields or ClinicFields(),
        logo=logo,
        drop_logo=drop_logo,
        images=images,
        actor=actor or await world.admin(),
        reader=world.images,
    )


async def do_jobs(world: World) -> None:
    """What the relay and the worker do with what was staged."""
    staged = [one.image_id for one in world.events if isinstance(one, events.ImageStaged)]
    for image_id in staged:
        await world.image_jobs.do(
            ProcessImage(image_id),
            False,
        )


async def test_a_new_clinic_needs_only_a_name_and_a_place(world: World) -> None:
    admin = await world.admin()
    clinic = await create(world, admin)
    assert await world.use.clinics.read(clinic.id) == clinic
    assert (clinic.name, clinic.latitude, clinic.longitude) == ("Harbour Clinic", 40.7, -74.0)
    assert (clinic.timezone, clinic.type) == ("America/New_York", ClinicType.GENERAL_PRACTICE)
    assert clinic.opening_hours == OpeningHours(time(9), time(17))
    assert (clinic.service.max_queue_size, clinic.service.auto_open_queue) == (50, False)
    assert clinic.is_active
    assert (clinic.logo, clinic.images, clinic.service.next_opening_at) == (None, (), None)
    assert (clinic.no_show_minutes, clinic.refuse_below, clinic.guest_join) == (None, 0.0, False)
    assert clinic.languages == ()
    assert (clinic.rejoin_minutes, clinic.max_rejoins, clinic.rejoin_after) == (30, 2, 2)
    assert (clinic.created_at, clinic.updated_at) == (NOW, NOW)
    assert world.events == [events.ClinicChanged(clinic_id=clinic.id, actor=admin, at=NOW)]


async def test_whatever_is_given_is_kept_and_a_wished_opening_is_planned(world: World) -> None:
    fields = ClinicFields(
        **PLACE,
        address="1 Pier",
        phone="0123456789",
        email="desk@example.org",
        website="https://example.org",
        description="By the sea.",
        type=ClinicType.DENTIST,
        opening_hours=OpeningHours(time(8), time(12)),
        timezone="Pacific/Apia",
        languages=(Language.HINDI, Language.ENGLISH),
        max_queue_size=7,
        auto_open_queue=True,
        no_show_minutes=4,
        rejoin_minutes=15,
        max_rejoins=1,
        rejoin_after=3,
        refuse_below=0.5,
        guest_join=True,
    )
    clinic = await create(world, fields=fields)
    stored = await world.use.clinics.read(clinic.id)
    assert {
        name: getattr(stored.service if name in SERVICE_FIELDS else stored, name) for name in fields
    } == fields
    assert stored.service.next_opening_at == datetime(2025, 12, 31, 11, tzinfo=UTC)


async def test_pictures_are_accepted_at_once_and_shown_when_their_jobs_are_done(
    world: World,
) -> None:
    clinic = await create(world, logo=b"picture L", images=[b"picture 1", b"picture 2"])
    assert (clinic.logo, clinic.images) == (None, ())
    (entry,) = world.told
    kinds = [events.ImageStaged] * 3 + [events.ClinicChanged]
    assert [type(event) for event in entry.events] == kinds
    await do_jobs(world)
    shown = await world.use.clinics.read(clinic.id)
    assert shown.logo is not None
    assert [world.media.shown[url] for url in (shown.logo, *(one.url for one in shown.images))] == [
        b"fitted picture L",
        b"fitted picture 1",
        b"fitted picture 2",
    ]


@pytest.mark.parametrize(
    ("logo", "images", "path"),
    [(b"a letter", (), "logo"), (None, [b"picture", b"a letter"], "images.1")],
)
async def test_what_is_no_picture_is_refused_by_name_and_nothing_is_kept(
    world: World, logo: bytes | None, images: Sequence[bytes], path: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await create(world, logo=logo, images=images)
    assert refused.value.errors[0].path == path
    clinic = await world.clinic()
    with pytest.raises(Invalid) as refused:
        await update(world, clinic, logo=logo, images=images)
    assert refused.value.errors[0].path == path
    assert world.told == []


async def test_two_clinics_of_one_name_cannot_be_at_one_place(world: World) -> None:
    admin = await world.admin()
    created, refused = await outcomes(create(world, admin) for _ in range(3))
    assert len(created) == 1
    assert [error.code for error in refused] == ["clinic_exists"] * 2
    elsewhere = await create(world, admin, fields=ClinicFields(**(PLACE | {"latitude": 41.0})))
    with pytest.raises(Conflict) as moved:
        await update(world, elsewhere, fields=ClinicFields(latitude=40.7))
    assert moved.value.code == "clinic_exists"


async def test_only_an_admin_creates_and_changes_clinics(world: World) -> None:
    clinic = await world.clinic()
    for actor in await world.not_admins(clinic.id):
        with pytest.raises(Forbidden):
            await create(world, actor)
        with pytest.raises(Forbidden):
            await update(world, clinic, actor, fields=ClinicFields(name="Mine"))
    assert (await world.use.clinics.read(clinic.id)) == clinic


async def test_a_change_touches_what_it_names_and_is_told(world: World) -> None:
    clinic, admin = await world.clinic(phone="0123456789"), await world.admin()
    at = world.clock.advance(minutes=1)
    changed = await update(world, clinic, admin, fields=ClinicFields(name="Renamed", phone=None))
    assert changed == replace(
        clinic,
        name="Renamed",
        phone=None,
        updated_at=at,
        service=replace(clinic.service, updated_at=at),
    )
    assert await world.use.clinics.read(clinic.id) == changed
    assert world.events == [events.ClinicChanged(clinic_id=clinic.id, actor=admin, at=at)]


async def test_what_belongs_to_its_default_service_is_changed_there_and_other_services_stay(
    world: World,
) -> None:
    clinic = await world.clinic()
    blood = await world.service(clinic)
    await update(world, clinic, fields=ClinicFields(max_queue_size=7, auto_open_queue=True))
    general = await world.service_of(clinic.service.id)
    assert (general.max_queue_size, general.auto_open_queue) == (7, True)
    assert await world.service_of(blood.id) == blood


async def test_how_long_it_waits_for_those_who_were_called_may_be_set_and_unset(
    world: World,
) -> None:
    clinic = await world.clinic()
    for minutes in (1, 60, None):
        changed = await update(world, clinic, fields=ClinicFields(no_show_minutes=minutes))
        assert changed.no_show_minutes == minutes
        assert await world.use.clinics.read(clinic.id) == changed


async def test_a_clinic_that_does_not_exist_is_neither_read_nor_changed(world: World) -> None:
    nowhere = build_clinic()
    with pytest.raises(NotFound) as refused:
        await world.use.clinics.read(nowhere.id)
    assert refused.value.code == "clinic_not_found"
    with pytest.raises(NotFound):
        await update(world, nowhere)


async def test_wishing_for_the_daily_opening_plans_it_and_retiring_ends_it(
    world: World,
) -> None:
    clinic = await world.clinic()
    wished = await update(world, clinic, fields=ClinicFields(auto_open_queue=True))
    assert wished.service.next_opening_at == MIDNIGHT
    retired = await update(world, clinic, fields=ClinicFields(is_active=False))
    assert retired.service.next_opening_at is None
    assert not retired.is_active


async def shown_at(world: World) -> Clinic:
    """A clinic with a logo and two images on show."""
    images = tuple(
        ClinicImage(ImageId(new_id()), position, f"https://media.example.org/{position}.jpg")
        for position in range(2)
    )
    return await world.clinic(
        logo="https://media.example.org/logo.jpg", images=images, images_batch=new_id()
    )


def replaced(world: World) -> list[str]:
    return [one.url for one in world.events if isinstance(one, events.ImageReplaced)]


async def test_a_new_logo_is_awaited_while_the_old_one_is_shown(world: World) -> None:
    clinic = await shown_at(world)
    changed = await update(world, clinic, logo=b"picture new")
    assert changed.logo == clinic.logo
    assert changed.images == clinic.images
    assert replaced(world) == []
    await do_jobs(world)
    shown = await world.use.clinics.read(clinic.id)
    assert shown.logo != clinic.logo
    assert replaced(world) == [clinic.logo]


async def test_a_dropped_logo_is_gone_and_one_that_was_awaited_is_not_shown(
    world: World,
) -> None:
    clinic = await shown_at(world)
    await update(world, clinic, logo=b"picture new")
    changed = await update(world, clinic, drop_logo=True)
    assert (changed.logo, changed.pending_logo) == (None, None)
    assert replaced(world) == [clinic.logo]
    await do_jobs(world)
    assert (await world.use.clinics.read(clinic.id)).logo is None


async def test_dropping_a_logo_that_is_not_there_does_no_harm(world: World) -> None:
    clinic = await world.clinic()
    assert (await update(world, clinic, drop_logo=True)).logo is None
    assert replaced(world) == []


async def test_new_pictures_take_the_place_of_all_the_old_ones(world: World) -> None:
    clinic = await shown_at(world)
    changed = await update(world, clinic, images=[b"picture new"])
    assert changed.images == ()
    assert replaced(world) == [image.url for image in clinic.images]
    await do_jobs(world)
    (image,) = (await world.use.clinics.read(clinic.id)).images
    assert world.media.shown[image.url] == b"fitted picture new"


async def test_no_pictures_take_the_old_ones_away_and_those_awaited_are_not_shown(
    world: World,
) -> None:
    clinic = await shown_at(world)
    await update(world, clinic, images=[b"picture new"])
    await update(world, clinic, images=[])
    await do_jobs(world)
    shown = await world.use.clinics.read(clinic.id)
    assert (shown.images, shown.logo) == ((), clinic.logo)


async def test_a_change_that_lost_a_race_is_made_again_with_its_pictures_once(
    world: World,
) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    world.storage.commit_errors.append(TransactionConflict())
    await update(world, clinic, admin, logo=b"picture L")
    assert [type(one) for one in world.events] == [events.ImageStaged, events.ClinicChanged]


async def test_listing_shows_active_clinics_newest_first_a_page_at_a_time(world: World) -> None:
    clinics = [
        await world.clinic(name=f"Clinic {number}", created_at=NOW + timedelta(minutes=number))
        for number in range(3)
    ]
    await world.clinic(is_active=False)
    found, total = await world.use.clinics.search(ClinicFilter(), page=Page(1, 2))
    assert ([one.clinic.id for one in found], total) == ([clinics[2].id, clinics[1].id], 3)
    found, total = await world.use.clinics.search(ClinicFilter(query="nic 1"), page=Page())
    assert ([one.clinic.id for one in found], total) == ([clinics[1].id], 1)
