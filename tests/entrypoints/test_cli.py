"""Every command explains itself, and what goes wrong is one line."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import bcrypt
import pytest

from qure.adapters.sql.migrations.revision import head
from qure.entrypoints.cli.administration import greeting
from qure.entrypoints.cli.commands import main, qure
from qure.settings import Settings
from tests.support.servers.process import free_port

COMMANDS = sorted(qure.commands)
PASSWORD = "correct horse"


@dataclass
class Ended:
    """How a command ended."""

    code: int
    output: str
    error: str

    def is_refused(self, *, code: int) -> str:
        """The one line that says why."""
        assert self.code == code
        (line,) = self.error.splitlines()
        assert line.startswith("qure: ")
        return line.removeprefix("qure: ")


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in this process."""

    def run_command(*arguments: str, **settings: str) -> Ended:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(list(arguments))
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, captured.out, captured.err)

    return run_command


def users(database: Path) -> list[tuple[str, str, str]]:
    with sqlite3.connect(database) as connection:
        found = connection.execute("SELECT email, role, password_hash FROM users").fetchall()
    connection.close()
    return found


# --- Explaining itself ---


def test_the_commands_are_those_that_are_promised() -> None:
    promised = ["serve", "worker", "migrate", "create-admin", "check-config", "openapi"]
    assert sorted(promised) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(run: Run, name: str) -> None:
    ended = run(name, "--help")
    assert ended.code == 0
    assert f"Usage: qure {name}" in ended.output
    example = ended.output.partition("Example:\n")[2]
    assert f"qure {name}" in example.partition("\n\n")[0]


def test_the_command_alone_lists_the_commands(run: Run) -> None:
    ended = run()
    assert ended.code == 2
    assert all(f"\n  {name} " in ended.error for name in COMMANDS)


def test_it_knows_its_version(run: Run) -> None:
    assert run("--version") == Ended(0, f"qure {version('qure')}\n", "")


# --- One line instead of a traceback ---


@pytest.mark.parametrize(
    "arguments",
    [
        ["--unknown"],
        ["unknown"],
        ["serve", "--port", "x"],
        ["serve", "--port", "70000"],
        ["serve", "--workers", "0"],
        ["create-admin"],
        ["migrate", "extra"],
    ],
)
def test_a_wrong_call_is_one_line(run: Run, arguments: list[str]) -> None:
    run(*arguments).is_refused(code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve"],
        ["worker"],
        ["migrate"],
        ["create-admin", "a@b.org"],
        ["check-config"],
        ["openapi"],
    ],
)
def test_a_wrong_setting_is_one_line(run: Run, arguments: list[str]) -> None:
    line = run(*arguments, PORT="many").is_refused(code=2)
    assert line == "PORT must be a whole number from 0 to 65535."


def test_a_wrong_setting_in_the_file_is_one_line(run: Run, alone: Path) -> None:
    (alone / ".env").write_text("QURE_LOG_LEVEL=LOUD\n")
    assert run("migrate").is_refused(code=2).startswith("QURE_LOG_LEVEL must be one of")


@pytest.mark.parametrize("command", [["migrate"], ["serve", "--port", "0"]])
def test_a_database_that_is_away_is_one_line_without_its_password(
    run: Run, command: list[str]
) -> None:
    url = f"postgresql://qure:hunter2@127.0.0.1:{free_port()}/qure"
    line = run(*command, DATABASE_URL=url).is_refused(code=2)
    assert line.startswith("the database cannot be used: ")
    assert "hunter2" not in line


def test_a_postgres_that_does_not_know_us_is_one_line(run: Run, postgres_server: str) -> None:
    line = run("migrate", DATABASE_URL=postgres_server + "_missing").is_refused(code=2)
    assert "does not exist" in line


@pytest.mark.parametrize(
    "command", [["migrate"], ["create-admin", "a@b.org"], ["serve", "--port", "0"]]
)
def test_a_data_folder_that_cannot_be_made_is_one_line(
    run: Run, alone: Path, command: list[str]
) -> None:
    (alone / "file").write_text("")
    line = run(*command, QURE_DATA_DIR="file/data").is_refused(code=2)
    assert line == "the data folder file/data cannot be made: Not a directory."


def test_a_database_file_that_is_none_is_one_line(run: Run, alone: Path) -> None:
    (alone / "data").mkdir()
    (alone / "data" / "qure.db").write_text("this is no database, and was never one " * 100)
    assert "file is not a database" in run("migrate").is_refused(code=2)


def test_damaged_keys_are_one_line(run: Run, alone: Path) -> None:
    (alone / "data" / "keys").mkdir(parents=True)
    (alone / "data" / "keys" / "jwt-private-key.pem").write_text("damaged")
    line = run("create-admin", "a@b.org", "--password", PASSWORD).is_refused(code=2)
    assert line.startswith("the keys in data cannot be used: ")


