"""A pytest plugin: coverage is measured where it tells something, for it doubles what a test takes.

Not in tests of the running service as strangers meet it: what runs in the test's own process is
theirs (the services that they start count all the same). And not where the framework puts the
same routes together once more for the next test's service.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar

from qure.entrypoints.http import app

TESTS = Path(__file__).parents[1]

STRANGERS = ("attacks", "deploy", "e2e", "http/test_schemathesis.py", "waits", "web")
"""In tests/."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not any(item.path.is_relative_to(TESTS / place) for place in STRANGERS):
        return (yield)
    with _unmeasured(item.config):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _routes_are_measured_once(pytestconfig: pytest.Config) -> Iterator[None]:
    is_measured = False

    def routes(*given: Any, **options: Any) -> Litestar:
        nonlocal is_measured
        if not is_measured:
            is_measured = _measures(pytestconfig) is not None
            return Litestar(*given, **options)
        with _unmeasured(pytestconfig):
            return Litestar(*given, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "Litestar", routes)
        yield


@contextmanager
def _unmeasured(config: pytest.Config) -> Iterator[None]:
    controller = _measures(config)
    if controller is None:
        yield
        return
    controller.pause()
    try:
        yield
    finally:
        controller.resume()


def _measures(config: pytest.Config) -> Any:
    """What measures at this moment, if anything does."""
    plugin = config.pluginmanager.get_plugin("_cov")
    controller = None if plugin is None else plugin.cov_controller
    return controller if controller is not None and controller.started else None
