"""The simulated days: repeatable, possible, and right where theory says what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from bench.waits.clinics import draw_clinic, draw_day
from bench.waits.gates import relative_spread, spreads
from bench.waits.lines import Line, run_after
from bench.waits.observing import Asked, Class, DayPlan, Moment, Quiet, Saying
from bench.waits.panel import Panel
from bench.waits.scenarios import ALL, LISTED, Scenario, chosen
from bench.waits.scores import merged, score
from bench.waits.world import OVERTIME, play


class Witness(Quiet):
    """Writes down what it hears, and minds that it is possible."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.waiting: dict[UUID, Class] = {}
        self.urgency: dict[UUID, Class] = {}
        self.open: set[UUID] = set()
        self.holds: dict[UUID, UUID] = {}
        self.now = 0.0
        self.asked: list[Asked] = []

    def _hear(self, what: str, at: float, *rest: object) -> None:
        assert at >= self.now, "time goes forwards"
        self.now = at
        self.heard.append((what, at, *rest))

    def day_begins(self, plan: DayPlan) -> None:
        self.plan = plan
        self.waiting.clear()
        self.open.clear()
        self.holds.clear()
        self._hear("begins", plan.begins)

    def arrived(self, token: UUID, service: UUID, urgency: Class, at: float) -> None:
        assert at <= self.plan.closes
        self.waiting[token] = self.urgency[token] = urgency
        self._hear("arrived", at, token, service, urgency)

    def called(self, token: UUID, desk: UUID, at: float) -> None:
        assert desk in self.open
        assert desk not in self.holds, "what it had is over"
        self.holds[desk] = token
        del self.waiting[token]
        assert at <= self.plan.closes + OVERTIME
        self._hear("called", at, token, desk)

    def started(self, token: UUID, desk: UUID, at: float) -> None:
        assert self.holds[desk] == token
        self._hear("started", at, token, desk)

    def released(self, token: UUID, desk: UUID, at: float) -> None:
        assert self.holds.pop(desk) == token
        self._hear("released", at, token, desk)

    def skipped(self, token: UUID, desk: UUID, at: float) -> None:
        assert self.holds.pop(desk) == token
        self._hear("skipped", at, token, desk)

    def rejoined(self, token: UUID, at: float) -> None:
        self.waiting[token] = self.urgency[token]
        self._hear("rejoined", at, token)

    def left(self, token: UUID, at: float) -> None:
        del self.waiting[token]
        self._hear("left", at, token)

    def desk_opened(self, desk: UUID, at: float) -> None:
        self.open.add(desk)
        self._hear("opened", at, desk)

    def desk_paused(self, desk: UUID, until: float | None, at: float) -> None:
        self.open.remove(desk)
        assert desk not in self.holds
        assert until is not None
        assert until > at
        self._hear("paused", at, desk, until)

    def desk_resumed(self, desk: UUID, at: float) -> None:
        self.open.add(desk)
        self._hear("resumed", at, desk)

    def desk_closed(self, desk: UUID, at: float) -> None:
        self._hear("closed", at, desk)

    def notice(self, service: UUID, minutes: float | None, at: float) -> None:
        assert minutes
        assert not self.open
        self.not_before = at + 60 * minutes
        self._hear("notice", at, service, minutes)

    def say(self, now: float, asked: Sequence[Asked]) -> Mapping[UUID, Saying | None]:
        assert all(one.token in self.waiting for one in asked)
        assert len({one.token for one in asked}) == len(asked)
        self.asked += asked
        return {}


def witnessed(scenario: Scenario, seed: int, days: int = 4) -> Witness:
    witness, clinic = Witness(), draw_clinic(scenario, seed)
    for day in range(days):
        play(clinic, draw_day(clinic, day), witness)
    return witness


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_a_day_is_possible_and_follows_from_the_seed(scenario: Scenario) -> None:
    witness = witnessed(scenario, 3)

    assert witness.heard == witnessed(scenario, 3).heard
    assert witness.heard != witnessed(scenario, 4).heard
    assert {one.moment for one in witness.asked} >= {Moment.JOINING, Moment.TWO_AHEAD}
    assert all(one.ahead == 5 for one in witness.asked if one.moment is Moment.FIVE_AHEAD)
    assert all(one.ahead == 2 for one in witness.asked if one.moment is Moment.TWO_AHEAD)


@pytest.mark.parametrize(
    ("name", "happens"),
    [
        ("S4", {"notice"}),
        ("S5 30%", {"skipped"}),
        ("S6 announced", {"paused", "resumed"}),
        ("S14", {"skipped", "rejoined", "left", "started"}),
    ],
)
def test_what_a_scenario_is_about_happens_there_and_not_elsewhere(
    name: str, happens: set[str]
) -> None:
    (scenario,) = chosen([name])
    plain = {"begins", "arrived", "called", "released", "opened", "closed"}

    assert {str(what) for what, *_ in witnessed(scenario, 0, 10).heard} == plain | happens
    assert {str(what) for what, *_ in witnessed(LISTED[0], 0).heard} == plain


def test_a_notice_is_never_given_for_too_long() -> None:
    (scenario,) = chosen(["S4"])
    heard = witnessed(scenario, 0, 40).heard
    not_before = 0.0
    for what, at, *rest in heard:
        assert isinstance(at, float)
        if what == "notice":
            not_before = at + 60 * float(str(rest[1]))
        if what == "called":
            assert at >= not_before


def test_an_unannounced_break_is_seen_as_nothing() -> None:
    (scenario,) = chosen(["S6 unannounced"])
    witness = witnessed(scenario, 0, 10)

    assert not {"paused", "resumed"} & {str(what) for what, *_ in witness.heard}


def test_in_m_m_1_the_wait_spreads_as_theory_says() -> None:
    (scenario,) = chosen(["S1"])
    scores = []
    for seed in range(8):
        clinic, panel = draw_clinic(scenario, seed), Panel({})
        for day in range(100):
            play(clinic, draw_day(clinic, day), panel)
        means = {clinic.services[0].id: clinic.means[0]}
        scores.append(score(panel.said, [], range(100), judged=None, means=means))
    total = merged(scores)
    rows = spreads(total)

    assert len(rows) >= 8
    assert all(abs(row.measured - row.theory) < 0.1 * row.theory for row in rows[:5])
    assert [gate.verdict for gate in relative_spread({"S1": total})] == ["PASS"]
    total.relative[:, 2] *= 1.2
    assert [gate.verdict for gate in relative_spread({"S1": total})] == ["MISSED"]


def test_the_line_calls_urgent_first_and_two_priority_ones_in_a_row() -> None:
    (scenario,) = chosen(["S13"])
    people = list(draw_day(draw_clinic(scenario, 0), 0).patients)[:8]
    classes = [2, 2, 1, 1, 1, 1, 0, 2]
    line = Line()
    for patient, urgency in zip(people, classes, strict=True):
        patient.urgency = Class(urgency)
        line.put(patient)
    expected = [people[i] for i in (6, 2, 3, 0, 4, 5, 1, 7)]

    assert line.order(99) == expected
    assert line.order(3) == expected[:3]
    assert [line.take() for _ in people] == expected
    assert run_after(1, Class.URGENT, True) == 1
    assert run_after(0, Class.PRIORITY, False) == 0


def test_a_scenario_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="S99"):
        chosen(["S1", "S99"])
