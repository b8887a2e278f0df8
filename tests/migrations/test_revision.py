"""What is asked at every start agrees with what Alembic would say."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from qure.adapters.sql.migrations.migrate import downgrade, migrate
from qure.adapters.sql.migrations.revision import SCRIPTS, current, head, known


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return ScriptDirectory.from_config(config)


def test_the_known_revisions_are_alembics_in_order() -> None:
    history = [script.revision for script in scripts().walk_revisions()]
    assert known() == history[::-1]
    assert head() == scripts().get_current_head()


async def test_the_revision_of_a_database_is_what_was_migrated(
    tmp_path: Path, postgres_database: str
) -> None:
    for url in (f"sqlite:///{tmp_path / 'qure.db'}", postgres_database):
        assert await current(url) is None
        await migrate(url)
        assert await current(url) == head()
        await downgrade(url, "base")
        assert await current(url) is None