def test_keys_that_are_no_pair_are_one_line(run: Run) -> None:
    given = {"JWT_PRIVATE_KEY": "hunter1", "JWT_PUBLIC_KEY": "hunter2"}
    line = run("create-admin", "a@b.org", "--password", PASSWORD, **given).is_refused(code=2)
    assert line.startswith("JWT_PRIVATE_KEY and JWT_PUBLIC_KEY: ")
    assert "hunter" not in line


def test_a_port_in_use_is_one_line(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = run("serve", "--port", str(port)).is_refused(code=2)
    assert line == f"port {port} is in use: choose another with --port, or stop what uses it."


def test_an_address_that_is_not_ours_is_one_line(run: Run) -> None:
    line = run("serve", "--host", "240.0.0.1", "--port", "0").is_refused(code=2)
    assert line.startswith("cannot listen on 240.0.0.1 port 0: ")
    line = run("serve", "--host", "no.such.host.invalid").is_refused(code=2)
    assert line.startswith("no.such.host.invalid is no address to listen on")


def test_more_than_one_worker_without_redis_is_refused(run: Run) -> None:
    line = run("serve", "--workers", "2").is_refused(code=2)
    assert line.startswith("REDIS_URL is not set, and 2 processes")


def test_a_worker_without_redis_is_told_that_the_server_does_its_own_jobs(run: Run) -> None:
    line = run("worker").is_refused(code=2)
    assert line == "REDIS_URL is not set, and without Redis the server does its own jobs."


# --- migrate ---


def test_a_migration_says_from_where_to_where(run: Run, alone: Path) -> None:
    first = run("migrate")
    assert first.code == 0
    assert first.output.startswith("The database went from empty to revision ")
    again = run("migrate")
    assert again.code == 0
    assert again.output.endswith(" already.\n")
    assert (alone / "data" / "qure.db").exists()


def test_a_database_goes_back_to_an_earlier_revision_and_forth_again(run: Run) -> None:
    assert "at None, cannot go back" in run("migrate", "--back-to", "0001").is_refused(code=2)
    run("migrate")
    for unknown in ("9999", "base", head()):
        assert "cannot go back" in run("migrate", "--back-to", unknown).is_refused(code=2)
    back = run("migrate", "--back-to", "0002")
    assert back.code == 0
    assert back.output == f"The database went from {head()} to revision 0002.\n"
    assert run("migrate").output == f"The database went from 0002 to revision {head()}.\n"


def test_migrations_go_round_the_pooler(run: Run, postgres_database: str) -> None:
    pooler = f"postgresql://127.0.0.1:{free_port()}/qure"
    ended = run("migrate", DATABASE_URL=pooler, DATABASE_DIRECT_URL=postgres_database)
    assert ended.code == 0
    assert "from empty to revision" in ended.output


def test_a_schema_from_the_future_is_one_line(run: Run, alone: Path) -> None:
    run("migrate")
    with sqlite3.connect(alone / "data" / "qure.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "(9999) is unknown to this version of Qure" in run("migrate").is_refused(code=2)
    line = run("create-admin", "a@b.org", "--password", PASSWORD).is_refused(code=2)
    assert line.startswith("the database is at revision 9999, this version of Qure works with ")


# --- create-admin ---


def test_an_admin_is_made_in_an_empty_folder(run: Run, alone: Path) -> None:
    ended = run("create-admin", " Ada@Clinic.Example ", "--password", PASSWORD)
    assert ended == Ended(0, "ada@clinic.example is an admin now and can log in.\n", "")
    ((email, role, hash),) = users(alone / "data" / "qure.db")
    assert (email, role) == ("ada@clinic.example", "ADMIN")
    assert bcrypt.checkpw(PASSWORD.encode(), hash.encode())


def test_the_password_may_come_from_the_environment(run: Run, alone: Path) -> None:
    assert run("create-admin", "ada@clinic.example", QURE_ADMIN_PASSWORD=PASSWORD).code == 0
    assert bcrypt.checkpw(PASSWORD.encode(), users(alone / "data" / "qure.db")[0][2].encode())


def test_the_password_that_is_given_counts_for_more(run: Run, alone: Path) -> None:
    given = ["--password", PASSWORD]
    assert run("create-admin", "ada@clinic.example", *given, QURE_ADMIN_PASSWORD="other").code == 0
    assert bcrypt.checkpw(PASSWORD.encode(), users(alone / "data" / "qure.db")[0][2].encode())


def test_the_password_is_asked_for_twice(
    run: Run, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([PASSWORD, "a slip", PASSWORD, PASSWORD])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: next(answers))
    ended = run("create-admin", "ada@clinic.example")
    assert ended.code == 0
    assert next(answers, None) is None
    assert bcrypt.checkpw(PASSWORD.encode(), users(alone / "data" / "qure.db")[0][2].encode())


def test_without_anybody_to_ask_it_says_how_to_give_a_password(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("click.termui.visible_prompt_func", nobody)
    ended = run("create-admin", "ada@clinic.example")
    assert ended.code == 1
    assert "no password was given: use --password, QURE_ADMIN_PASSWORD" in ended.error


def test_a_user_who_exists_is_promoted_and_keeps_the_password(run: Run, alone: Path) -> None:
    run("create-admin", "ada@clinic.example", "--password", PASSWORD)
    before = users(alone / "data" / "qure.db")
    with sqlite3.connect(alone / "data" / "qure.db") as connection:
        connection.execute("UPDATE users SET role = 'PATIENT'")
    connection.close()
    ended = run("create-admin", "ADA@clinic.example")
    assert ended.code == 0
    assert "has an account already and is an admin now; the password stays" in ended.output
    assert users(alone / "data" / "qure.db") == before


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["nobody", "--password", PASSWORD], "email"),
        (["ada@clinic.example", "--password", "short"], "password"),
        (["ada@clinic.example", "--password", "x" * 1001], "password"),
        (["ada@clinic.example", "--password", PASSWORD, "--first-name", "Al"], "firstName"),
        (["ada@clinic.example", "--password", PASSWORD, "--last-name", "  x "], "lastName"),
    ],
)
def test_an_admin_keeps_the_rules_of_registering(
    run: Run, alone: Path, arguments: list[str], field: str
) -> None:
    line = run("create-admin", *arguments).is_refused(code=2)
    assert line.startswith(f"{field}: Must be ")
    assert not (alone / "data" / "qure.db").exists()


