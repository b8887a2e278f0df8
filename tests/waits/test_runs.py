"""A small run from end to end: repeatable, the Oracle's ranges hold, the pictures are pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from bench.waits.__main__ import BEGIN, END, main
from bench.waits.pictures import calibration, day
from bench.waits.runs import Size, Task, run
from bench.waits.scenarios import chosen
from bench.waits.scores import Score, Stat
from tests.waits.support import StandIn, score_of


def played(
    name: str, *, seed: int = 1, with_qure: bool = False, days: int = 3, oracle: float = 0.2
) -> Score:
    (scenario,) = chosen([name])
    small = Size(seeds=1, days=days, warm_up=1, oracle=oracle)
    return run(Task(scenario=scenario, seed=seed, size=small, with_qure=with_qure))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(QureObserver=StandIn)
    monkeypatch.setitem(sys.modules, "bench.waits.qure", module)


def test_a_run_follows_from_its_seed() -> None:
    one, again, other = played("S8"), played("S8"), played("S8", seed=2)

    assert np.array_equal(one.by_day, again.by_day)
    assert np.array_equal(one.by_place, again.by_place)
    assert not np.array_equal(one.by_place, other.by_place)
    assert one.days == 3


def test_what_is_forecast_does_not_change_the_days(stand_in: None) -> None:
    without, beside = played("S10"), played("S10", with_qure=True)

    assert beside.sums("B0").tolist() == without.sums("B0").tolist()
    assert beside.names == ("Qure", *without.names)
    assert beside.judged == "Qure"
    assert beside.sums("Qure")[Stat.ROWS] == beside.asked > 0


def test_fresh_clinics_come_after_five_days() -> None:
    told = played("S11", days=10)

    assert told.days == told.played == 10


def test_the_oracles_ranges_hold_as_often_as_it_says() -> None:
    sums = played("S5 15%", days=25, oracle=0.15).sums("Oracle")

    assert sums[Stat.RANGES] > 400
    assert sums[Stat.BY_HIGH] / sums[Stat.RANGES] == pytest.approx(0.8, abs=0.07)
    assert sums[Stat.BY_LIKELY] / sums[Stat.RANGES] == pytest.approx(0.5, abs=0.07)
    assert sums[Stat.BEFORE_LEAVE_BY] / sums[Stat.RANGES] == pytest.approx(0.1, abs=0.05)


def test_pictures_are_small_and_well_formed() -> None:
    told = played("S3", days=1, oracle=1.0)

    for picture in (
        calibration({"S3": told}),
        calibration({"S3": score_of()}),
        day(told.shown, "A day"),
        day([], "A day of nobody"),
    ):
        assert len(picture) < 40_000
        assert ElementTree.fromstring(picture).tag.endswith("svg")


def test_the_command_writes_the_page_between_its_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: None
) -> None:
    page = tmp_path / "waiting.md"
    page.write_text(f"# Before\n{BEGIN}\nold\n{END}\nafter\n")
    command = "waits --quick --scenario S4 --days 2 --seed 5 --processes 1 --draw errors"
    monkeypatch.setattr(sys, "argv", [*command.split(), "--write", str(tmp_path)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 1, "the stand-in keeps no promise"
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "### Gates" in text
    assert {one.name for one in (tmp_path / "pictures").iterdir()} == {
        "waits-calibration.svg",
        "waits-day.svg",
    }


def test_a_scenario_that_there_is_not_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["waits", "--scenario", "S99"])

    with pytest.raises(SystemExit, match="S99"):
        main()
