"""Modules are short enough to be read in one go."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "qure"
MOST_LINES = 300
BOUNDS = {"bootstrap.py": 200}

# What is longer today, and how long: it may only shrink, and leaves the list when it is short.
LONGER = {
    "adapters/sql/migrations/versions/v0001_first_schema.py": 341,
    "adapters/sql/migrations/versions/v0003_services_and_journal.py": 492,
}


def test_no_module_is_longer_than_it_may_be() -> None:
    sizes = {
        path.relative_to(SOURCE).as_posix(): len(path.read_text().splitlines())
        for path in SOURCE.rglob("*.py")
    }
    longer = {name: size for name, size in sizes.items() if size > BOUNDS.get(name, MOST_LINES)}
    assert {name: size for name, size in longer.items() if size > LONGER.get(name, 0)} == {}
    assert set(LONGER) == set(longer), "what is short enough leaves the list"