# --- serve ---


def test_an_operator_reads_how_to_become_the_first_admin_as_long_as_there_is_none() -> None:
    settings = Settings(public_url="https://queue.example")
    read = greeting(settings, "http://localhost:3000", setup_code="ABCD-EFGH-JKLM")
    line = "First admin     https://queue.example/setup#ABCD-EFGH-JKLM (code ABCD-EFGH-JKLM)"
    assert line in read
    assert "/setup" not in greeting(settings, "http://localhost:3000")


# --- check-config and openapi ---


def test_the_settings_are_told_without_secrets(run: Run) -> None:
    ended = run(
        "check-config",
        DATABASE_URL="postgresql://qure:hunter2@db.example:6432/clinics?sslmode=require",
        DATABASE_DIRECT_URL="postgresql://qure:hunter2@db.example:5432/clinics",
        REDIS_URL="redis://:hunter2@cache.example:6380/2",
        CLOUDINARY_URL="cloudinary://hunter1:hunter2@our-cloud",
        QURE_ADMIN_PASSWORD="hunter2",
        QURE_TRUSTED_PROXIES="10.0.0.0/8",
    )
    assert ended.code == 0
    assert "hunter" not in ended.output
    for told in (
        "Postgres at db.example:6432/clinics",
        "on db.example:5432/clinics",
        "Redis at cache.example:6380/2",
        "Cloudinary, cloud our-cloud",
        "10.0.0.0/8",
    ):
        assert told in ended.output


def test_the_defaults_are_the_embedded_service(run: Run, alone: Path) -> None:
    ended = run("check-config")
    assert "SQLite in data/qure.db" in ended.output
    assert ended.output.count("in the one process") == 2
    assert list(alone.iterdir()) == []


def test_each_backend_is_asked_when_wished(
    run: Run, postgres_database: str, redis_database: str
) -> None:
    given = {"DATABASE_URL": postgres_database, "REDIS_URL": redis_database}
    before = run("check-config", "--connect", **given)
    assert "`qure migrate` is needed" in before.output
    run("migrate", **given)
    ended = run("check-config", "--connect", **given)
    assert ended.code == 0
    assert "Database        answers; revision " in ended.output
    assert "Redis           answers\n" in ended.output
    assert "can be written to" in ended.output


def test_a_backend_that_is_away_is_a_fault(run: Run) -> None:
    away = f"127.0.0.1:{free_port()}"
    ended = run(
        "check-config",
        "--connect",
        DATABASE_URL=f"postgresql://qure@{away}/qure",
        REDIS_URL=f"redis://{away}/0",
    )
    assert ended.is_refused(code=1) == "2 of the backends cannot be used (see above)."


def test_the_description_of_the_api_can_be_printed(run: Run, alone: Path) -> None:
    ended = run("openapi", QURE_DOCS="false")
    assert ended.code == 0
    document = json.loads(ended.output)
    assert document["openapi"].startswith("3.1")
    assert "/api/tokens" in document["paths"]
    assert list(alone.iterdir()) == []
