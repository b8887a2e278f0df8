"""Chance: the same for the same one, each quantile once, and as wide as asked for."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain.waiting.draws import (
    LEVELS,
    PATHS,
    levels_of,
    lognormal,
    order_of,
    spread,
)
from tests.domain.waiting.scenes import called, line, one, scene, token

quick = settings(max_examples=40, deadline=None, database=None)

ids = st.uuids()
purposes = st.integers(1, 5_000)


@quick
@given(ids, purposes)
def test_an_order_has_each_path_once(id: UUID, purpose: int) -> None:
    assert sorted(order_of(id, purpose)) == list(range(PATHS))


@quick
@given(ids, purposes)
def test_the_order_of_one_and_the_same_is_the_same(id: UUID, purpose: int) -> None:
    assert (order_of(id, purpose) == order_of(UUID(str(id)), purpose)).all()
    assert (levels_of(id, purpose) == LEVELS[order_of(id, purpose)]).all()


def test_orders_of_different_people_and_purposes_have_little_to_do_with_each_other() -> None:
    orders = [levels_of(token(n), purpose) for n in range(40) for purpose in range(1, 6)]
    correlations = np.atleast_2d(np.corrcoef(np.stack(orders)))
    apart = correlations[~np.eye(len(orders), dtype=bool)]
    assert abs(float(apart.mean())) < 0.01
    assert float(np.sqrt((apart**2).mean())) == pytest.approx(1 / np.sqrt(PATHS), rel=0.1)


def test_levels_are_the_middles_of_as_many_equal_parts() -> None:
    assert LEVELS[[0, -1]] == pytest.approx([0.5 / PATHS, 1 - 0.5 / PATHS])
    assert LEVELS.mean() == pytest.approx(0.5)


@quick
@given(st.floats(0.05, 1.2))
def test_a_lognormal_has_mean_one_and_about_the_variation_asked_for(cv: float) -> None:
    values = lognormal(cv)
    assert len(values) == PATHS
    assert values.mean() == pytest.approx(1)
    assert (np.diff(values) >= 0).all()
    assert values.std() == pytest.approx(cv, rel=0.15, abs=0.01)


def test_what_does_not_vary_is_one() -> None:
    assert (lognormal(0.0) == 1).all()


@quick
@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=400))
def test_quantiles_of_a_sample_are_in_order_and_within_it(values: list[float]) -> None:
    found = spread(np.array(sorted(values)))
    assert len(found) == PATHS
    assert (np.diff(found) >= 0).all()
    assert min(values) <= found[0]
    assert found[-1] <= max(values)


def test_quantiles_of_one_are_that_one() -> None:
    assert (spread(np.array([7.0])) == 7).all()


def test_quantiles_of_as_many_as_there_are_paths_are_these() -> None:
    values = np.arange(PATHS, dtype=np.float64) ** 2
    assert spread(values) == pytest.approx(values)


@quick
@given(st.permutations(range(6)))
def test_what_is_drawn_for_one_does_not_depend_on_who_stands_before_them(
    order: list[int],
) -> None:
    """With one desk, what everybody takes adds up to the same for a newcomer, in any order."""
    there = scene(line([one(n) for n in order]))
    usually = scene(line([one(n) for n in range(6)]))
    newcomer = UUID(int=0)
    assert called(there)[newcomer] == pytest.approx(called(usually)[newcomer], abs=1e-3)
