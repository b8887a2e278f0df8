"""The command ``qure``. Every fault an operator can mend is one line on standard error.

Exit codes: 0 done, 1 it did not work, 2 the command, a setting or what it names is wrong,
130 interrupted.
What a command needs is imported when it runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import click

from qure.application.ports.setup import SetupError
from qure.domain.errors import DomainError, Invalid
from qure.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit."""
    try:
        status = qure.main(arguments, prog_name="qure", standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _complain(error.format_message(), error.exit_code)
    except SetupError as error:
        _complain(str(error), 2)
    except Invalid as error:
        _complain(" ".join(f"{one.path}: {one.message}" for one in error.errors), 2)
    except DomainError as error:
        _complain(error.message, 1)
    sys.exit(status if isinstance(status, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="qure", message="qure %(version)s")
def qure() -> None:
    """The real-time queue for clinics.

    Settings come from the environment and from the file .env; .env.example lists them all.

    \b
    Example:
      qure serve
      qure create-admin ada@clinic.example
    """


@qure.command()
@click.option("--host", help="Address to listen on (QURE_HOST).  [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="TCP port, 0 for any (PORT).  [default: 3000]"
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Server processes."
)
def serve(host: str | None, port: int | None, workers: int) -> None:
    """Serve HTTP and sockets until Ctrl-C or SIGTERM.

    Migrates the database first. More than one worker needs REDIS_URL.

    \b
    Example:
      qure serve --host 0.0.0.0 --port 8080 --workers 4
    """
    settings = load_settings()
    settings = replace(
        settings,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
    )
    gc.disable()  # Nothing becomes garbage while modules load; `run_process` enables it again.
    from qure.entrypoints.cli.administration import greeting
    from qure.entrypoints.process.serving import serve as serve_until_told

    serve_until_told(
        settings,
        workers=workers,
        on_ready=lambda url, setup_code: click.echo(
            greeting(settings, url, workers=workers, setup_code=setup_code)
        ),
    )


@qure.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Answer /health and /metrics there.")
def worker(port: int | None) -> None:
    """Do background work for servers that share a Redis, until Ctrl-C or SIGTERM.

    Pictures are made fit, queues opened at midnight, leftovers swept. Start as many as you like.

    \b
    Example:
      REDIS_URL=redis://localhost:6379/0 qure worker --port 3100
    """
    from qure.entrypoints.process.worker import work

    work(
        load_settings(),
        port=port,
        on_ready=lambda: click.echo("The worker waits for jobs. Ctrl-C stops it."),
    )


@qure.command()
@click.option("--back-to", metavar="REVISION", help="For an older Qure. Stop all processes first.")
def migrate(back_to: str | None) -> None:
    """Bring the database to this version's schema (on DATABASE_DIRECT_URL).

    Safe to run at any time, on several machines at once, and again. Going back keeps the data.

    \b
    Example:
      qure migrate
    """
    from qure.bootstrap import schema_of

    schema = schema_of(load_settings())
    found = asyncio.run(schema.go_back(back_to) if back_to else schema.migrate())
    if found.before == found.after:
        click.echo(f"The database is at revision {found.after} already.")
    else:
        click.echo(f"The database went from {found.before or 'empty'} to revision {found.after}.")


@qure.command("create-admin")
@click.argument("email")
@click.option("--first-name", default="Qure", show_default=True, help="At least 3 characters.")
@click.option("--last-name", default="Admin", show_default=True, help="At least 3 characters.")
@click.option(
    "--password",
    help="6 to 1000 characters. Else QURE_ADMIN_PASSWORD counts, else it is asked for.",
)
def create_admin(email: str, first_name: str, last_name: str, password: str | None) -> None:
    """Make an admin, or promote the user who has that e-mail address.

    Works while the service runs. A user who exists keeps name and password.

    \b
    Example:
      qure create-admin ada@clinic.example --first-name Ada --last-name Lovelace
    """
    from qure.entrypoints.cli.administration import make_admin

    settings = load_settings()
    address, was_made = asyncio.run(
        make_admin(
            settings,
            email=email,
            first_name=first_name,
            last_name=last_name,
            password=password or settings.admin_password,
            ask_password=_ask_password,
        )
    )
    if was_made:
        click.echo(f"{address} is an admin now and can log in.")
    else:
        click.echo(f"{address} has an account already and is an admin now; the password stays.")


@qure.command("check-config")
@click.option("--connect", is_flag=True, help="Also ask each backend whether it answers.")
def check_config(connect: bool) -> None:
    """Check the settings and say what they choose, without any secret.

    \b
    Example:
      DATABASE_URL=postgresql://qure@localhost/qure qure check-config --connect
    """
    from qure.entrypoints.cli.administration import check

    settings = load_settings()
    faults = 0
    for line in asyncio.run(check(settings, connect=connect)):
        click.echo(f"{line.subject:<15} {line.sentence}")
        faults += line.is_fault
    if faults:
        raise click.ClickException(f"{faults} of the backends cannot be used (see above).")


@qure.command()
@click.option("--types", is_flag=True, help="TypeScript declarations instead, socket events too.")
def openapi(types: bool) -> None:
    """Print the description of the HTTP API as OpenAPI 3.1 in JSON.

    \b
    Example:
      qure openapi > openapi.json
      qure openapi --types > qure.d.ts
    """
    from qure.entrypoints.cli.administration import openapi_json, type_declarations

    settings = load_settings()
    click.echo(type_declarations(settings) if types else openapi_json(settings), nl=not types)


def _ask_password() -> str:
    try:
        return str(
            click.prompt("Password", hide_input=sys.stdin.isatty(), confirmation_prompt=True)
        )
    except click.Abort:
        raise click.ClickException(
            "no password was given: use --password, QURE_ADMIN_PASSWORD, or a terminal."
        ) from None


def _complain(sentence: str, code: int) -> NoReturn:
    line = " ".join(sentence.split())
    click.echo(f"qure: {line[:1].lower() + line[1:] if _is_prose(line) else line}", err=True)
    sys.exit(code)


def _is_prose(line: str) -> bool:
    """Whether the first word is a plain one, not the name of a variable."""
    first = line.partition(" ")[0]
    return first[1:].islower() or first in ("A", "I")
