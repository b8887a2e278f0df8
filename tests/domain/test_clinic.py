"""A clinic's local day, wherever it lies; when it opens; what it shows of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic, ClinicImage, OpeningHours
from qure.domain.errors import Invalid
from qure.domain.events import ClinicChanged, Event, ImageReplaced
from qure.domain.ids import ImageId
from qure.domain.image import ImagePurpose, StagedImage
from qure.domain.token import Comeback
from tests.support.builders import (
    NOW,
    build_actor,
    build_admin,
    build_clinic,
    build_service,
    build_staged_image,
    new_id,
)

INSTANT = timedelta(milliseconds=1)
LATER = NOW + timedelta(hours=1)
ADMIN = build_actor(build_admin())
LOGO = "https://media.example.org/logo.jpg"
DONE = "https://media.example.org/done.jpg"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(start: str, end: str) -> OpeningHours:
    return OpeningHours(time.fromisoformat(start), time.fromisoformat(end))


def test_a_clinic_opens_from_nine_to_five_unless_said() -> None:
    assert OpeningHours() == hours("09:00", "17:00")


@pytest.mark.parametrize(("start", "end"), [("09:00", "09:00"), ("17:00", "09:00")])
def test_a_clinic_that_closes_before_it_opens_is_refused(start: str, end: str) -> None:
    with pytest.raises(Invalid) as refused:
        hours(start, end)
    assert refused.value.errors[0].path == "openingHours"


SPRING, AUTUMN = date(2025, 3, 9), date(2025, 11, 2)
"""The Sundays on which New York skips 02:00-03:00 and repeats 01:00-02:00."""


@pytest.mark.parametrize(
    ("timezone", "day", "opening", "opens", "closes"),
    [
        # An ordinary winter and summer day.
        ("America/New_York", date(2025, 1, 15), ("09:00", "17:00"), "14:00", "22:00"),
        ("America/New_York", date(2025, 7, 15), ("09:00", "17:00"), "13:00", "21:00"),
        # The day's own offset counts once the clocks have changed in the night.
        ("America/New_York", SPRING, ("09:00", "17:00"), "13:00", "21:00"),
        ("America/New_York", AUTUMN, ("09:00", "17:00"), "14:00", "22:00"),
        # Across the change: seven hours on the clock are six in spring and eight in autumn.
        ("America/New_York", SPRING, ("00:00", "07:00"), "05:00", "11:00"),
        ("America/New_York", AUTUMN, ("00:00", "07:00"), "04:00", "12:00"),
        # A skipped time is read by the offset before the change ...
        ("America/New_York", SPRING, ("02:30", "09:00"), "07:30", "13:00"),
        ("America/New_York", SPRING, ("01:00", "02:30"), "06:00", "07:30"),
        ("America/New_York", SPRING, ("02:10", "02:50"), "07:10", "07:50"),
        # ... and so is an end which that would put before the start.
        ("America/New_York", SPRING, ("02:30", "03:15"), "07:30", "08:15"),
        ("America/New_York", SPRING, ("02:30", "03:30"), "07:30", "08:30"),
        # Of a repeated time the first is meant.
        ("America/New_York", AUTUMN, ("01:30", "09:00"), "05:30", "14:00"),
        ("America/New_York", AUTUMN, ("00:30", "01:30"), "04:30", "05:30"),
        # Half an hour's change, and no change at all.
        ("Australia/Lord_Howe", date(2025, 7, 1), ("12:00", "13:00"), "01:30", "02:30"),
        ("Asia/Kathmandu", date(2025, 7, 1), ("09:00", "17:00"), "03:15", "11:15"),
    ],
)
def test_opening_hours_are_wall_clock_times_of_that_very_day(
    timezone: str, day: date, opening: tuple[str, str], opens: str, closes: str
) -> None:
    clinic = build_clinic(timezone=timezone, opening_hours=hours(*opening))
    assert clinic.opening_times(day) == (utc(f"{day}T{opens}"), utc(f"{day}T{closes}"))


@pytest.mark.parametrize("timezone", ["Pacific/Apia", "Pacific/Tongatapu"])
def test_far_in_the_east_the_day_begins_the_day_before_in_utc(timezone: str) -> None:
    clinic = build_clinic(timezone=timezone)
    day = date(2025, 12, 31)
    assert clinic.local_date(utc("2025-12-30T10:59:59.999")) == date(2025, 12, 30)
    assert clinic.local_date(utc("2025-12-30T11:00")) == day
    assert clinic.day_bounds(day) == (utc("2025-12-30T11:00"), utc("2025-12-31T11:00"))
    assert clinic.opening_times(day) == (utc("2025-12-30T20:00"), utc("2025-12-31T04:00"))


@pytest.mark.parametrize(
    ("timezone", "day", "starts", "length"),
    [
        ("America/New_York", SPRING, "2025-03-09T05:00", 23),
        ("America/New_York", AUTUMN, "2025-11-02T04:00", 25),
        ("America/New_York", date(2025, 12, 30), "2025-12-30T05:00", 24),
        # Midnight itself is skipped: the day begins at one.
        ("America/Havana", date(2025, 3, 9), "2025-03-09T05:00", 23),
        ("Asia/Beirut", date(2025, 3, 30), "2025-03-29T22:00", 23),
        # Midnight comes twice: the day begins with the first, ...
        ("America/Havana", date(2025, 11, 2), "2025-11-02T04:00", 25),
        # ... or the hour before midnight comes twice: it belongs to the day that ends.
        ("Asia/Beirut", date(2025, 10, 25), "2025-10-24T21:00", 25),
        ("Asia/Beirut", date(2025, 10, 26), "2025-10-25T22:00", 24),
        # Half an hour more or less.
        ("Australia/Lord_Howe", date(2025, 4, 6), "2025-04-05T13:00", 24.5),
        ("Australia/Lord_Howe", date(2025, 10, 5), "2025-10-04T13:30", 23.5),
    ],
)
def test_a_local_day_has_as_many_hours_as_its_clocks_make_it(
    timezone: str, day: date, starts: str, length: float
) -> None:
    clinic = build_clinic(timezone=timezone)
    first, following = clinic.day_bounds(day)
    assert first == utc(starts)
    assert following - first == timedelta(hours=length)
    assert clinic.local_date(first) == clinic.local_date(following - INSTANT) == day
    assert clinic.local_date(first - INSTANT) == day - timedelta(days=1)
    assert clinic.local_date(following) == day + timedelta(days=1)


def test_one_day_ends_where_the_next_begins_all_year_long() -> None:
    clinic = build_clinic(timezone="America/Havana")
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(365)]
    bounds = [clinic.day_bounds(day) for day in days]
    assert [end for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]]


def test_who_wishes_at_noon_gets_the_first_opening_tomorrow_at_midnight() -> None:
    clinic = build_clinic(auto_open_queue=True)
    clinic.plan_opening(clinic.service, utc("2025-12-30T17:00"))
    assert clinic.service.next_opening_at == utc("2025-12-31T05:00")


def test_at_midnight_sharp_the_next_one_is_planned() -> None:
    clinic = build_clinic(auto_open_queue=True)
    midnight = utc("2025-12-31T05:00")
    clinic.plan_opening(clinic.service, midnight - INSTANT)
    assert clinic.service.next_opening_at == midnight
    clinic.plan_opening(clinic.service, midnight)
    assert clinic.service.next_opening_at == utc("2026-01-01T05:00")


@pytest.mark.parametrize(
    ("timezone", "at", "planned"),
    [
        ("America/New_York", "2025-03-09T12:00", "2025-03-10T04:00"),
        ("America/New_York", "2025-11-02T12:00", "2025-11-03T05:00"),
        ("America/Havana", "2025-03-08T12:00", "2025-03-09T05:00"),
        ("Asia/Beirut", "2025-10-25T20:30", "2025-10-25T22:00"),
        ("Asia/Beirut", "2025-10-25T21:30", "2025-10-25T22:00"),
        ("Pacific/Apia", "2025-12-30T10:59", "2025-12-30T11:00"),
    ],
)
def test_the_planned_midnight_is_the_clinics_own(timezone: str, at: str, planned: str) -> None:
    clinic = build_clinic(timezone=timezone, auto_open_queue=True)
    clinic.plan_opening(clinic.service, utc(at))
    assert clinic.service.next_opening_at == utc(planned)


@pytest.mark.parametrize("fields", [{"auto_open_queue": False}, {"is_active": False}])
def test_who_does_not_wish_it_or_is_retired_has_no_opening_planned(
    fields: dict[str, bool],
) -> None:
    wished = {"auto_open_queue": True, "next_opening_at": utc("2025-12-31T05:00")}
    for plan in ("plan_opening", "replan_opening"):
        for now in ("2025-12-30T17:00", "2025-12-31T17:00"):
            clinic = build_clinic(**(wished | fields))
            getattr(clinic, plan)(clinic.service, utc(now))
            assert clinic.service.next_opening_at is None


@pytest.mark.parametrize("plan", ["plan_opening", "replan_opening"])
@pytest.mark.parametrize("is_active", [True, False])
def test_each_service_has_its_own_opening_until_it_is_retired(plan: str, is_active: bool) -> None:
    clinic = build_clinic()
    service = build_service(clinic.id, auto_open_queue=True, is_active=is_active)
    getattr(clinic, plan)(service, utc("2025-12-30T17:00"))
    assert service.next_opening_at == (utc("2025-12-31T05:00") if is_active else None)
    assert clinic.service.next_opening_at is None


def test_planning_anew_moves_an_opening_that_lies_ahead() -> None:
    clinic = build_clinic(auto_open_queue=True, next_opening_at=utc("2025-12-31T05:00"))
    clinic.timezone = "Asia/Tokyo"
    clinic.replan_opening(clinic.service, utc("2025-12-30T17:00"))
    assert clinic.service.next_opening_at == utc("2025-12-31T15:00")


def test_planning_anew_plans_the_first_opening_too() -> None:
    clinic = build_clinic(auto_open_queue=True)
    clinic.replan_opening(clinic.service, utc("2025-12-30T17:00"))
    assert clinic.service.next_opening_at == utc("2025-12-31T05:00")


@pytest.mark.parametrize("late", [timedelta(0), timedelta(hours=3)])
def test_planning_anew_leaves_an_overdue_opening_due(late: timedelta) -> None:
    due = utc("2025-12-31T05:00")
    clinic = build_clinic(auto_open_queue=True, next_opening_at=due)
    clinic.timezone = "America/Chicago"
    clinic.replan_opening(clinic.service, due + late)
    assert clinic.service.next_opening_at == due


def test_what_a_clinic_grants_to_those_who_were_not_there_is_what_it_has_set() -> None:
    assert build_clinic().comeback == Comeback()
    clinic = build_clinic(rejoin_minutes=0, max_rejoins=5, rejoin_after=7)
    assert clinic.comeback == Comeback(within=timedelta(0), at_most=5, after=7)


def test_a_clinic_waits_for_ever_for_the_called_and_lets_no_strangers_in_unless_said() -> None:
    clinic = build_clinic()
    assert (clinic.no_show_minutes, clinic.guest_join, clinic.join_digest) == (None, False, None)


def test_a_change_is_stamped_and_told() -> None:
    clinic = build_clinic()
    clinic.changed(by=ADMIN, at=LATER)
    assert (clinic.updated_at, clinic.service.updated_at) == (LATER, LATER)
    assert clinic.events == [ClinicChanged(clinic_id=clinic.id, actor=ADMIN, at=LATER)]


def test_events_are_no_part_of_what_a_clinic_is() -> None:
    clinic = build_clinic()
    before = replace(clinic, events=[])
    clinic.events.append(ClinicChanged(clinic_id=clinic.id, actor=ADMIN, at=LATER))
    assert clinic == before


def test_a_dropped_logo_is_replaced_by_none_and_none_is_waited_for() -> None:
    clinic = build_clinic(logo=LOGO, pending_logo=ImageId(new_id()))
    clinic.drop_logo(by=ADMIN, at=LATER)
    assert (clinic.logo, clinic.pending_logo) == (None, None)
    assert clinic.events == [ImageReplaced(url=LOGO, actor=ADMIN, at=LATER)]


def test_dropping_a_logo_that_is_not_shown_yet_tells_nothing() -> None:
    clinic = build_clinic(pending_logo=ImageId(new_id()))
    clinic.drop_logo(by=ADMIN, at=LATER)
    assert (clinic.logo, clinic.pending_logo, clinic.events) == (None, None, [])


def image(position: int) -> ClinicImage:
    return ClinicImage(ImageId(new_id()), position, f"https://media.example.org/{position}.jpg")


def test_dropped_images_are_each_replaced() -> None:
    shown = (image(0), image(1))
    clinic = build_clinic(images=shown, logo=LOGO)
    clinic.drop_images(by=ADMIN, at=LATER)
    assert (clinic.images, clinic.logo) == ((), LOGO)
    assert clinic.events == [ImageReplaced(url=one.url, actor=ADMIN, at=LATER) for one in shown]
    clinic.drop_images(by=ADMIN, at=LATER)
    assert len(clinic.events) == len(shown), "there was nothing to drop"


def told(clinic: Clinic, *replaced: str) -> list[Event]:
    """What is told of an image that is shown from now on, instead of those."""
    gone = [ImageReplaced(url=url, actor=SYSTEM, at=LATER) for url in replaced]
    return [*gone, ClinicChanged(clinic_id=clinic.id, actor=SYSTEM, at=LATER)]


def logo_for(clinic: Clinic) -> StagedImage:
    return build_staged_image(clinic.id, purpose=ImagePurpose.CLINIC_LOGO)


@pytest.mark.parametrize(("old", "replaced"), [(None, []), (LOGO, [LOGO]), (DONE, [])])
def test_a_logo_that_is_done_takes_the_place_of_the_one_before(
    old: str | None, replaced: list[str]
) -> None:
    clinic = build_clinic(logo=old)
    staged = logo_for(clinic)
    clinic = replace(clinic, pending_logo=staged.id)
    assert clinic.show(staged, DONE, at=LATER)
    assert (clinic.logo, clinic.pending_logo, clinic.updated_at) == (DONE, None, LATER)
    assert clinic.events == told(clinic, *replaced)


@pytest.mark.parametrize("waited_for", [None, ImageId(new_id())])
def test_a_logo_that_was_overtaken_or_dropped_is_not_shown(waited_for: ImageId | None) -> None:
    clinic = build_clinic(logo=LOGO, pending_logo=waited_for)
    before = replace(clinic)
    assert not clinic.show(logo_for(clinic), DONE, at=LATER)
    assert (clinic, clinic.events) == (before, [])


def picture_for(clinic: Clinic, position: int) -> StagedImage:
    return build_staged_image(
        clinic.id,
        purpose=ImagePurpose.CLINIC_IMAGE,
        batch=clinic.images_batch or new_id(),
        position=position,
    )


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_images_are_shown_in_the_order_in_which_they_were_given(order: tuple[int, ...]) -> None:
    clinic = build_clinic(images_batch=new_id(), logo=LOGO)
    staged = [picture_for(clinic, position) for position in range(3)]
    for position in order:
        assert clinic.show(staged[position], f"{DONE}?{position}", at=LATER)
    assert clinic.images == tuple(
        ClinicImage(one.id, one.position, f"{DONE}?{one.position}") for one in staged
    )
    assert (clinic.logo, clinic.images_batch) == (LOGO, staged[0].batch)
    assert clinic.events == told(clinic) * 3


def test_an_image_that_is_shown_already_is_not_shown_twice() -> None:
    clinic = build_clinic(images_batch=new_id())
    staged = picture_for(clinic, 0)
    for url in (LOGO, DONE):
        assert clinic.show(staged, url, at=LATER)
    assert clinic.images == (ClinicImage(staged.id, 0, DONE),)


@pytest.mark.parametrize("batch", [None, new_id()])
def test_an_image_of_an_earlier_request_is_not_shown(batch: UUID | None) -> None:
    clinic = build_clinic(images_batch=batch, images=(image(0),))
    staged = build_staged_image(clinic.id, purpose=ImagePurpose.CLINIC_IMAGE)
    before = replace(clinic)
    assert not clinic.show(staged, DONE, at=LATER)
    assert (clinic, clinic.events) == (before, [])
