"""A pytest plugin: `--core-coverage 100` fails the run when domain and application fall below."""

from __future__ import annotations

from collections.abc import Generator
from io import StringIO

import coverage
import pytest
from coverage.exceptions import NoDataError

CORE = ["src/qure/domain/*", "src/qure/application/*"]

_verdict = pytest.StashKey[tuple[bool, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--core-coverage",
        type=float,
        metavar="PERCENT",
        help="fail when domain and application are covered less (by line and branch); needs --cov",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Judge after pytest-cov, whose own wrapper lies inside this one, has combined the data."""
    result = yield
    required = session.config.getoption("--core-coverage")
    if required is not None and not hasattr(session.config, "workerinput"):
        report = StringIO()
        measured = coverage.Coverage()
        measured.load()
        try:
            total = measured.report(include=CORE, file=report)
        except NoDataError as error:
            total, _ = 0.0, report.write(f"{error}\n")
        reached = total >= required
        session.testsfailed += not reached
        verdict = f"Core coverage {total:.2f}%, required {required:g}%"
        session.config.stash[_verdict] = (
            reached,
            verdict if reached else f"{report.getvalue()}FAIL {verdict}",
        )
    return result


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if _verdict in config.stash:
        reached, text = config.stash[_verdict]
        terminalreporter.write_line(text, green=reached, red=not reached)
