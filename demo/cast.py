"""Who is in the day, and how they behave: decided by chance, beforehand."""

from __future__ import annotations

import random

import httpx

from demo.lines import Line
from demo.phones import App
from demo.story import Clinic, Day, Desk
from demo.visits import Kind, Patient, Twist

FEWEST, MOST_GUESTS = 30, 12
"""So many patients show everything; so many guests come from one address within a minute."""
COMING_SECONDS = 0.5
"""Of the day, for each patient: the day grows with their number."""
LATE_BY = 8.0
LONG_AWAY = 0.6
"""Of the time in which patients come: one of them is followed all the while."""

FIRST_NAMES = ("Ada", "Ben", "Chen", "Dara", "Emil", "Fay", "Gus", "Hana", "Ines", "Juan", "Kofi")
LAST_NAMES = ("Adams", "Brook", "Costa", "Diaz", "Evans", "Fujita", "Gupta", "Haddad", "Ivanov")

GENERAL, DOCTOR, BLOOD = range(3)
MUST_BE_SEEN = (
    (Twist.NONE, Kind.ACCOUNT, GENERAL, True),
    (Twist.NONE, Kind.GUEST, BLOOD, True),
    (Twist.LETS_PASS, Kind.ACCOUNT, GENERAL, True),
    (Twist.LEAVES, Kind.ACCOUNT, GENERAL, True),
    (Twist.RINGS_UP, Kind.ACCOUNT, GENERAL, True),
    (Twist.NO_SHOW, Kind.ACCOUNT, DOCTOR, True),
    (Twist.LATE, Kind.ACCOUNT, GENERAL, True),
    (Twist.LATE, Kind.WALK_IN, GENERAL, False),
    (Twist.DOZES, Kind.ACCOUNT, BLOOD, True),
    (Twist.PHONE_OFF, Kind.ACCOUNT, GENERAL, True),
    (Twist.STEPS_OUT, Kind.GUEST, GENERAL, True),
    (Twist.FETCHED, Kind.ACCOUNT, GENERAL, True),
    (Twist.NEVER_BACK, Kind.GUEST, BLOOD, True),
    (Twist.IMPATIENT, Kind.ACCOUNT, DOCTOR, True),
    (Twist.IMPATIENT, Kind.GUEST, BLOOD, True),
    (Twist.NEEDS_MORE, Kind.WALK_IN, DOCTOR, True),
    (Twist.WRONG_LINE, Kind.GUEST, GENERAL, True),
    (Twist.FORGETFUL, Kind.ACCOUNT, GENERAL, True),
    (Twist.URGENT, Kind.WALK_IN, GENERAL, False),
    (Twist.PRIORITY, Kind.WALK_IN, GENERAL, True),
    (Twist.PRIORITY, Kind.ACCOUNT, GENERAL, True),
    (Twist.LOST_LINK, Kind.GUEST, DOCTOR, True),
    (Twist.NONE, Kind.ACCOUNT, GENERAL, True),
    (Twist.NONE, Kind.WALK_IN, BLOOD, False),
)
"""On every day, however few come. They stand before the door when it opens."""
SOMETIMES = (
    *(Twist.NONE,) * 12,
    *(Twist.LEAVES, Twist.NO_SHOW, Twist.LATE, Twist.DOZES, Twist.STEPS_OUT, Twist.LETS_PASS),
    *(Twist.NEEDS_MORE, Twist.FORGETFUL, Twist.PRIORITY),
)
OF_OLD = (Twist.NONE, Twist.PHONE_OFF, Twist.NO_SHOW, Twist.LEAVES, Twist.NONE, Twist.NONE)
"""What patients do at a clinic whose staff know nothing of desks."""
NEED_A_PHONE = {Twist.LEAVES, Twist.STEPS_OUT, Twist.LETS_PASS}


def cast_roles(http: httpx.AsyncClient, url: str, *, patients: int, chance: random.Random) -> Day:
    """The day of so many patients: a clinic with everything, and a small one as of old."""
    casting = _Casting(http, url, patients, chance)
    few = patients // 5
    return Day([casting.large_clinic(patients - few), casting.small_clinic(few)])


class _Casting:
    def __init__(
        self, http: httpx.AsyncClient, url: str, patients: int, chance: random.Random
    ) -> None:
        self._http, self._url, self._chance = http, url, chance
        self._seconds = COMING_SECONDS * patients
        self._number = 0

    def large_clinic(self, patients: int) -> Clinic:
        lines = [Line(name, patients) for name in ("General", "Dr Okafor", "Blood tests")]
        general, doctor, blood = lines
        desks = [
            Desk(self._staff("Grace Hopper"), "Room 1", [general, blood], slips_once=True),
            Desk(
                self._staff("Alan Turing"),
                "Room 2",
                [general],
                uses_http=True,
                fetches=True,
                leaves_it_open=True,
            ),
            Desk(self._staff("Ada Okafor"), "Room 3", [doctor, general], comes_after=LATE_BY),
            Desk(self._staff("Marie Curie"), "Laboratory", [blood, general], pauses_after=(2, 4)),
        ]
        must = [
            self._patient(lines[line], twist, kind, has_phone)
            for twist, kind, line, has_phone in MUST_BE_SEEN
        ]
        for one in must:
            if one.twist is Twist.STEPS_OUT:
                one.away_for = LONG_AWAY * self._seconds
        others = [self._any_patient(lines) for _ in range(patients - len(must))]
        for guest in [one for one in (*must, *others) if one.kind is Kind.GUEST][MOST_GUESTS:]:
            guest.kind = Kind.WALK_IN
        return Clinic(
            "Riverside Practice",
            "GENERAL_PRACTICE",
            lines,
            host=self._staff("Rosa Franklin"),
            desks=desks,
            patients=[*must, *others],
            wall=App(self._http, self._url, "The screen on the wall"),
            visitor=self._staff("Elizabeth Blackwell"),
        )

    def small_clinic(self, patients: int) -> Clinic:
        line = Line("General", max(1, patients - patients // 8 - 1))
        desk = Desk(self._staff("Mary Seacole"), "", [line])
        coming = [
            self._patient(line, OF_OLD[number % len(OF_OLD)], Kind.ACCOUNT, True)
            for number in range(patients)
        ]
        for late in coming[len(OF_OLD) :]:
            late.comes_after = self._chance.uniform(0.0, self._seconds)
        return Clinic("Little Steps", "PEDIATRICS", [line], desk.app, [desk], coming)

    def _any_patient(self, lines: list[Line]) -> Patient:
        kind = self._chance.choices(list(Kind), (6, 2, 2))[0]
        has_phone = kind is not Kind.WALK_IN or self._chance.random() < 0.5
        twist = self._chance.choice(SOMETIMES)
        if twist in NEED_A_PHONE and not has_phone:
            twist = Twist.NONE
        patient = self._patient(self._chance.choice(lines), twist, kind, has_phone)
        patient.comes_after = self._chance.uniform(0.1, self._seconds)
        return patient

    def _patient(self, line: Line, twist: Twist, kind: Kind, has_phone: bool) -> Patient:
        name = f"{self._chance.choice(FIRST_NAMES)} {self._chance.choice(LAST_NAMES)}"
        self._number += 1
        app = App(self._http, self._url, name, f"patient{self._number}@demo.example")
        return Patient(app, kind, line, 0.0, twist, has_phone)

    def _staff(self, name: str) -> App:
        email = f"{name.lower().replace(' ', '.')}@demo.example"
        return App(self._http, self._url, name, email)
